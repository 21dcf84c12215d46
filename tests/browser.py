"""The real app in a real browser: one server and one browser for every test that needs no special environment.

A test makes what it needs and finds it by a name of its own: the shared lab holds what other tests have left there.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from core.models import checkpoints
from core.runs.service import Service
from core.training.config import RunConfig
from core.training.network import Network
from tests.waiting import LIMIT, wait_for

ROOT = Path(__file__).resolve().parents[1]
#: The system's browser, the one without windows first, which takes a tenth less of the processor; without any,
#: Playwright's own.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-quic --no-first-run "
    "--disable-component-update --disable-sync"
)
#: All labs that a profile visits share one process, which keeps their scripts compiled for as long as a page is open.
ONE_PROCESS = "--process-per-site"
#: Milliseconds, for whatever a browser waits for.
LIMIT_MS = int(1000 * LIMIT)
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 1000}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
#: Steps of about a millisecond; 94 make an epoch, since nine tenths of the images validate.
SHORT: dict[str, Any] = {"epochs": 2, "validation_split": 0.9}
#: The environment of a lab whose test needs no second worker: each takes seconds of the processor to start.
ONE_WORKER = {"DESCENT_WORKERS": "1"}

#: A script for a page whose browser cannot draw in 3-D. Where no test looks at it, it also saves two seconds of the
#: processor per picture.
NO_WEBGL = """
const own = HTMLCanvasElement.prototype.getContext
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    return /webgl/.test(kind) ? null : own.call(this, kind, ...more)
}"""

#: Opens fresh browser profiles: the fixture ``visitor``.
Profiles = Callable[..., BrowserContext]

expect.set_options(timeout=LIMIT_MS)


class Lab:
    """The app on a free port; it can be stopped and started again on the same data.

    Args:
        folder: for its data.
        environment: more of its environment.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.environment = environment
        self.home, self.models = folder / "home", folder / "models"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        #: The ids of the runs that it began with, by name.
        self.runs: dict[str, str] = {}

    def start(self) -> None:
        places = {"DESCENT_HOME": str(self.home), "DESCENT_MODELS": str(self.models), **self.environment}
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        command += ["--server.address", "127.0.0.1"]
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **places}, stdout=subprocess.DEVNULL)
        wait_for(self._healthy)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
            self.process = None

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        assert self.process
        command = ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [int(line.split()[0]) for line in listed.splitlines() if "core.runs.worker" in line]

    def _healthy(self) -> bool:
        assert self.process and self.process.poll() is None, "the server ended while it started"
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextlib.contextmanager
def browser_and_lab() -> Iterator[tuple[Browser, Lab]]:
    """A browser, and a lab of its own that is still to be started, for a script; both end with the block."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser, lab = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split()), Lab(Path(folder))
        try:
            yield browser, lab
        finally:
            lab.stop()
            browser.close()


class Chromium:
    """The browser of all tests.

    Playwright runs its event loop in the main thread for as long as it is open, where asyncio then refuses another;
    so browser tests run in one block, and ``pytest_runtest_teardown`` closes it behind the last of them.
    """

    playwright: Playwright | None = None
    browser: Browser | None = None
    #: Profiles by the width of their screen. Each loads the lab's scripts once, and is emptied behind each test, but
    #: for the first of its pages, an empty one, which keeps their process.
    kept: ClassVar[dict[int, BrowserContext]] = {}

    @classmethod
    def open(cls) -> Browser:
        if cls.browser is None or not cls.browser.is_connected():
            cls.playwright = cls.playwright or sync_playwright().start()
            arguments = [*ARGUMENTS.split(), ONE_PROCESS]
            cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            cls.kept.clear()
        return cls.browser

    @classmethod
    def profile(cls, screen: dict[str, Any]) -> BrowserContext:
        width = screen["viewport"]["width"]
        browser = cls.open()
        if width not in cls.kept:
            cls.kept[width] = browser.new_context(**screen)
            cls.kept[width].set_default_timeout(LIMIT_MS)
            empty = cls.kept[width].new_page()
            empty.route("**/*", lambda route: route.fulfill())
            empty.goto("http://127.0.0.1")
        return cls.kept[width]

    @classmethod
    def close(cls) -> None:
        if cls.browser:
            cls.browser.close()
        if cls.playwright:
            cls.playwright.stop()
        cls.browser = cls.playwright = None
        cls.kept.clear()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None or not nextitem.get_closest_marker("browser"):
        Chromium.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note a failure, so that the fixtures of the test can clean up behind it."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


_FAILED = pytest.StashKey[bool]()


@pytest.fixture
def browser() -> Browser:
    return Chromium.open()


@pytest.fixture(scope="session")
def _running_lab(tmp_path_factory: pytest.TempPathFactory, trained: Network) -> Iterator[Lab]:
    running = Lab(tmp_path_factory.mktemp("lab"))
    running.models.mkdir()
    checkpoints.save_parameters(trained, running.models / "good.safetensors", {})
    checkpoints.save_parameters(Network(seed=3), running.models / "untrained.safetensors", {})
    service = Service(running.home, workers=1, threads=1)
    running.runs = {"half way": service.submit(RunConfig(epochs=400), "half way")}
    wait_for(lambda: service.run(running.runs["half way"]).step > 20)
    service.command(running.runs["half way"], "stop")
    for name in ("sgd", "adagrad", "adam"):
        running.runs[name] = service.submit(RunConfig.recommended(name, **SHORT), f"short {name}")
    wait_for(lambda: all(service.run(run_id).over for run_id in running.runs.values()))
    # Replayed here once, since the pages of networks and landscapes would wait for it.
    for name in ("sgd", "adagrad", "adam"):
        service.trajectory(running.runs[name]).wait()
    service.close()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def lab(_running_lab: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The lab that tests share.

    It begins with two saved networks, "good" and "untrained", and with the runs in ``Lab.runs``: "half way" was
    stopped; "sgd", "adagrad" and "adam" are finished, two short epochs each from the same first weights.
    """
    yield _running_lab
    if request.node.stash.get(_FAILED, False):
        # What the failed test has left in training would hold the workers against the tests to come.
        _running_lab.stop()
        _running_lab.start()


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty lab with one worker for one test that stops it, or that must not find anything there."""
    running = Lab(tmp_path / "lab", **ONE_WORKER)
    running.start()
    yield running
    running.stop()


def watch(page: Page) -> list[str]:
    """The list to which the page's errors are added: its console's, and requests to elsewhere than the lab.

    Streamlit looks for itself below a page's path, which its browser half reports as two errors that are none.
    """
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not re.search(r"/[a-z]+/_stcore/", message.location["url"]):
            complaints.append(message.text)

    def abroad(url: str) -> None:
        if not re.match(r"(http|ws)://127\.0\.0\.1|data:|blob:|file:|about:", url):
            complaints.append(f"a request to {url}")

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: abroad(request.url))
    return complaints


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Profiles]:
    """Open a fresh browser profile: ``visitor()``, or ``visitor(**PHONE)``."""
    contexts: list[BrowserContext] = []

    def open_profile(**options: Any) -> BrowserContext:
        context = browser.new_context(**(options or DESKTOP))
        context.set_default_timeout(LIMIT_MS)
        contexts.append(context)
        return context

    yield open_profile
    for context in contexts:
        context.close()


def _kept_page(screen: dict[str, Any]) -> Iterator[Page]:
    profile = Chromium.profile(screen)
    opened = profile.new_page()
    complaints = watch(opened)
    yield opened
    # Before the browser notices that a lab of the test's own has ended.
    found = list(complaints)
    # Without a lab's page there is no storage.
    with contextlib.suppress(PlaywrightError):
        opened.evaluate("localStorage.clear()")
    for tab in profile.pages[1:]:
        tab.close()
    profile.clear_cookies()
    assert found == []


@pytest.fixture
def page() -> Iterator[Page]:
    """A page whose console must stay free of errors, of a visitor whom the lab does not know.

    Its browser has the lab's scripts in its cache; that of ``newcomer`` has nothing.
    """
    yield from _kept_page(DESKTOP)


@pytest.fixture
def phone() -> Iterator[Page]:
    """A page as ``page``, on a phone with a touch screen."""
    yield from _kept_page(PHONE)


@pytest.fixture
def newcomer(visitor: Profiles) -> Iterator[Page]:
    """A page in a fresh profile whose console must stay free of errors."""
    opened = visitor().new_page()
    complaints = watch(opened)
    yield opened
    assert complaints == []
