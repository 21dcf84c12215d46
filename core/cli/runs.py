"""``python -m core runs``: list, show, export and delete runs; looking works while a server trains."""

import argparse
import json
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core import paths
from core.files import write_atomically
from core.hyperparameters import number
from core.runs import export, states
from core.runs.store import Run, Store

SHOWN = 30
#: What is shown as a time of this machine's clock; JSON has unix seconds.
_TIMES = ("created", "started", "ended", "deleted", "at")


def add_commands(commands: Any) -> None:
    """Add ``runs`` and what is under it to a parser's commands; each sets ``run`` to what does it."""
    runs = commands.add_parser("runs", help="list, show, export or delete the lab's runs")
    actions = runs.add_subparsers(required=True, metavar="action")

    listing = actions.add_parser("list", help="the latest runs")
    listing.add_argument("--limit", type=int, default=SHOWN, help=f"how many; default {SHOWN}")
    listing.add_argument("--bin", action="store_true", help="those in the bin")
    listing.add_argument("--json", action="store_true", help="one JSON value")
    listing.set_defaults(run=_list)

    showing = actions.add_parser("show", help="all about one run but its points")
    showing.add_argument("id", metavar="run", help="its number or id")
    showing.add_argument("--json", action="store_true", help="one JSON value")
    showing.set_defaults(run=_show)

    exporting = actions.add_parser("export", help="runs with all their steps, as CSV or JSON")
    exporting.add_argument("ids", metavar="run", nargs="*", help="numbers or ids; all runs unless given")
    exporting.add_argument("--format", choices=("csv", "json"), default="csv")
    exporting.add_argument("--output", type=Path, metavar="PATH", help="the file to write; stdout unless given")
    exporting.set_defaults(run=_export)

    deleting = actions.add_parser("delete", help="put runs into the bin, while no server runs")
    deleting.add_argument("ids", metavar="run", nargs="+", help="numbers or ids")
    deleting.add_argument(
        "--for-good", action="store_true", help="remove them and their files; nothing brings them back"
    )
    deleting.set_defaults(run=_delete)


def _list(options: argparse.Namespace) -> None:
    with _opened() as store:
        runs = store.runs(max(0, options.limit), deleted=options.bin)
    if options.json:
        print(json.dumps([_row(run) for run in runs], allow_nan=False))
        return
    print(_table([_cells(run) for run in runs]) if runs else "No runs.")


def _show(options: argparse.Namespace) -> None:
    with _opened() as store:
        (run,) = _named(store, [options.id])
        whole = export.record(run, _events(store, run))
    del whole["points"]
    if options.json:
        print(json.dumps(whole, allow_nan=False))
        return
    for name, value in whole.items():
        if name in ("epochs", "commands", "states"):
            print(f"{name}:")
            for entry in value:
                print(
                    "  "
                    + ", ".join(f"{key} {_short(key, part)}" for key, part in entry.items() if part not in (None, ""))
                )
        elif isinstance(value, dict):
            print(f"{name}: " + ", ".join(f"{key} {_short(key, part)}" for key, part in value.items()))
        elif value not in (None, "", []):
            print(f"{name}: {_short(name, value)}")


def _export(options: argparse.Namespace) -> None:
    with _opened() as store:
        runs = _named(store, options.ids) if options.ids else store.runs(-1)[::-1]
        read = ((run, _events(store, run)) for run in runs)
        pieces = export.csv_lines(read) if options.format == "csv" else iter((export.json_text(read) + "\n",))
        if options.output is None:
            sys.stdout.writelines(pieces)
            return
        write_atomically(options.output, "".join(pieces).encode())
    print(f"Exported {_counted(len(runs))} to {options.output}.")


def _delete(options: argparse.Namespace) -> None:
    home = paths.home()
    with _opened():
        lock = FileLock(home / "lock", timeout=0)
    try:
        with lock, _opened(read_only=False) as store:
            runs = _named(store, options.ids)
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
    print(f"{'Removed' if options.for_good else 'Put into the bin:'} {_counted(len(runs))}.")


@contextmanager
def _opened(read_only: bool = True) -> Iterator[Store]:
    """The lab's store; what SQLite finds wrong with it is a ValueError of one sentence."""
    path = paths.home() / "lab.sqlite"
    store = Store(path, read_only)
    try:
        yield store
    except sqlite3.Error as error:
        raise ValueError(f"{path} could not be used: {error}.") from None
    finally:
        store.close()


def _named(store: Store, names: Sequence[str]) -> list[Run]:
    """The runs of these numbers or ids, in the bin or not, each once.

    Raises:
        ValueError: if there is one that the lab does not have.
    """
    known = {key: run for bin in (False, True) for run in store.runs(-1, bin) for key in (run.id, str(run.number))}
    for name in names:
        if name.removeprefix("#") not in known:
            raise ValueError(f"run must be the number or id of one that the lab has, got run = {name[:100]}.")
    return list({(run := known[name.removeprefix("#")]).id: run for name in names}.values())


def _events(store: Store, run: Run) -> list[dict[str, Any]]:
    bodies, times = store.events(run.id), store.times(run.id)
    return [{**json.loads(body), "at": at} for body, at in zip(bodies, times, strict=True)]


def _row(run: Run) -> dict[str, Any]:
    """A run's row without its events."""
    whole = export.record(run, ())
    return {name: value for name, value in whole.items() if name not in ("epochs", "commands", "states", "points")}


_HEAD = ("", "state", "owner", "settings", "best validation", "test", "id")


def _cells(run: Run) -> tuple[str, ...]:
    config = run.config
    settings = f"{config.optimizer} {number(config.lr)}, batch {config.batch_size}, {config.epochs} epochs"
    if config.schedule != "constant":
        settings += f", {config.schedule}"
    shares = (run.best_validation_accuracy, run.test_accuracy)
    figures = ("" if share is None else f"{share:.2%}" for share in shares)
    return (f"#{run.number}", run.state, run.owner_name, run.name or settings, *figures, run.id)


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    lines = (_HEAD, *rows)
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _short(name: str, value: Any) -> str:
    if name in _TIMES and value is not None:
        return datetime.fromtimestamp(value).isoformat(" ", "seconds")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _counted(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"
