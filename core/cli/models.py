"""``python -m core models``: the library from a terminal."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import paths
from core.files import read_ordinary, write_atomically
from core.models.checkpoints import LARGEST_CHECKPOINT
from core.models.formats import FORMATS, READABLE, Format, of_name, write
from core.models.library import Library, Model

#: A command's result as a JSON value, and in words.
Answer = tuple[Any, str]
Command = Callable[[argparse.Namespace], Answer]


def add(commands: Any) -> list[tuple[argparse.ArgumentParser, Command]]:
    """Add list, show, export and import to the subparsers; each parser, and what it runs."""
    listing = commands.add_parser("list", help="every saved model")
    showing = commands.add_parser("show", help="what is known of one")
    exporting = commands.add_parser("export", help="write one to a file")
    importing = commands.add_parser("import", help="take a file into the library")
    for parser in (showing, exporting):
        parser.add_argument("name")
    exporting.add_argument("path", type=Path, help=f"its end says the format: {_suffixes(tuple(FORMATS.values()))}")
    exporting.add_argument(
        "--parameters", action="store_true", help="of a whole model its parameters alone, which plain PyTorch loads"
    )
    importing.add_argument("path", type=Path, help=f"its end says the format: {_suffixes(READABLE)}")
    importing.add_argument("--name", default="", help="the file's own unless given")
    importing.add_argument("--notes", default="")
    return [(listing, _list), (showing, _show), (exporting, _export), (importing, _import)]


def _suffixes(formats: tuple[Format, ...]) -> str:
    return ", ".join(format.suffix for format in formats)


def _list(options: argparse.Namespace) -> Answer:
    models = Library(paths.models()).models()
    width = max((len(model.name) for model in models), default=0)
    lines = [f"{model.name:{width}}  {model.kind:11}  {_figures(model)}" for model in models]
    return [_fields(model) for model in models], "\n".join(lines) or "No model is saved yet."


def _show(options: argparse.Namespace) -> Answer:
    model = Library(paths.models()).model(options.name)
    fields = _fields(model)
    lines = [f"{name.replace('_', ' '):14} {value}" for name, value in fields.items() if value not in (None, "")]
    return fields, "\n".join(lines)


def _export(options: argparse.Namespace) -> Answer:
    library = Library(paths.models())
    format, model = of_name(options.path.name), library.open(options.name)
    if options.path.exists():
        raise ValueError(f"path must be of a file that is not there yet, got {options.path}.")
    own = format is FORMATS["safetensors"] and not options.parameters
    content = library.content(options.name) if own else write(format, model.network, model.metadata)
    write_atomically(options.path, content)
    return {"path": str(options.path)}, f"Wrote {options.name} to {options.path} ({format.label})."


def _import(options: argparse.Namespace) -> Answer:
    content = read_ordinary(options.path, LARGEST_CHECKPOINT)
    model = Library(paths.models()).bring(options.path.name, content, options.name, notes=options.notes)
    return _fields(model), f"Saved as {model.name}: {_figures(model)}."


def _figures(model: Model) -> str:
    if model.problem or model.test_accuracy is None:
        return model.problem
    return f"test accuracy {model.test_accuracy:.2%}"


def _fields(model: Model) -> dict[str, Any]:
    """What is known of it, as JSON values."""
    fields = {name: value for name, value in vars(model).items() if name not in ("config", "path", "modified")}
    return {**fields, "path": str(model.path), "config": model.config.to_dict() if model.config else None}
