"""The lab from a terminal: ``python -m core`` with one of the commands of this folder."""

import os
import sys
from collections.abc import Sequence

from core import data
from core.cli import code, evaluate, models, predict, runs, sweep, train
from core.cli.parsing import Parser
from core.files import shortened

#: Exit status where the reader of the output is gone, as of a program that the signal SIGPIPE ends.
READER_GONE = 141
#: Exit status of what is refused, and of an output that cannot be written.
REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0, 1 for a part of the input that failed, 2 for bad input, or 141.

    What is wrong is one sentence on stderr.
    """
    for name in ("stdout", "stderr"):
        # Where it was closed, Python has none.
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    status = None
    try:
        try:
            status = _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return READER_GONE
    except OSError as error:
        _drop_output()
        # A command that wrote line by line has said it.
        if status != REFUSED:
            print(f"The output cannot be written: {error.strerror}.", file=sys.stderr)
        return REFUSED
    return status


def _drop_output() -> None:
    """Let nothing more be written: Python would flush the rest at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    parser = Parser(prog="python -m core", description="Train, evaluate and use the digit network.")
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in (train, sweep, evaluate, predict, models, runs, code):
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options) or 0
    except BrokenPipeError:
        raise
    except (ValueError, data.DataError) as error:
        print(error, file=sys.stderr)
        return REFUSED
    except OSError as error:
        # Without the number that Python puts in front.
        print(f"{shortened(str(error.filename or 'A file'))} cannot be used: {error.strerror}.", file=sys.stderr)
        return REFUSED
