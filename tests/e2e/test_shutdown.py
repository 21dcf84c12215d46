"""However the server is ended, no process of it stays behind."""

import os
import signal

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Lab
from tests.visiting import expect_state, train
from tests.waiting import LIMIT


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_leave_no_process_and_an_interrupted_run(
    own_lab: Lab, page: Page, ending: signal.Signals
) -> None:
    page.goto(own_lab.url)
    train(page, 1000)
    expect_state(page, "running")
    server = own_lab.process
    assert server is not None
    workers = own_lab.workers()
    assert workers
    page.goto("about:blank")
    server.send_signal(ending)
    server.wait(LIMIT)
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    own_lab.process = None
    own_lab.start()
    page.goto(own_lab.url)
    expect(page.get_by_text("interrupted")).to_be_visible()
