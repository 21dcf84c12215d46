"""The lab from a terminal: ``python -m core train``, ``evaluate``, ``predict``, ``models`` and ``runs``."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import torch

from core import data, devices
from core.analysis.evaluation import evaluate
from core.cli import models as models_command
from core.cli import runs as terminal
from core.handwriting.photographs import find_digit, read_image
from core.hyperparameters import Hyperparameter, number
from core.models.checkpoints import (
    Checkpoint,
    load_checkpoint,
    load_parameters,
    save_checkpoint,
    save_parameters,
    trained_loss,
)
from core.optimizers import OPTIMIZERS
from core.runs.export import finite
from core.training.config import EPOCHS, PLAIN, RunConfig, check_device_name
from core.training.events import Diverged, EpochDone, Event, RunFinished, RunStarted, StepsDone, StoppedEarly
from core.training.schedules import SCHEDULES
from core.training.trainer import Stop, Trainer


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is in ``--help``."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 2 for bad input, told in one line on stderr."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.run
    try:
        command(options)
    except (ValueError, data.DataError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description="Train, evaluate and use the digit network.")
    commands = parser.add_subparsers(required=True, metavar="command")

    train = commands.add_parser("train", help="train the network on MNIST")
    train.add_argument("--optimizer", help=f"{', '.join(OPTIMIZERS)}; default adam")
    train.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="of the optimizer")
    train.add_argument("--batch-size", help="images per step, or full; the optimizer's own unless given")
    train.add_argument("--schedule", help=f"{', '.join(SCHEDULES)}; default constant")
    train.add_argument("--schedule-param", action="append", default=[], metavar="NAME=VALUE")
    for parameter in PLAIN:
        _add_option(train, parameter)
    train.add_argument("--device", help="auto, cpu, cuda, cuda:N or mps; default auto")
    train.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads")
    train.add_argument("--save", type=Path, metavar="PATH", help="write the parameters there (safetensors)")
    train.add_argument("--save-whole", type=Path, metavar="PATH", help="write there all that training goes on from")
    train.add_argument("--resume", type=Path, metavar="FILE", help="go on from a whole model; --epochs may be given")
    train.set_defaults(run=_train)

    test = commands.add_parser("evaluate", help="a saved model's figures on the 10,000 test digits")
    test.add_argument("model", type=Path)
    test.set_defaults(run=_evaluate)

    predict = commands.add_parser("predict", help="which digit a picture shows")
    predict.add_argument("model", type=Path)
    predict.add_argument("images", type=Path, nargs="+", metavar="image")
    predict.set_defaults(run=_predict)

    models = commands.add_parser("models", help="the lab's library of models")
    listed = models_command.add(models.add_subparsers(required=True, metavar="command"))
    for listed_parser, command in listed:
        listed_parser.set_defaults(run=lambda options, command=command: _say(options, *command(options)))

    for each in (train, test, predict, *(listed_parser for listed_parser, _ in listed)):
        each.add_argument("--json", action="store_true", help="the last line of stdout is one JSON value")
    terminal.add_commands(commands)
    return parser


def _add_option(parser: argparse.ArgumentParser, parameter: Hyperparameter) -> None:
    flag = "--" + parameter.name.replace("_", "-")
    help = f"{parameter.help} {parameter.rule}; default {number(parameter.default)}".replace("%", "%%")
    if isinstance(parameter.default, bool):
        parser.add_argument(flag, action="store_true", default=None, help=parameter.help)
    else:
        parser.add_argument(flag, default=None, metavar="VALUE", help=help)


def _config(options: argparse.Namespace) -> RunConfig:
    """The config that the options ask for; what is not given is the optimizer's own recommendation."""
    given = {p.name: getattr(options, p.name) for p in PLAIN if getattr(options, p.name) is not None}
    parsers = {p.name: p for p in PLAIN}
    values = {name: v if isinstance(v, bool) else parsers[name].parse(v) for name, v in given.items()}
    if options.batch_size is not None:
        size = options.batch_size
        values["batch_size"] = int(size) if size.lstrip("-").isdigit() else size
    device, names = options.device or "auto", (options.optimizer or "adam", options.schedule or "constant")
    check_device_name(device)
    # Unknown names get the registry's own sentence from the config.
    optimizer, schedule = OPTIMIZERS.get(names[0]), SCHEDULES.get(names[1])
    return RunConfig.recommended(
        names[0],
        optimizer_params=_named(options.param, optimizer.hyperparameters if optimizer else ()),
        schedule=names[1],
        schedule_params=_named(options.schedule_param, schedule.hyperparameters if schedule else ()),
        device=device,
        **values,
    )


def _named(assignments: list[str], known: tuple[Hyperparameter, ...]) -> dict[str, Any]:
    """``["betas=0.9,0.99"]`` as values; a name that is not known is left to the config to refuse."""
    parsers = {parameter.name: parameter for parameter in known}
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ValueError(f"param must be NAME=VALUE, got {assignment}.")
        values[name] = parsers[name].parse(text) if name in parsers else text
    return values


