"""``python -m core runs``: list, show, export and delete runs; all but ``delete`` work while a server trains."""

import argparse
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from filelock import FileLock, Timeout

from core import paths
from core.cli.output import say
from core.cli.parsing import (
    Commands,
    add_command,
    add_group,
    add_hyperparameter,
    check_target,
    file_path,
    hyperparameters,
)
from core.files import shortened, write_atomically
from core.hyperparameters import Hyperparameter, counted, number
from core.runs import export as export_file
from core.runs import states
from core.runs.store import Run, Store

LIMIT = Hyperparameter("limit", 30, "Number of runs.", low=1, high=1_000_000)
FORMAT = Hyperparameter("format", "csv", "File format.", choices=("csv", "json"))
#: Fields shown in this machine's local time; JSON has unix seconds.
_TIMES = ("created", "started", "ended", "deleted", "at")


def add_parser(commands: Commands) -> None:
    """Add ``runs`` with its commands."""
    group = add_group(commands, "runs", "list, show, export or delete the lab's runs")
    listing = add_command(group, "list", list_runs, "the latest runs")
    add_hyperparameter(listing, LIMIT)
    listing.add_argument("--bin", action="store_true", help="those in the bin")

    showing = add_command(group, "show", show, "all about one run but its points")
    showing.add_argument("id", metavar="run", help="its number or id")

    exporting = add_command(group, "export", export, "runs with all their steps, as CSV or JSON", json=False)
    exporting.add_argument("ids", metavar="run", nargs="*", help="numbers or ids; all runs unless given")
    add_hyperparameter(exporting, FORMAT)
    exporting.add_argument(
        "--output", type=file_path("output"), metavar="PATH", help="the file to write; stdout unless given"
    )

    deleting = add_command(group, "delete", delete, "put runs into the bin, while no server runs")
    deleting.add_argument("ids", metavar="run", nargs="+", help="numbers or ids")
    deleting.add_argument("--for-good", action="store_true", help="remove runs and files; this can't be undone")


def list_runs(options: argparse.Namespace) -> None:
    """Print a table of the latest runs."""
    limit = hyperparameters(options, [LIMIT]).get("limit", LIMIT.default)
    with opened() as store:
        runs = store.runs(int(str(limit)), deleted=options.bin)
    say(options, [_row(run) for run in runs], _table([_cells(run) for run in runs]) if runs else "No runs.")


def show(options: argparse.Namespace) -> None:
    """Print a run's fields, epochs, commands and states."""
    with opened() as store:
        (run,) = named(store, [options.id])
        whole = export_file.record(run, store.timed_events(run.id))
    del whole["points"]
    lines: list[str] = []
    for name, value in whole.items():
        if name in ("epochs", "commands", "states"):
            lines.append(f"{name}:")
            lines += ["  " + _joined({k: part for k, part in row.items() if part not in (None, "")}) for row in value]
        elif isinstance(value, dict):
            lines.append(f"{name}: {_joined(value)}")
        elif value not in (None, "", []):
            lines.append(f"{name}: {_short(name, value)}")
    say(options, whole, "\n".join(lines))


def export(options: argparse.Namespace) -> None:
    """Write runs with all their steps to stdout or a file."""
    format = hyperparameters(options, [FORMAT]).get("format", FORMAT.default)
    if options.output is not None:
        check_target("output", options.output)
    with opened() as store:
        runs = named(store, options.ids) if options.ids else store.runs(-1)[::-1]
        read = ((run, store.timed_events(run.id)) for run in runs)
        pieces = export_file.csv_lines(read) if format == "csv" else iter((export_file.json_text(read) + "\n",))
        if options.output is None:
            sys.stdout.writelines(pieces)
            return
        write_atomically(options.output, "".join(pieces).encode())
    print(f"Exported {counted(len(runs), 'run')} to {options.output}.")


def delete(options: argparse.Namespace) -> None:
    """Put runs into the bin, or remove them with their files; all of them, or none."""
    home = paths.home()
    with opened():
        lock = FileLock(home / "lock", timeout=0)
    try:
        with lock, opened(read_only=False) as store:
            runs = named(store, options.ids)
            for run in runs:
                if run.state == states.QUEUED:
                    raise ValueError(f"A run must not wait in the queue to be deleted, but run #{run.number} does.")
            for run in runs:
                if options.for_good:
                    store.remove(run.id)
                    shutil.rmtree(home / "files" / run.id, ignore_errors=True)
                else:
                    store.update(run.id, deleted=time.time())
    except Timeout:
        raise ValueError(
            f"A server has the lab in {home}: delete the runs on its Runs page, or stop the server first."
        ) from None
    done = "Removed" if options.for_good else "Put into the bin:"
    say(options, [run.id for run in runs], f"{done} {counted(len(runs), 'run')}.")


@contextmanager
def opened(read_only: bool = True) -> Iterator[Store]:
    """Open the lab's store; an error of SQLite becomes a ValueError of one sentence."""
    path = paths.home() / "lab.sqlite"
    # To read only, while a server may be running: one process writes. ``delete`` has the home's lock.
    store = Store(path, read_only)
    try:
        yield store
    except sqlite3.Error as error:
        raise ValueError(f"{path} could not be used: {error}.") from None
    finally:
        store.close()


def named(store: Store, names: Sequence[str]) -> list[Run]:
    """Return the runs of these numbers or ids, in the bin or not, each once.

    Raises:
        ValueError: if there is one that the lab does not have.
    """
    known = {key: run for bin in (False, True) for run in store.runs(-1, bin) for key in (run.id, str(run.number))}
    for name in names:
        if name.removeprefix("#") not in known:
            raise ValueError(f"run must be the number or id of one that the lab has, got run = {shortened(name)}.")
    return list({(run := known[name.removeprefix("#")]).id: run for name in names}.values())


def _row(run: Run) -> dict[str, Any]:
    """Return a run's row without its events."""
    whole = export_file.record(run, ())
    return {name: value for name, value in whole.items() if name not in ("epochs", "commands", "states", "points")}


_HEAD = ("", "state", "owner", "settings", "best validation", "test", "id")


def _cells(run: Run) -> tuple[str, ...]:
    config = run.config
    settings = f"{config.optimizer} {number(config.lr)}, batch {config.batch_size}, {config.epochs} epochs"
    if config.schedule != "constant":
        settings += f", {config.schedule}"
    shares = (run.best_validation_accuracy, run.test_accuracy)
    figures = ("" if share is None else f"{share:.2%}" for share in shares)
    owner, name = shortened(run.owner_name), shortened(run.name)
    return (f"#{run.number}", run.state, owner, name or settings, *figures, run.id)


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    lines = (_HEAD, *rows)
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _joined(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_short(name, value)}" for name, value in values.items())


def _short(name: str, value: Any) -> str:
    if name in _TIMES and value is not None:
        return datetime.fromtimestamp(value).isoformat(" ", "seconds")
    # The lines of notes are set in, or they could be taken for fields.
    return f"{value:.6g}" if isinstance(value, float) else str(value).replace("\n", "\n  ")
