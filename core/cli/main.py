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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0, 1 for a part of the input that failed, 2 for bad input, or 141.

    What is wrong is one sentence on stderr.
    """
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Readers that have enough, as ``head``, close the pipe. Python would flush the rest at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE


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
        return 2
    except OSError as error:
        # Without the number that Python puts in front.
        print(f"{shortened(str(error.filename or 'A file'))} cannot be used: {error.strerror}.", file=sys.stderr)
        return 2