def _resumed(options: argparse.Namespace) -> Checkpoint:
    """The whole model to go on from, with as many epochs as are asked for.

    Raises:
        ValueError: for an option that the file decides, or if there is nothing left to train.
    """
    others = ["optimizer", "param", "batch_size", "schedule", "schedule_param", "device"]
    others += [p.name for p in PLAIN if p is not EPOCHS]
    for name in others:
        if getattr(options, name):
            flag = "--" + name.replace("_", "-")
            raise ValueError(f"{flag} must not be given with --resume: the file has the settings of its run.")
    checkpoint = load_checkpoint(options.resume)
    if options.epochs is not None:
        checkpoint = replace(
            checkpoint, config=replace(checkpoint.config, epochs=int(str(EPOCHS.parse(options.epochs))))
        )
    steps, step = checkpoint.config.span.steps, checkpoint.state.get("step")
    if step == steps:
        raise ValueError(
            f"epochs must be more than the {checkpoint.config.epochs} that the file's run has been through."
        )
    return checkpoint


def _train(options: argparse.Namespace) -> None:
    start = _resumed(options) if options.resume else None
    config = start.config if start else _config(options)
    if options.threads is None or options.threads < 1:
        raise ValueError(f"threads must be a whole number from 1, got threads = {options.threads}.")
    devices.prepare_cpu(options.threads)
    trainer = Trainer(config)
    if start:
        trainer.restore(start.state)
        changes = devices.changes(start.metadata.get("environment"), devices.environment(trainer.device))
        how = f"not bit-exact: {changes}" if changes else "bit-exact"
        print(f"Goes on after step {trainer.step} of {config.span.steps}, {how}.")
    epochs: list[EpochDone] = []
    finished = _follow(trainer, epochs)
    seconds = sum(epoch.seconds for epoch in epochs)
    result = {
        "test_accuracy": finished.test_accuracy,
        "test_loss": finished.test_loss,
        "validation_accuracy": epochs[-1].validation_accuracy if epochs else None,
        "seconds_per_epoch": [epoch.seconds for epoch in epochs],
        "images_per_second": len(epochs) * config.train_images / seconds if epochs else None,
        "reason": finished.reason,
        "device": str(trainer.device),
    }
    if options.save:
        figures = {"test_loss": finished.test_loss, "test_accuracy": finished.test_accuracy}
        metrics = {"step": finished.step, **figures}
        save_parameters(trainer.network, options.save, {"config": config.to_dict(), "metrics": metrics})
        print(f"Saved the parameters to {options.save}.")
    if options.save_whole:
        metadata = {"environment": devices.environment(trainer.device)}
        save_checkpoint(options.save_whole, Checkpoint(config, trainer.state(), metadata))
        print(f"Saved the whole model to {options.save_whole}.")
    _say(options, result, f"Test accuracy {finished.test_accuracy:.2%}, test loss {finished.test_loss:.4f}.")


def _follow(trainer: Trainer, epochs: list[EpochDone]) -> RunFinished:
    """Run to the end, showing the progress; Ctrl-C stops the run and keeps what it has learned."""
    stop: list[Stop] = []
    previous = signal.signal(signal.SIGINT, lambda *_: stop.append(Stop()))
    events = trainer.events()
    event = next(events)
    try:
        while not isinstance(event, RunFinished):
            _show(event, trainer)
            if isinstance(event, EpochDone):
                epochs.append(event)
            event = events.send(stop.pop() if stop else None)
    finally:
        signal.signal(signal.SIGINT, previous)
    return event


def _show(event: Event, trainer: Trainer) -> None:
    on_terminal = sys.stderr.isatty()
    if isinstance(event, RunStarted):
        images = f"{event.train_images} training and {event.validation_images} validation images"
        print(f"{trainer.config.optimizer_spec.label}, {images}, {event.steps} steps, on {event.device}")
    elif isinstance(event, StepsDone) and on_terminal:
        steps = trainer.config.span.steps
        done = 30 * trainer.step // steps
        bar = "█" * done + "░" * (30 - done)
        line = (
            f"{bar} step {trainer.step}/{steps}  loss {event.losses[-1]:.4f}  {event.images_per_second:,.0f} images/s"
        )
        print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
    elif isinstance(event, EpochDone):
        if on_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
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


def _evaluate(options: argparse.Namespace) -> None:
    network, metadata = load_parameters(options.model)
    test = evaluate(network, data.load().test, trained_loss(metadata))
    _say(
        options,
        {"test_accuracy": test.accuracy, "test_loss": test.loss},
        f"Test accuracy {test.accuracy:.2%}, test loss {test.loss:.4f}.",
    )


def _predict(options: argparse.Namespace) -> None:
    network, _ = load_parameters(options.model)
    answers = []
    for path in options.images:
        try:
            digit = find_digit(read_image(path)).digit
        except ValueError as error:
            raise ValueError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
        with torch.no_grad():
            probabilities = network(torch.from_numpy(digit / 255.0).float()[None]).softmax(1)[0]
        answers.append(
            {"path": str(path), "digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}
        )
    lines = [f"{a['path']}: {a['digit']} ({max(a['probabilities']):.1%})" for a in answers]
    _say(options, answers, "\n".join(lines))


def _say(options: argparse.Namespace, result: Any, text: str) -> None:
    print(json.dumps(finite(result), allow_nan=False) if options.json else text)
