"""Fixtures of all tests, their markers, and their order: browser tests in one block at the end."""

import os
import random
from pathlib import Path

import pytest
from PIL import Image

from core import data
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer

pytest_plugins = ["tests.browser"]

HERE = Path(__file__).parent
#: The folders whose tests drive a browser.
BROWSER = {"e2e", "journeys"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark browser tests, move them to the end, and keep each file's tests in one process where there are several.

    ``DESCENT_TEST_ORDER=reversed``, or a number as a seed, turns or shuffles the files and the tests of each: no test
    may depend on another.
    """
    folder = {item: item.path.relative_to(HERE).parts[0] for item in items}
    files = list(dict.fromkeys(item.path for item in items))
    order = os.environ.get("DESCENT_TEST_ORDER")
    if order == "reversed":
        items.reverse()
        files.reverse()
    elif order:
        chance = random.Random(order)
        chance.shuffle(items)
        chance.shuffle(files)
    place = {file: number for number, file in enumerate(files)}
    items.sort(key=lambda item: (folder[item] in BROWSER, place[item.path]))
    for item in items:
        browser = folder[item] in BROWSER
        if browser:
            item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.xdist_group("browser" if browser else str(item.path.relative_to(HERE))))


@pytest.fixture
def mnist_picture() -> Image.Image:
    """The first test digit, a 7, enlarged, as a person might photograph it."""
    pixels = data.load().test.images[0].numpy().reshape(28, 28)
    return Image.fromarray(255 - pixels).resize((280, 280))


@pytest.fixture(scope="session")
def mnist() -> data.Mnist:
    return data.load()


@pytest.fixture(scope="session")
def trained(mnist: data.Mnist) -> Network:
    """A network after one epoch of Adam: about 95 % of the test digits."""
    trainer = Trainer(RunConfig(epochs=1, device="cpu"), mnist)
    list(trainer.events())
    return trainer.network
