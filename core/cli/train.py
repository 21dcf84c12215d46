"""``python -m core train``: a run from its start, or on from a whole model."""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from core import devices, ink, paths
from core.cli.output import say
from core.cli.parsing import (
    Commands,
    Parser,
    add_command,
    add_hyperparameter,
    check_target,
    file_path,
    flag,
    hyperparameters,
    named_values,
)
from core.hyperparameters import Hyperparameter, InvalidValue, number
from core.models import names
from core.models.checkpoints import SUFFIX, Checkpoint, load_checkpoint, save_checkpoint, save_parameters
from core.optimizers import OPTIMIZERS, OptimizerSpec
from core.runs.history import History
from core.training.commands import Stop
from core.training.config import EPOCHS, PLAIN, RunConfig, parse_batch_size
from core.training.events import Diverged, EpochDone, Event, RunFinished, RunStarted, StepsDone, StoppedEarly
from core.training.remarks import remarks
from core.training.schedules import SCHEDULES, ScheduleSpec
from core.training.trainer import Trainer

THREADS = Hyperparameter("threads", os.cpu_count() or 1, "CPU threads.", low=1, high=1024)
BAR = 30


def add_parser(commands: Commands) -> None:
    """Add ``train``."""
    parser = add_command(commands, "train", train, "train the network on MNIST")
    add_settings(parser)
    parser.add_argument("--save", type=file_path("save"), metavar="PATH", help="file for the parameters (safetensors)")
    parser.add_argument(
        "--save-whole", type=file_path("save_whole"), metavar="PATH", help="file for the whole run, to go on from"
    )
    parser.add_argument(
        "--resume", type=file_path("resume"), metavar="FILE", help="go on from a whole model; --epochs may be given"
    )


def add_settings(parser: Parser) -> None:
    """Add an option for each setting of a run, and for the threads."""
    parser.add_argument("--optimizer", help=f"{', '.join(OPTIMIZERS)}; default adam")
    parser.add_argument("--param", action="append", metavar="NAME=VALUE", help="parameter of the optimizer")
    parser.add_argument("--batch-size", help="images per step, or full; the optimizer's own unless given")
    parser.add_argument("--schedule", help=f"{', '.join(SCHEDULES)}; default constant")
    parser.add_argument("--schedule-param", action="append", metavar="NAME=VALUE", help="parameter of the schedule")
    for parameter in PLAIN:
        add_hyperparameter(parser, parameter)
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:N or mps; default auto")
    add_hyperparameter(parser, THREADS)


def train(options: argparse.Namespace) -> None:
    """Train, show the progress, save what is asked for, and print the figures."""
    before = load_checkpoint(options.resume) if options.resume else None
    config = _resumed(options, before) if before else asked_config(options)
    _check_targets({name: path for name in ("save", "save_whole") if (path := getattr(options, name))})
    threads = hyperparameters(options, [THREADS]).get("threads", THREADS.default)
    devices.prepare_cpu(int(str(threads)))
    for remark in remarks(config):
        print(f"Note: {remark.sentence}")
    trainer = Trainer(config)
    if ink.compiles():
        print("Compiling the training step for this machine, once: the run begins in some ten seconds.", flush=True)
    if before:
        trainer.restore(before.state)
        changes = before.changes(config, devices.environment(trainer.device))
        how = f"not bit-exact: {changes}" if changes else "bit-exact"
        print(f"Goes on after step {trainer.step} of {config.span.steps}, {how}.")
    history = History()
    finished = _follow(trainer, history)
    _save(options, trainer, finished)
    epochs = history.epochs
    result = {
        "test_accuracy": finished.test_accuracy,
        "test_loss": finished.test_loss,
        "validation_accuracy": epochs[-1].validation_accuracy if epochs else None,
        "seconds_per_epoch": [epoch.seconds for epoch in epochs],
        "images_per_second": history.images_per_second,
        "reason": finished.reason,
        "device": str(trainer.device),
    }
    say(options, result, f"Test accuracy {finished.test_accuracy:.2%}, test loss {finished.test_loss:.4f}.")


def asked_config(options: argparse.Namespace) -> RunConfig:
    """Return the config that the options ask for; what is not given is the optimizer's own recommendation."""
    values = dict(hyperparameters(options, PLAIN))
    if options.batch_size is not None:
        values["batch_size"] = parse_batch_size(options.batch_size)
    if options.device is not None:
        values["device"] = options.device
    optimizer = "adam" if options.optimizer is None else options.optimizer
    schedule = "constant" if options.schedule is None else options.schedule
    own, of_schedule = _parameters(OPTIMIZERS.get(optimizer)), _parameters(SCHEDULES.get(schedule))
    return RunConfig.recommended(
        optimizer,
        optimizer_params=named_values("param", options.param or (), own),
        schedule=schedule,
        schedule_params=named_values("schedule_param", options.schedule_param or (), of_schedule),
        **values,
    )


def _parameters(spec: OptimizerSpec | ScheduleSpec | None) -> dict[str, Hyperparameter]:
    """Return the parameters by name; none of an unknown row, which the config refuses in the registry's own words."""
    return {p.name: p for p in spec.hyperparameters} if spec else {}


