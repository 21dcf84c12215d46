"""``python -m core predict``: the digits in pictures."""

import argparse

from core.cli.output import say
from core.cli.parsing import Commands, add_command, file_path
from core.handwriting.answers import answer
from core.handwriting.photographs import find_digit, read_image
from core.models.checkpoints import load_parameters


def add_parser(commands: Commands) -> None:
    """Add ``predict``."""
    parser = add_command(commands, "predict", predict, "which digit a picture shows")
    parser.add_argument("model", type=file_path("model"))
    parser.add_argument("images", type=file_path("image"), nargs="+", metavar="image")


def predict(options: argparse.Namespace) -> None:
    """Print the digit in each picture and its probability."""
    network, _ = load_parameters(options.model)
    answers, lines = [], []
    for path in options.images:
        try:
            result = answer(network, find_digit(read_image(path)).digit)
        except ValueError as error:
            raise ValueError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
        answers.append({"path": str(path), "digit": result.digit, "probabilities": result.probabilities.tolist()})
        lines.append(f"{path}: {result.digit} ({result.probability:.1%})")
    say(options, answers, "\n".join(lines))
