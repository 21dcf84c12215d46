"""The vocabulary of a visitor: what the browser tests open, press, type and choose, and how they look at a page."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser import Lab
from tests.waiting import wait_for

#: By title: each page's path, and the part of it that shows that it works.
PAGES: dict[str, tuple[str, Callable[[Page], Locator]]] = {
    "Train": ("/", lambda page: train_button(page)),
    "Runs": ("/runs", lambda page: page.get_by_test_id("runs")),
    "Sweep": ("/sweep", lambda page: page.get_by_role("button", name=re.compile(r"^Start \d+ runs"))),
    "Surfaces": ("/surfaces", lambda page: page.locator(".surface-player[data-ready]")),
    "Landscape": ("/landscape", lambda page: page.get_by_role("button", name="New runs")),
    "Predictions": ("/predictions", lambda page: page.locator(".figures")),
    "Draw": ("/draw", lambda page: page.locator(".upper-canvas")),
    "Models": ("/models", lambda page: page.get_by_role("button", name="Save parameters")),
    "Lessons": ("/lessons", lambda page: page.locator(".st-key-card-2-order").get_by_role("button", name="Open")),
}
#: Pictures with nothing in them. The Train page's live chart is empty until a run begins, and says so.
EMPTY_PICTURES = """() => {
    const shown = element => element?.offsetParent
    const invites = shown(document.querySelector("[data-testid=invitation]"))
    const plots = [...document.querySelectorAll(".js-plotly-plot")].filter(shown).filter(plot => !plot.data?.length)
    const broken = [...document.images].filter(shown).filter(image => image.complete && !image.naturalWidth)
    return [...plots.filter(plot => !(invites && plot.matches(".live-plot"))), ...broken]
}"""


def wait_in(page: Page, script: str, argument: Any = None) -> None:
    """Wait until the script is true in the page, also in a page that is loaded meanwhile."""
    wait_for(lambda: page.evaluate(script, argument))


def drag(page: Page, first: tuple[float, float], *others: tuple[float, float]) -> None:
    """Press at a place of the window, move through the others, and let go."""
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def inspect(page: Page) -> None:
    """Look at the page once it has settled: no error, no red sentence, no spinner left, no empty picture.

    The fixtures ``page`` and ``phone`` look at its console and its requests.
    """
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    for leftover in ("stException", "stAlertContentError", "stSpinner", "stSkeleton"):
        expect(page.get_by_test_id(leftover)).to_have_count(0)
    # What plotly.js shows in place of a chart that it cannot draw.
    expect(page.locator(".no-webgl")).to_have_count(0)
    wait_in(page, f"() => !({EMPTY_PICTURES})().length")


def scrolls_sideways(page: Page) -> bool:
    """Return True if the page, or its part that scrolls up and down, is wider than its window."""
    return bool(
        page.evaluate(
            """() => [document.documentElement, document.querySelector("[data-testid=stMain]")]
                .some(each => each?.scrollWidth > each?.clientWidth)"""
        )
    )


def drawn_whole(page: Page) -> None:
    """Wait until a player has drawn its relief, too, which comes after all that one needs to play."""
    wait_in(
        page,
        """() => {
            const { ready, relief } = document.querySelector(".surface-player")?.dataset ?? {}
            return Boolean(ready) && ready === relief
        }""",
    )


def look(page: Page, title: str) -> None:
    """Wait until the page of this title works, and inspect it."""
    path, find = PAGES[title]
    # First the address: a part of the last page may look like one of this.
    expect(page).to_have_url(re.compile(rf"^\w+://[^/]+{path}(\?.*)?$"))
    part = find(page)
    expect(part).to_be_visible()
    expect(part).to_be_enabled()
    inspect(page)


def open_at(page: Page, lab: Lab, title: str) -> None:
    page.goto(lab.url + PAGES[title][0])
    look(page, title)


def go(page: Page, title: str) -> None:
    """Follow the navigation's link to another page."""
    page.get_by_role("link", name=title, exact=True).click()
    look(page, title)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def type_into(page: Page, label: str, text: str) -> None:
    """Once the page is at rest; again if its answer to what was chosen before came between two letters."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    box = page.get_by_label(label, exact=True)

    def typed() -> str:
        box.fill(text)
        return box.input_value()

    wait_for(typed, lambda value: value == text)
    box.press("Enter")


def choose(page: Page, label: str, option: str) -> None:
    """By the keyboard, once the page is at rest and the box in view: an open list closes when the page moves."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    box = page.get_by_role("combobox", name=label)
    box.press("ArrowDown")
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).click()
    expect(box).to_have_value(option)


def save(page: Page, chart: Locator, kind: str) -> tuple[str, bytes]:
    """Save a chart by its menu: as "Picture, PNG", "Drawing, SVG" or "Numbers, CSV"; the file's name and content."""
    chart.locator(".chart-save").click()
    with page.expect_download() as download:
        # Each chart has its menu; the open one is shown.
        page.locator(".chart-formats:popover-open").get_by_role("button", name=kind).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def train_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Train", exact=True)


def stop_button(page: Page) -> Locator:
    return page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True)


def expect_state(page: Page, state: str) -> None:
    expect(page.get_by_test_id("state")).to_have_text(state)


#: Learning rates that no two runs share: the lab does not train the same settings twice.
_RATES = itertools.count(1001)


def own_rate(page: Page) -> None:
    """Type a learning rate on the Train page that no other test's run has."""
    type_into(page, "Learning rate", f"{next(_RATES) / 1e6:.6f}")


def train(page: Page, epochs: int | str, validation_split: str = "") -> None:
    """Start a run from the Train page, with settings that no other test's run has."""
    if validation_split:
        page.get_by_text("More settings").click()
        type_into(page, "Validation split", validation_split)
    own_rate(page)
    type_into(page, "Epochs", str(epochs))
    expect(train_button(page)).to_be_enabled()
    train_button(page).click()


def stop(page: Page) -> None:
    stop_button(page).click()
    expect_state(page, "stopped")
