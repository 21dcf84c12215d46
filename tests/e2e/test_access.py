"""A closed lab: a real server that asks for its key, everything it serves, and the way in; and many tabs at once."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocket, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dashboard.access import TEACHER, VISITOR, Gate
from tests.browser import ONE_WORKER, Lab, Profiles
from tests.visiting import expect_state, train, wait_in
from tests.waiting import LIMIT, wait_for

KEY, TEACHER_KEY = "steepest-descent", "golden teacher"
TABS = 10


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    running = Lab(tmp_path_factory.mktemp("closed"), DESCENT_KEY=KEY, DESCENT_TEACHER_KEY=TEACHER_KEY, **ONE_WORKER)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def cookie() -> str:
    gate = Gate(KEY, TEACHER_KEY)
    return f"{gate.cookie_name}={gate.cookie(VISITOR)}"


def status(lab: Lab, path: str, method: str = "GET", **headers: str) -> int:
    request = urllib.request.Request(lab.url + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def static_file(lab: Lab, cookie: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(lab.url, headers={"Cookie": cookie}), timeout=LIMIT) as answer:
        found = re.search(r"static/js/[\w.-]+\.js", answer.read().decode())
    assert found
    return f"/{found[0]}"


def test_everything_that_a_server_serves_needs_the_key(closed: Lab, cookie: str) -> None:
    script = static_file(closed, cookie)
    for path in ("/", "/surfaces", script, "/favicon.png", "/_stcore/host-config", "/lab/plotly.min.js"):
        assert status(closed, path) == 401, path
        assert status(closed, path, Cookie=cookie + "0") == 401, path
        assert status(closed, path, Cookie=cookie) == 200, path
    # A stranger does not learn either what exists for nobody.
    for path, method in (
        ("/media/x.bin", "GET"),
        ("/_stcore/upload_file/a/b", "PUT"),
        ("/_stcore/upload_file/a/b", "DELETE"),
    ):
        assert status(closed, path, method) == 401, path
        assert status(closed, path, method, Cookie=cookie) in (400, 403, 404, 405), path
    assert status(closed, "/_stcore/health") == 200


@pytest.mark.parametrize(("path", "protocols"), [("/_stcore/stream", ["streamlit"]), ("/lab/live", None)])
def test_both_websockets_need_the_key_and_a_page_of_the_lab(
    closed: Lab, cookie: str, path: str, protocols: list[str] | None
) -> None:
    address = closed.url.replace("http", "ws") + path

    def opened(**headers: str) -> int:
        try:
            with connect(address, subprotocols=protocols, additional_headers=headers):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    assert opened() == 401
    assert opened(Cookie=cookie, Origin="http://evil.example") == 403
    assert opened(Cookie=cookie, Origin=closed.url) == 101
    assert opened(Cookie=cookie) == 101


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Come in").click()


@pytest.fixture
def guest(visitor: Profiles) -> Page:
    """A page for someone who has not signed in: the browser notes each refusal, so its console is not looked at."""
    return visitor(viewport={"width": 390, "height": 844}).new_page()


def test_someone_signs_in_and_goes_on_where_they_wanted(closed: Lab, guest: Page) -> None:
    guest.goto(f"{closed.url}/surfaces")
    sign_in(guest, "not the key")
    expect(guest.get_by_role("alert")).to_have_text("That is not the key of this lab.")
    assert guest.evaluate("document.documentElement.scrollWidth") == 390
    sign_in(guest, KEY)
    expect(guest.locator(".surface-player[data-ready]")).to_be_visible()
    assert guest.url.startswith(f"{closed.url}/surfaces")
    expect(guest.get_by_text("teacher")).to_have_count(0)


def test_a_link_with_the_key_lets_in_and_leaves_no_trace_in_the_address(closed: Lab, guest: Page) -> None:
    asked: list[str] = []
    guest.on("request", lambda request: asked.append(request.url))
    guest.goto(f"{closed.url}/#key={KEY}")
    expect(guest.get_by_text("You: Guest")).to_be_visible()
    assert KEY not in guest.url
    assert not [url for url in asked if KEY in url]


def test_a_name_is_given_once_and_remembered(closed: Lab, guest: Page) -> None:
    guest.goto(f"{closed.url}/#key={KEY}")
    guest.get_by_text("tell us your name").click()
    guest.get_by_role("textbox", name="Your name").fill("Ada *of* <b>London</b>")
    guest.get_by_role("button", name="Save", exact=True).click()
    yours = guest.get_by_text("You: Ada *of* <b>London</b>")
    expect(yours).to_be_visible()
    expect(guest.get_by_role("textbox", name="Your name")).to_have_count(0)
    wait_in(guest, "() => document.cookie.includes('descent_name')")
    guest.reload()
    expect(yours).to_be_visible()
    guest.goto(f"{closed.url}/surfaces")
    expect(yours).to_be_visible()
    names = {cookie["name"]: cookie for cookie in guest.context.cookies()}
    assert names["descent_visitor"]["httpOnly"] and names["descent_visitor"]["sameSite"] == "Lax"


def test_the_teacher_signs_in_from_the_page(closed: Lab, guest: Page) -> None:
    guest.goto(f"{closed.url}/#key={KEY}")
    guest.get_by_text("tell us your name").click()
    guest.get_by_role("link", name="I am the teacher").click()
    sign_in(guest, TEACHER_KEY)
    expect(guest.get_by_text(re.compile(r"You: Guest .* · teacher"))).to_be_visible()
    gate = Gate(KEY, TEACHER_KEY)
    assert gate.role({cookie["name"]: cookie["value"] for cookie in guest.context.cookies()}) == TEACHER


def test_ten_tabs_of_one_browser_all_stay_live(closed: Lab, guest: Page) -> None:
    guest.set_viewport_size({"width": 800, "height": 600})
    guest.goto(f"{closed.url}/#key={KEY}")
    train(guest, 3)
    expect(guest).to_have_url(re.compile("run="))
    tabs = [guest.context.new_page() for _ in range(TABS - 1)]
    for tab in tabs:
        tab.goto(guest.url, wait_until="commit")
    for tab in (guest, *tabs):
        expect_state(tab, "finished")
        expect(tab.get_by_test_id("step")).to_have_text("step 2,250 of 2,250")
        expect(tab.get_by_test_id("test-accuracy")).to_have_text(re.compile(r"9\d\.\d\d%"))
    tabs[0].reload()
    expect_state(tabs[0], "finished")


def test_a_page_starts_over_with_a_restarted_server(closed: Lab, guest: Page) -> None:
    """A server that was killed may have lost events that the page has seen."""
    asked: list[dict[str, int]] = []

    def note(socket: WebSocket) -> None:
        if socket.url.endswith("/lab/live"):
            socket.on("framesent", lambda text: asked.append(json.loads(text)["runs"]))

    guest.on("websocket", note)
    guest.goto(f"{closed.url}/#key={KEY}")
    train(guest, 1)
    expect_state(guest, "finished")
    before = len(asked)
    closed.stop()
    expect(guest.get_by_test_id("link")).to_have_text("reconnecting…")
    closed.start()
    expect(guest.get_by_test_id("link")).to_have_text("")
    expect_state(guest, "finished")

    def again() -> list[list[int]]:
        # Playwright says what was sent while it waits.
        guest.wait_for_timeout(50)
        return [list(runs.values()) for runs in asked[before:]]

    assert wait_for(again) == [[-1]]


def test_open_pages_come_to_the_sign_in_once_the_key_is_another(tmp_path: Path, visitor: Profiles) -> None:
    lab = Lab(tmp_path, DESCENT_KEY=KEY, **ONE_WORKER)
    lab.start()
    train_page, models_page = (context.new_page() for context in [visitor()] for _ in range(2))
    train_page.goto(f"{lab.url}/#key={KEY}")
    expect(train_page.locator(".live-plot .main-svg").first).to_be_visible()
    models_page.goto(f"{lab.url}/models")
    expect(models_page.get_by_role("button", name="Save parameters")).to_be_visible()
    lab.stop()
    lab.environment["DESCENT_KEY"] = f"{KEY}, changed"
    lab.start()
    for page in (train_page, models_page):
        expect(page.get_by_label("Key")).to_be_visible()
    sign_in(models_page, f"{KEY}, changed")
    expect(models_page.get_by_role("button", name="Save parameters")).to_be_visible()
    lab.stop()
