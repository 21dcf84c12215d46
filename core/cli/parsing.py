"""Options of commands: parsers that answer a mistake in one sentence, and values of the lab's own types."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from core.files import shortened
from core.hyperparameters import Hyperparameter, InvalidValue, Value, number

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

#: argparse's messages about an argument, and a sentence with the parameter, the rule and the value for each.
_SENTENCES = (
    (r"argument ([^:]+): expected (?:one|at least one) argument", r"\1 must be followed by a value, got nothing."),
    (r"argument ([^:]+): ignored explicit argument '(?P<got>.*)'", r"\1 must be given without a value, got \2."),
    (r"argument ([^:]+): invalid choice: '(?P<got>.*)' \(choose from (.*)\)", r"\1 must be one of \3, got \1 = \2."),
    (r"the following arguments are required: (.+)", r"\1 must be given, got nothing."),
    (r"unrecognized arguments: (?P<got>.+)", r"Arguments must be among those in --help, got \1."),
    (r"argument [^:]+: (.+)", r"\1"),
)


class Parser(argparse.ArgumentParser):
    """Parser that reports a mistake in one line on stderr; the usage is in ``--help``."""

    def __init__(self, **settings: Any) -> None:
        # An abbreviation that works today would mean something else after the next option is added.
        super().__init__(**{"allow_abbrev": False, **settings})
        # argparse takes -1 for a value, but -1e-3 and -inf for options.
        self._negative_number_matcher = re.compile(r"-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|-inf$", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and one sentence."""
        for pattern, sentence in _SENTENCES:
            if match := re.fullmatch(pattern, message, re.DOTALL):
                if "got" in match.groupdict():
                    start, end = match.span("got")
                    shown = message[:start] + shortened(match["got"]) + message[end:]
                    match = re.fullmatch(pattern, shown, re.DOTALL) or match
                message = match.expand(sentence)
                break
        printable = "".join(letter if letter.isprintable() else "�" for letter in message)
        self.exit(2, printable.replace("'", "") + "\n")


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int | None], help: str, *, json: bool = True
) -> Parser:
    """Add a command that ``run`` carries out; with ``json``, it has the option ``--json``."""
    parser = commands.add_parser(name, help=help)
    parser.set_defaults(run=run)
    if json:
        parser.add_argument("--json", action="store_true", help="the last line of stdout is one JSON value")
    return parser


def add_group(commands: Commands, name: str, help: str) -> Commands:
    """Add a command that has commands of its own, and return those."""
    return commands.add_parser(name, help=help).add_subparsers(required=True, metavar="command")


def add_hyperparameter(parser: Parser, parameter: Hyperparameter) -> None:
    """Add an option for the parameter. Its text is parsed later, by ``hyperparameters``, for the lab's own sentence."""
    help = f"{parameter.help} {parameter.rule}; default {number(parameter.default)}".replace("%", "%%")
    if isinstance(parameter.default, bool):
        parser.add_argument(flag(parameter.name), action="store_true", default=None, help=parameter.help)
    else:
        parser.add_argument(flag(parameter.name), metavar="VALUE", help=help)


def hyperparameters(options: argparse.Namespace, parameters: Sequence[Hyperparameter]) -> dict[str, Value]:
    """Return the values of the options that are given.

    Raises:
        InvalidValue: for a value that breaks its parameter's rule.
    """
    given = {p: value for p in parameters if (value := getattr(options, p.name)) is not None}
    return {p.name: value if isinstance(value, bool) else p.parse(value) for p, value in given.items()}


def named_values(option: str, assignments: Sequence[str], known: Mapping[str, Hyperparameter]) -> dict[str, Any]:
    """Return ``["betas=0.9,0.99"]`` as values; an unknown name is left for the config to refuse.

    Raises:
        InvalidValue: for an assignment without a name and a value, or a value that breaks its parameter's rule.
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InvalidValue(option, "be NAME=VALUE", assignment)
        values[name] = known[name].parse(text) if name in known else text
    return values


def file_path(name: str) -> Callable[[str], Path]:
    """Make the type of an option that takes a file's path."""

    def path(text: str) -> Path:
        if not text:
            raise argparse.ArgumentTypeError(str(InvalidValue(name, "be the path of a file", text)))
        return Path(text)

    return path


def check_target(name: str, path: Path) -> None:
    """Raise InvalidValue if there is something at the path that is no file.

    A file is written beside its place and then moved there, so it would replace a pipe or a device.
    """
    if path.exists() and not path.is_file():
        raise InvalidValue(name, "be the path of a file", str(path))


def flag(name: str) -> str:
    """Return a parameter's option: ``--batch-size`` for ``batch_size``."""
    return "--" + name.replace("_", "-")
