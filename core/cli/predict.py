"""``python -m core predict``: the digits in pictures."""

import argparse
import sys
from typing import Any

from core.cli.output import say
from core.cli.parsing import Commands, add_command, file_path
from core.handwriting.answers import Answer, answer
from core.handwriting.photographs import box_in, find_digits, read_image
from core.models.library import read_path


def add_parser(commands: Commands) -> None:
    """Add ``predict``."""
    parser = add_command(commands, "predict", predict, "which digits pictures show")
    parser.add_argument("model", type=file_path("model"))
    parser.add_argument("images", type=file_path("image"), nargs="+", metavar="image")


def predict(options: argparse.Namespace) -> int:
    """Print the digits in each picture and their probabilities; return 1 if a picture cannot be read, else 0."""
    network = read_path(options.model).network
    answers: list[dict[str, Any]] = []
    lines = []
    for path in options.images:
        try:
            picture = read_image(path)
            ways = find_digits(picture)
        except (ValueError, OSError) as error:
            sentence = str(error) if str(path) in str(error) else f"{path}: {error}"
            print(sentence, file=sys.stderr)
            answers.append({"path": str(path), "digit": None, "error": sentence})
            continue
        given = [answer(network, way.digit, way.doubt) for way in ways]
        if len(given) == 1:
            answers.append({"path": str(path), **_fields(given[0])})
        else:
            boxes = [list(box_in(picture, way)) for way in ways]
            each = [{**_fields(one), "box": box} for one, box in zip(given, boxes, strict=True)]
            answers.append({"path": str(path), "digit": None, "digits": each})
        lines.append(f"{path}: {', '.join(map(_in_words, given))}")
    say(options, answers, "\n".join(lines))
    return int(any("error" in each for each in answers))


def _fields(given: Answer) -> dict[str, Any]:
    return {
        "digit": given.digit,
        "probabilities": given.probabilities.tolist(),
        "sure": given.sure,
        "note": given.note,
    }


def _in_words(given: Answer) -> str:
    unsure = "" if given.sure else f", not sure: {given.note.removesuffix('.')}"
    return f"{given.digit} ({given.probability:.1%}{unsure})"
