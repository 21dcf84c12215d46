"""Names of saved models, which are names of files too."""

import os
import re
from pathlib import Path

from core.files import shortened
from core.hyperparameters import InvalidValue
from core.models.checkpoints import LONGEST_NAME, MODEL_NAME, SUFFIX

#: Models that come with the lab; nobody renames, changes or deletes them.
SHIPPED = frozenset({"reference"})


class MissingModelError(ValueError):
    """Refusal of a name that no saved model has."""


def missing(name: str) -> MissingModelError:
    return MissingModelError(f"There is no saved model called {shortened(name)}.")


def place(folder: Path, name: str) -> Path:
    return folder / f"{name}{SUFFIX}"


def existing(folder: Path, name: str) -> Path:
    """Return the path of the model with this name; raise MissingModelError if there is none."""
    # A name that does not match is never made a path: it could lead out of the folder.
    path = place(folder, name) if MODEL_NAME.fullmatch(name) else None
    if path is None or not os.path.lexists(path):
        raise missing(name)
    return path


def unused(folder: Path, name: str) -> Path:
    """Return the path of a model to be saved under this new name; raise InvalidValue if it is invalid or taken."""
    name = name.strip().removesuffix(SUFFIX)
    if not MODEL_NAME.fullmatch(name):
        rule = (
            f"be 1 to {LONGEST_NAME} letters from A to Z, digits, spaces, dots, hyphens or underscores "
            "and begin with a letter or a digit"
        )
        raise InvalidValue("name", rule, name)
    path = place(folder, name)
    if name in SHIPPED:
        raise InvalidValue("name", "be another than that of the network that comes with the lab", name)
    if os.path.lexists(path):
        raise InvalidValue("name", "be one that no saved model has", name)
    return path


def free(folder: Path, wished: str) -> str:
    """Return a valid name: the one wished for, or with the first number that makes it new."""
    wished = re.sub(r"^[^A-Za-z0-9]+", "", wished)[:LONGEST_NAME].strip() or "model"
    name, number = wished, 2
    while name in SHIPPED or os.path.lexists(place(folder, name)):
        name, number = f"{wished[: LONGEST_NAME - 6]} {number}", number + 1
    return name


def base(file_name: str) -> str:
    """Return the last part of a path of any system."""
    return re.split(r"[/\\]", file_name)[-1]
