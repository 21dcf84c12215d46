"""From each page to each other one by the navigation, and back by the browser."""

import itertools
import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser import NO_WEBGL, Lab
from tests.visiting import PAGES, expect_state, go, look, open_at, train
from tests.waiting import wait_for

TITLES = list(PAGES)


def tour(titles: list[str]) -> list[str]:
    """A way that follows each link from each page to each other page once (an Eulerian circuit, by Hierholzer)."""
    links = {title: [other for other in titles if other != title] for title in titles}
    stack, way = [titles[0]], []
    while stack:
        if links[stack[-1]]:
            stack.append(links[stack[-1]].pop())
        else:
            way.append(stack.pop())
    return way[::-1]


TOUR = tour(TITLES)
#: The links in parts, so that each begins with a visitor whom the lab does not know.
PARTS = [TOUR[first : first + len(TITLES)] for first in range(0, len(TOUR) - 1, len(TITLES) - 1)]


def test_the_tour_follows_every_link() -> None:
    followed = [(a, b) for part in PARTS for a, b in itertools.pairwise(part)]
    assert sorted(followed) == sorted((a, b) for a in TITLES for b in TITLES if a != b)


@pytest.mark.parametrize("title", [title for title in TITLES if title != "Train"])
def test_the_first_click_of_a_newcomer_leads_to_a_page_that_works(newcomer: Page, lab: Lab, title: str) -> None:
    open_at(newcomer, lab, "Train")
    go(newcomer, title)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"from {part[0]}")
def test_each_page_leads_to_each_other(page: Page, lab: Lab, part: list[str]) -> None:
    page.add_init_script(NO_WEBGL)
    first, *others = part
    open_at(page, lab, first)
    for title in others:
        go(page, title)


def test_another_screen_begins_at_its_top(page: Page, lab: Lab) -> None:
    page.set_viewport_size({"width": 1280, "height": 600})
    open_at(page, lab, "Lessons")
    # Otherwise it may be so short, while the lesson is on its way, that it stands at its top anyway.
    page.get_by_test_id("stMainBlockContainer").evaluate("block => { block.style.minHeight = '3000px' }")
    # The last card is below the edge of the window.
    page.locator(".st-key-card-10-first-weights").get_by_role("button", name="Open").click()
    expect(page.get_by_role("button", name="Run it")).to_be_visible()
    expect(page.get_by_role("heading", name="The first weights")).to_be_in_viewport(ratio=1, timeout=5000)


def test_back_and_forward(page: Page, lab: Lab) -> None:
    page.add_init_script(NO_WEBGL)
    open_at(page, lab, "Train")
    way = ["Sweep", "Surfaces", "Predictions", "Lessons"]
    for title in way:
        go(page, title)
    for title in [*way[-2::-1], "Train"]:
        page.go_back()
        look(page, title)
    for title in way:
        page.go_forward()
        look(page, title)


def test_an_answer_that_comes_after_back_leaves_the_history_as_it_is(page: Page, lab: Lab) -> None:
    navigations: list[bytes] = []
    repeated: list[bytes] = []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def down(message: bytes | str) -> None:
            assert isinstance(message, bytes)
            if ForwardMsg.FromString(message).WhichOneof("type") == "navigation":
                navigations.append(message)
            socket.send(message)

        def up(message: bytes | str) -> None:
            assert isinstance(message, bytes)
            server.send(message)
            if BackMsg.FromString(message).rerun_script.is_history_navigation and not repeated:
                repeated.append(navigations[-1])
                socket.send(navigations[-1])

        server.on_message(down)
        socket.on_message(up)

    page.route_web_socket(re.compile("_stcore/stream"), between)
    open_at(page, lab, "Train")
    for title in ("Surfaces", "Runs"):
        go(page, title)
    entries = page.evaluate("history.length")
    for title in ("Surfaces", "Train"):
        page.go_back()
        look(page, title)
    assert repeated
    assert page.evaluate("history.length") == entries
    page.go_forward()
    look(page, "Surfaces")


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
