"""``python -m core code``: a run or a model's run as a script or a notebook that needs no lab."""

import argparse
import sys

from core import paths
from core.cli import runs
from core.cli.parsing import Commands, add_command, check_target, file_path
from core.files import shortened, write_atomically
from core.models.code import KINDS, recipe_of, write
from core.models.code.recipe import Recipe
from core.models.library import Library
from core.runs import branching, export


def add_parser(commands: Commands) -> None:
    """Add ``code``."""
    parser = add_command(commands, "code", code, "a run as a script or a notebook that needs no lab", json=False)
    parser.add_argument("name", metavar="run", help="a run's number or id, or a model's name")
    parser.add_argument("--as", dest="kind", default="pytorch", choices=tuple(KINDS), help="pytorch unless given")
    parser.add_argument(
        "--output", type=file_path("output"), metavar="PATH", help="the file to write; stdout unless given"
    )


def code(options: argparse.Namespace) -> None:
    """Write the code to stdout or a file."""
    text = write(_recipe(options.name), options.kind)
    if options.output is None:
        sys.stdout.write(text)
        return
    check_target("output", options.output)
    write_atomically(options.output, text.encode())
    print(f"Wrote {options.name} to {options.output} ({KINDS[options.kind][0]}).")


def _recipe(name: str) -> Recipe:
    """Return the recipe of a run or a model; raise ValueError if there is neither."""
    model = next((model for model in Library(paths.models()).models() if model.name == name), None)
    run = _run(model.run if model else name)
    if model:
        return recipe_of(model, run)
    if not run:
        raise ValueError(f"run must be a run's number or id, or a model's name, got run = {shortened(name)}.")
    return run


def _run(name: str) -> Recipe | None:
    if not name or not (paths.home() / "lab.sqlite").exists():
        return None
    with runs.opened() as store:
        try:
            (run,) = runs.named(store, [name])
        except ValueError:
            return None
        files = paths.home() / "files"
        return export.recipe_of(run, store.run, store.timed_events, lambda run_id: branching.own_rate(files / run_id))
