"""Fixtures of all tests, their markers, and their order: browser tests in one block."""

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core import data, devices
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer

pytest_plugins = ["tests.browser"]

# The tests compare with the CPU, also in the processes that they start; ``python -m benchmarks.gpu`` is for a GPU. What
# can be tested on one alone: CUDA_VISIBLE_DEVICES=0 .venv/bin/python -m pytest tests/core/test_cuda_graphs.py
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

HERE = Path(__file__).parent
#: The folders whose tests drive a browser.
BROWSER = ("e2e", "journeys")


def _folder(path: Path) -> str:
    return path.relative_to(HERE).parts[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark browser tests and tests with a service, and move the first to the front: the longest work begins first.

    ``DESCENT_TEST_ORDER=reversed``, or a number as a seed, turns or shuffles the files and the tests of each: no test
    may depend on another.
    """
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
    folders = [
        *BROWSER,
        *sorted({_folder(file) for file in files} - {*BROWSER, "dashboard", "core"}),
        "dashboard",
        "core",
    ]
    items.sort(key=lambda item: (folders.index(_folder(item.path)), place[item.path]))
    for item in items:
        if _folder(item.path) in BROWSER:
            item.add_marker(pytest.mark.browser)
        elif "service" in getattr(item, "fixturenames", ()):
            # A service starts its workers, each of which imports torch.
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Compute with one thread in each test and its fixtures: a command that an earlier test called sets its own.

    Small matrices keep their pace beside other work, and sums are the same to the last bit as in a worker.
    """
    devices.prepare_cpu(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file in one process, for the sake of their fixtures, and the browser tests of a folder."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            folder = file.split("/")[1]
            return folder if folder in BROWSER else file

    # In the order of the tests, not by their number.
    config.option.loadscopereorder = False
    return ByFile(config, log)


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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[..., None]]]:
    """A disk of its own with room for two models, mounted, and a function that mounts it with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options: str) -> None:
        done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"A disk can only be mounted by root: {done.stderr.strip()}")

    mount("-t", "tmpfs", "-o", "size=1m", "none")
    yield folder, mount
    subprocess.run(["umount", str(folder)], check=True)
