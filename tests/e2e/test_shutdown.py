"""However the server is ended, no process of it stays behind."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Lab


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[Lab]:
    running = Lab(tmp_path)
    running.start()
    yield running
    running.stop()


def children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children_of_thread in lists for child in children_of_thread.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_leave_no_process_and_an_interrupted_run(
    own_lab: Lab, page: Page, ending: signal.Signals
) -> None:
    page.goto(own_lab.url)
    epochs = page.get_by_label("Epochs", exact=True)
    epochs.fill("1000")
    epochs.press("Enter")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_test_id("state")).to_have_text("running")
    server = own_lab.process
    assert server is not None
    workers = [pid for pid in children(server.pid) if b"core.runs.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert workers
    page.goto("about:blank")
    server.send_signal(ending)
    server.wait(15)
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    own_lab.process = None
    own_lab.start()
    page.goto(own_lab.url)
    expect(page.get_by_text("interrupted")).to_be_visible()
