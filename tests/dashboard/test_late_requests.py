"""Requests of a part of a page that arrive when the visitor has left the page."""

import re

import pytest
from playwright.sync_api import Page, WebSocketRoute
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.app_session import AppSession

from dashboard import late_requests
from tests.browser import Lab
from tests.visiting import expect_state, go, train
from tests.waiting import wait_for

pytestmark = pytest.mark.browser


def test_a_second_installation_changes_nothing() -> None:
    late_requests.install()
    once = AppSession.request_rerun
    late_requests.install()
    assert AppSession.request_rerun is once


def test_a_late_request_neither_empties_the_next_page_nor_brings_the_last_one_back(page: Page, own_lab: Lab) -> None:
    page.goto(own_lab.url)
    train(page, 2, "0.9")
    expect_state(page, "finished")

    drawings: list[bytes] = []
    late: list[bytes] = []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(message: bytes | str) -> None:
            assert isinstance(message, bytes)
            server.send(message)
            request = BackMsg.FromString(message).rerun_script
            if request.fragment_id:
                drawings.append(message)
            elif drawings and request.page_script_hash and not late:
                # The click: the last drawing is asked for once more behind it.
                late.append(drawings[-1])
                server.send(drawings[-1])

        socket.on_message(pass_on)

    page.route_web_socket(re.compile("_stcore/stream"), between)
    page.goto(f"{own_lab.url}/landscape")
    # The page is drawn again and again while it computes.
    wait_for(lambda: (page.wait_for_timeout(10), drawings)[1])
    go(page, "Runs")
    # What is asked for later is answered later: by then, so is the late request.
    go(page, "Models")
    assert late
