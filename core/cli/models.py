"""``python -m core models``: the library's models: list, show, export and import."""

import argparse
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from core import paths
from core.cli.output import say
from core.cli.parsing import Commands, add_command, add_group, file_path
from core.files import read_ordinary, shortened, write_atomically
from core.models.checkpoints import LARGEST_CHECKPOINT
from core.models.formats import FORMATS, READABLE, Format, of_name, write
from core.models.library import Library, Model, found, read_file


def add_parser(commands: Commands) -> None:
    """Add ``models`` with its commands."""
    group = add_group(commands, "models", "the lab's library of models")
    add_command(group, "list", list_models, "all saved models")
    showing = add_command(group, "show", show, "details of one model")
    exporting = add_command(group, "export", export, "write a model to a file")
    importing = add_command(group, "import", import_file, "add a file to the library")
    for parser in (showing, exporting):
        parser.add_argument("name")
    exporting.add_argument(
        "path", type=file_path("path"), help=f"its end says the format: {_suffixes(FORMATS.values())}"
    )
    exporting.add_argument(
        "--parameters", action="store_true", help="of a whole model its parameters alone, which plain PyTorch loads"
    )
    readable = ", ".join(suffix for format in READABLE for suffix in (format.suffix, *format.also))
    importing.add_argument("path", type=file_path("path"), help=f"its end says the format: {readable}")
    importing.add_argument("--name", default="", help="the file's own unless given")
    importing.add_argument("--notes", default="", help="free text")
    importing.add_argument(
        "--convert",
        action="store_true",
        help="of a network that was trained on other pixels or another order of the digits, as the test set tells: "
        "fold them into its layers",
    )


def list_models(options: argparse.Namespace) -> None:
    """Print one line per model."""
    models = Library(paths.models()).models()
    width = max((len(model.name) for model in models), default=0)
    lines = [f"{model.name:{width}}  {model.kind:11}  {_figures(model)}" for model in models]
    say(options, [_fields(model) for model in models], "\n".join(lines) or "No model is saved yet.")


def show(options: argparse.Namespace) -> None:
    """Print one line per field of the model."""
    fields = _fields(Library(paths.models()).model(options.name))
    shown = {name.replace("_", " "): value for name, value in fields.items() if value not in (None, "")}
    # The lines of notes are set in, or they could be taken for fields.
    lines = [f"{name:14} {value}".replace("\n", f"\n{'':15}") for name, value in shown.items()]
    say(options, fields, "\n".join(lines))


def export(options: argparse.Namespace) -> None:
    """Write the model to a new file."""
    library = Library(paths.models())
    format, model = of_name(options.path.name), library.open(options.name)
    if options.path.exists():
        raise ValueError(f"path must be of a file that is not there yet, got {shortened(str(options.path))}.")
    unchanged = format is FORMATS["safetensors"] and not options.parameters
    content = library.content(options.name) if unchanged else write(format, model.network, model.metadata)
    write_atomically(options.path, content)
    say(options, {"path": str(options.path)}, f"Wrote {options.name} to {options.path} ({format.label}).")


def import_file(options: argparse.Namespace) -> None:
    """Add a file to the library, with its figures on the test set."""
    content = read_ordinary(options.path, LARGEST_CHECKPOINT)
    finding = found(read_file(options.path.name, content))
    library = Library(paths.models())
    model = library.bring(options.path.name, content, options.name, notes=options.notes, convert=options.convert)
    lines, fields = [f"Saved as {model.name}, from {model.origin}: {_figures(model)}."], _fields(model)
    if finding:
        lines.append(finding.sentence)
        fields["conventions"] = {**asdict(finding), "sentence": finding.sentence}
        if finding.clearly_better:
            lines.append(
                "That is folded into its layers." if options.convert else "Import it with --convert to fold that in."
            )
    say(options, fields, "\n".join(lines))


def _suffixes(formats: Iterable[Format]) -> str:
    return ", ".join(format.suffix for format in formats)


def _figures(model: Model) -> str:
    if model.problem or model.test_accuracy is None:
        return model.problem
    return f"test accuracy {model.test_accuracy:.2%}"


def _fields(model: Model) -> dict[str, Any]:
    """Return the fields as JSON values."""
    fields = {name: value for name, value in vars(model).items() if name not in ("config", "path", "modified")}
    return {**fields, "path": str(model.path), "config": model.config.to_dict() if model.config else None}