def _resumed(options: argparse.Namespace, before: Checkpoint) -> RunConfig:
    """Return the settings with which the whole model goes on, with as many epochs as are asked for.

    Raises:
        ValueError: for an option that the file decides, or if there is nothing left to train.
    """
    decided = ["optimizer", "param", "batch_size", "schedule", "schedule_param", "device"]
    decided += [parameter.name for parameter in PLAIN if parameter is not EPOCHS]
    for name in decided:
        if getattr(options, name) is not None:
            raise ValueError(f"{flag(name)} must not be given with --resume: the file has the settings of its run.")
    epochs = hyperparameters(options, [EPOCHS]).get("epochs")
    return before.continued(None if epochs is None else int(str(epochs)))


def _check_targets(targets: dict[str, Path]) -> None:
    """Raise ValueError for a path that nothing can be saved to: before training, since the run would be lost after it.

    Args:
        targets: the paths by the names of their options.
    """
    folders = (paths.models(), paths.ROOT / "models")
    shipped = {names.place(folder, name).resolve() for folder in folders for name in names.SHIPPED}
    for name, path in targets.items():
        check_target(name, path)
        if path.resolve() in shipped:
            raise InvalidValue(name, "be another path than that of the model that comes with the lab", str(path))
        nearest = next(folder for folder in path.absolute().parents if folder.exists())
        try:
            # Only an attempt tells: rights say nothing of a read-only disk.
            tempfile.TemporaryFile(dir=nearest).close()
        except OSError:
            raise InvalidValue(name, "be in a folder that can be written to", str(path)) from None
    if len({path.resolve() for path in targets.values()}) < len(targets):
        raise ValueError(f"--save and --save-whole must be two different files, got {targets['save']} for both.")
    for name, path in targets.items():
        # By its end the lab knows what a file is: it would take its own for another tool's.
        if path.suffix.lower() != SUFFIX:
            raise InvalidValue(name, f"end in {SUFFIX}", str(path))


def _save(options: argparse.Namespace, trainer: Trainer, finished: RunFinished) -> None:
    if options.save:
        figures = {"test_loss": finished.test_loss, "test_accuracy": finished.test_accuracy}
        metadata = {"config": trainer.config.to_dict(), "metrics": {"step": finished.step, **figures}}
        save_parameters(trainer.network, options.save, metadata)
        print(f"Saved the parameters to {options.save}.")
    if options.save_whole and not finished.can_go_on:
        print(f"Not saved to {options.save_whole}: the run diverged, so training cannot go on from it.")
    elif options.save_whole:
        environment = {"environment": devices.environment(trainer.device)}
        save_checkpoint(options.save_whole, Checkpoint(trainer.config, trainer.state(), environment))
        print(f"Saved the whole model to {options.save_whole}.")


def _follow(trainer: Trainer, history: History) -> RunFinished:
    """Train to the end, showing and recording the progress; Ctrl-C stops the run and keeps its parameters."""
    stop: list[Stop] = []
    previous = signal.signal(signal.SIGINT, lambda *_: stop.append(Stop()))
    events = trainer.events()
    event = next(events)
    try:
        while not isinstance(event, RunFinished):
            _show(event, trainer)
            history.add(event)
            event = events.send(stop.pop() if stop else None)
    finally:
        signal.signal(signal.SIGINT, previous)
        _clear_bar()
    return event


def _clear_bar() -> None:
    """Clear the bar, if stderr is a terminal, so that a line can be printed in its place."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _show(event: Event, trainer: Trainer) -> None:
    """Print one event: lines on stdout, and a bar on stderr if that is a terminal."""
    if not isinstance(event, StepsDone):
        _clear_bar()
    if isinstance(event, RunStarted):
        images = f"{event.train_images} training and {event.validation_images} validation images"
        print(f"{trainer.config.optimizer_spec.label}, {images}, {event.steps} steps, on {event.device}")
    elif isinstance(event, StepsDone) and sys.stderr.isatty():
        step, steps = trainer.step, trainer.config.span.steps
        done = BAR * step // steps
        figures = f"step {step}/{steps}  loss {event.losses[-1]:.4f}  {event.images_per_second:,.0f} images/s"
        print(f"\r{'█' * done}{'░' * (BAR - done)} {figures}\x1b[K", end="", file=sys.stderr, flush=True)
    elif isinstance(event, EpochDone):
        line = f"Epoch {event.epoch + 1}: training loss {event.train_loss:.4f}, accuracy {event.train_accuracy:.2%}"
        if event.validation_loss is not None and event.validation_accuracy is not None:
            line += f"; validation loss {event.validation_loss:.4f}, accuracy {event.validation_accuracy:.2%}"
        print(f"{line}; {event.seconds:.2f} s", flush=True)
    elif isinstance(event, StoppedEarly):
        print(
            f"Stopped early: since epoch {event.best_epoch + 1} the validation loss has not been below its "
            f"{event.validation_loss:.4f}."
        )
    elif isinstance(event, Diverged):
        print(
            f"The loss stopped being finite at step {event.step} with learning rate {number(event.learning_rate)}; "
            f"the parameters after step {event.restored_step} are kept."
        )
