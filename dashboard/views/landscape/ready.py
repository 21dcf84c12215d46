"""The study that ships with the lab, for a visitor who has no runs yet.

``ready.npz`` is a result of ``core.landscape`` without the plane's own vectors, which are forty times as large as the
rest. ``python -m scripts.ready_landscape`` makes it with the lab's own runs: those of the race that the page offers, on
test images of MNIST (Yann LeCun, Corinna Cortes, Christopher Burges; CC BY-SA 3.0), under whose licence it stands too.
"""

from functools import cache
from pathlib import Path

from core.landscape import result_file
from core.landscape.study import Result

PATH = Path(__file__).with_name("ready.npz")


@cache
def ready() -> Result | None:
    """Return the study's result, whose plane is empty; None if the file is not there or damaged."""
    return result_file.load(PATH)
