"""``python -m core sweep``: many settings tried, the best one found."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core import devices, paths
from core.cli.output import say
from core.cli.parsing import Commands, add_command, add_hyperparameter, hyperparameters
from core.cli.train import BAR, THREADS, add_settings, asked_config
from core.hyperparameters import InvalidValue, counted, number
from core.runs.service import Service
from core.sweep import view
from core.sweep.importance import Importance
from core.sweep.own_runs import failure
from core.sweep.race import SEEDS
from core.sweep.settings import MINUTES, PRUNE, SAMPLER, TRIALS, Estimate, Settings
from core.sweep.studies import Studies
from core.sweep.text import parse
from core.sweep.view import Trial, View

#: Lines of the table at the end.
SHOWN = 5
#: Seconds between two looks; a line per trial is enough.
_LOOK_SECONDS = 0.1
_OWN = (SAMPLER, TRIALS, MINUTES, SEEDS, PRUNE)


def add_parser(commands: Commands) -> None:
    """Add ``sweep``."""
    parser = add_command(commands, "sweep", sweep, "try many settings and find the best")
    parser.add_argument(
        "--vary",
        action="append",
        metavar="NAME=VALUES",
        help="a setting and its values: lr=1e-4:1:log, batch_size=16,64,256, optimizer=sgd,adam, momentum=0.5:0.99",
    )
    for parameter in _OWN:
        add_hyperparameter(parser, parameter)
    add_settings(parser)


def sweep(options: argparse.Namespace) -> int:
    """Run the sweep to its end, or go on with the same one that was left; print the best settings.

    Returns:
        1 where the sweep failed, or no trial has finished.
    """
    settings = _settings(options)
    _check_devices(settings)
    threads = hyperparameters(options, [THREADS]).get("threads")
    with contextlib.ExitStack() as stack:
        interrupted = stack.enter_context(_interrupt())
        service = Service(paths.home(), threads=None if threads is None else int(str(threads)))
        stack.enter_context(contextlib.closing(service))
        studies = stack.enter_context(contextlib.closing(Studies(paths.home() / "sweeps", service)))
        study_id = _begun(studies, settings)
        done = _follow(service, studies, study_id, interrupted)
        if interrupted:
            studies.pause(study_id)
        importance = _importance(studies, study_id)
        say(options, _json(done, importance), _text(done, importance, bool(interrupted)))
        none = not (done.ranking or interrupted)
        tried = [run_id for trial in done.trials for run_id in trial.runs]
        if reason := done.message or (failure(service, tried) if none else ""):
            print(reason, file=sys.stderr)
        return int(none or done.state == view.FAILED)


def _settings(options: argparse.Namespace) -> Settings:
    if not options.vary:
        raise InvalidValue("vary", "be given, as NAME=VALUE,VALUE or NAME=LOW:HIGH", "")
    names = [text.partition("=")[0].strip() for text in options.vary]
    # A rate that suits one optimizer would compare the rate and not the optimizers.
    own_rates = "optimizer" in names and "lr" not in names and options.lr is None
    base = asked_config(options)
    given: dict[str, Any] = hyperparameters(options, _OWN)
    return Settings(parse(base, options.vary, own_rates), seed=base.seed, **given)


def _check_devices(settings: Settings) -> None:
    """Raise InvalidValue for a device that this machine does not have, before every trial fails for it."""
    # A cluster's workers have devices of their own.
    if not os.environ.get("DESCENT_CLUSTER"):
        varied = {dimension.name: dimension.ladder for dimension in settings.space.dimensions}
        for name in varied.get("device", (settings.space.base.device,)):
            devices.resolve(name)


def _begun(studies: Studies, settings: Settings) -> str:
    """Return the id of the same sweep where it was begun before, else of a new one."""
    before = studies.asked(settings)
    if before is None:
        print(_expected(studies.estimate(settings)))
        return studies.start(settings)
    found = studies.view(before)
    assert found is not None
    if found.state == view.FINISHED:
        print("The same sweep has finished before; these are its results.")
    else:
        studies.resume(before)
        # Without those that failed, which are tried again.
        found = studies.view(before) or found
        print(f"Goes on with the same sweep, of which {found.done} of {_of(found.settings.trials)} are done.")
    return before


def _expected(expected: Estimate) -> str:
    runs, workers = counted(expected.runs, "run"), counted(expected.workers, "worker")
    return f"{runs}, about {_duration(expected.seconds)} on {workers}."


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _of(trials: int | None) -> str:
    return "its trials" if trials is None else counted(trials, "trial")


def _follow(service: Service, studies: Studies, study_id: str, interrupted: list[int]) -> View:
    """Show the progress until the sweep has ended or Ctrl-C was pressed."""
    shown: set[int] = set()
    begun, revision = False, -1
    while True:
        found = studies.view(study_id)
        assert found is not None
        if found.revision != revision:
            revision = found.revision
            fresh = [trial for trial in found.trials if trial.state in view.OVER and trial.number not in shown]
            shown |= {trial.number for trial in fresh}
            # Those of an earlier call are not said again.
            _show(found, [_ended(service, trial) for trial in fresh] if begun else [])
            begun = True
        if found.state != view.RUNNING or interrupted:
            print("\r\x1b[K" if sys.stderr.isatty() else "", end="", file=sys.stderr, flush=True)
            return found
        time.sleep(_LOOK_SECONDS)


def _ended(service: Service, trial: Trial) -> str:
    """Return the line of a trial that has ended; one that failed says why."""
    line = f"Trial {trial.number + 1}: {_line(trial)}"
    reason = failure(service, trial.runs) if trial.state == "failed" else ""
    return f"{line}: {reason}" if reason else line


def _show(found: View, fresh: list[str]) -> None:
    """Print the lines of trials that have ended on stdout, and a bar on stderr if that is a terminal."""
    on_terminal = sys.stderr.isatty()
    if on_terminal and fresh:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    for line in fresh:
        print(line, flush=True)
    if on_terminal:
        trials, minutes = found.settings.trials, found.settings.minutes
        shares = [found.done / trials] if trials else []
        shares += [found.seconds / (60 * minutes)] if minutes else []
        done = round(BAR * min(1.0, max(shares)))
        best = f", best {found.best.accuracy:.2%}" if found.best and found.best.accuracy is not None else ""
        figures = f"{found.done}{f'/{trials}' if trials else ''} trials{best}"
        print(f"\r{'█' * done}{'░' * (BAR - done)} {figures}\x1b[K", end="", file=sys.stderr, flush=True)


def _line(trial: Trial) -> str:
    chosen = ", ".join(f"{name} {number(value)}" for name, value in trial.chosen.items())
    accuracy = f"{trial.accuracy:.2%}" if trial.accuracy is not None else "no accuracy"
    ended = "" if trial.state == "finished" else f", {trial.state} after {counted(trial.epochs, 'epoch')}"
    return f"validation accuracy {accuracy} with {chosen}{ended}"


def _importance(studies: Studies, study_id: str) -> tuple[Importance, ...]:
    job = studies.importance(study_id)
    return job.wait() if job else ()


def _text(found: View, importance: tuple[Importance, ...], interrupted: bool) -> str:
    lines = [f"{place}. {_line(trial)}" for place, trial in enumerate(found.ranking[:SHOWN], 1)]
    if len(importance) > 1:
        shares = (f"{row.name} {row.share:.0%} ({row.low:.0%} to {row.high:.0%})" for row in importance)
        lines.append(f"Importance: {', '.join(shares)}")
    if interrupted:
        lines.append("Interrupted. The same command goes on with it.")
    return "\n".join(lines or ["No trial has finished."])


def _json(found: View, importance: tuple[Importance, ...]) -> dict[str, Any]:
    best = found.best
    return {
        "best": {"config": best.config.to_dict(), "validation_accuracy": best.accuracy} if best else None,
        "trials": [
            {
                "config": trial.config.to_dict(),
                "state": trial.state,
                "epochs": trial.epochs,
                "validation_accuracy": trial.accuracy,
            }
            for trial in found.trials
        ],
        "importance": {row.name: row.share for row in importance},
        "seconds": found.seconds,
    }


@contextmanager
def _interrupt() -> Iterator[list[int]]:
    """Collect Ctrl-C in a list instead of ending the program."""
    pressed: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, previous)
