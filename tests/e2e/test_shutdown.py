"""Every end of the server: no process of it stays behind."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard import access
from tests.browser import ONE_WORKER, Lab
from tests.visiting import expect_state, train
from tests.waiting import LIMIT


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty lab with two workers."""
    running = Lab(tmp_path, DESCENT_WORKERS="2")
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_leaves_no_process_and_an_interrupted_run(lab: Lab, page: Page, ending: signal.Signals) -> None:
    page.goto(lab.url)
    train(page, 1000)
    expect_state(page, "running")
    server = lab.process
    assert server is not None
    workers = lab.workers()
    assert len(workers) == 2
    page.goto("about:blank")
    server.send_signal(ending)
    server.wait(LIMIT)
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    lab.process = None
    lab.environment.update(ONE_WORKER)
    lab.start()
    page.goto(lab.url)
    expect(page.get_by_text("interrupted")).to_be_visible()


def test_no_client_keeps_the_server_alive(own_lab: Lab) -> None:
    """One that stops reading, and one that sends half a request."""
    server = own_lab.process
    assert server is not None
    with contextlib.ExitStack() as sockets:
        for request in (
            "GET /lab/plotly.min.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            f"POST {access.SIGN_IN} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nkey=",
        ):
            client = sockets.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", own_lab.port))
            client.sendall(request.encode())
        first = sockets.enter_context(socket.create_connection(("127.0.0.1", own_lab.port)))
        first.sendall(b"GET /_stcore/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert first.recv(12) == b"HTTP/1.1 200"
        server.send_signal(signal.SIGTERM)
        server.wait(LIMIT)
    own_lab.process = None
