"""Take the README's pictures: start the lab, train, race, draw a digit, fill a map, and write docs/*.png.

Run from the project's root: ``python -m scripts.screenshots``. Needs Chromium and playwright.
"""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import browser_and_lab
from tests.visiting import drag, drawn_whole

DOCS = Path(__file__).resolve().parent.parent / "docs"
DESKTOP, PHONE = {"width": 1280, "height": 940}, {"width": 390, "height": 844}


def train(browser: Browser, url: str) -> str:
    """Train once with a one-cycle schedule, and return the run's address."""
    page = browser.new_page(viewport=DESKTOP)
    page.goto(url)
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    box = page.get_by_role("combobox", name="Learning-rate schedule")
    box.press("ArrowDown")
    box.fill("One-cycle")
    page.get_by_role("option", name="One-cycle").click()
    expect(page.get_by_label("Rise", exact=True)).to_be_visible()
    rate = page.get_by_label("Learning rate", exact=True)
    rate.fill("0.005")
    rate.press("Enter")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_test_id("state")).to_have_text("finished")
    return page.url


def shoot(browser: Browser, url: str, name: str, size: dict[str, int], scheme: str) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, device_scale_factor=2)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_test_id("state")).to_have_text("finished")
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    expect(page.locator(".live-plot .legend .traces")).not_to_have_count(0)
    if size is PHONE:
        page.locator(".live").evaluate("element => element.scrollIntoView({ block: 'start' })")
    page.screenshot(path=DOCS / f"train-{name}.png")
    context.close()


def shoot_surfaces(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport=DESKTOP, color_scheme="light", device_scale_factor=2)
    page = context.new_page()
    page.goto(f"{url}/surfaces")
    page.get_by_role("button", name="Pause").click()
    page.get_by_test_id("scrub").fill("220")
    page.screenshot(path=DOCS / "surfaces-light.png")
    context.close()


def shoot_landscape(page: Page) -> None:
    """Race three optimizers, as the empty page offers, and look at their paths."""
    page.get_by_role("button", name="Race three optimizers and see").click()
    expect(page.locator(".landscape")).to_have_attribute("data-points", "51")
    drawn_whole(page)


def shoot_runs(page: Page) -> None:
    expect(page.get_by_role("row")).to_have_count(5)


def shoot_predictions(page: Page) -> None:
    expect(page.get_by_test_id("stTabs").or_(page.get_by_role("table")).first).to_be_visible()


def shoot_draw(page: Page) -> None:
    """Draw a 3 with the mouse."""
    box = page.locator(".upper-canvas").bounding_box()
    assert box is not None
    scale = box["width"] / 280
    stroke = [(80, 70), (130, 45), (190, 65), (195, 105), (140, 135), (200, 160), (205, 210), (140, 240), (75, 215)]
    drag(page, *((box["x"] + scale * x, box["y"] + scale * y) for x, y in stroke))
    expect(page.get_by_test_id("answer")).to_have_attribute("data-digit", "3")


def shoot_sweep(page: Page) -> None:
    """Fill the map of learning rate and batch size."""
    page.get_by_role("button", name=re.compile(r"^Start \d+ runs")).click()
    expect(page.get_by_text(re.compile("^Best: learning rate"))).to_be_visible()
    page.mouse.wheel(0, 180)


#: What is done on a page before its picture is taken; in this order.
PAGES = {"runs": shoot_runs, "predictions": shoot_predictions, "draw": shoot_draw, "sweep": shoot_sweep}


def prepared(browser: Browser, url: str, name: str, prepare: Callable[[Page], None]) -> None:
    page = browser.new_page(viewport=DESKTOP, color_scheme="light", device_scale_factor=2)
    page.goto(f"{url}/{name}")
    prepare(page)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=DOCS / f"{name}-light.png")
    page.close()


def main() -> None:
    expect.set_options(timeout=180_000)
    DOCS.mkdir(exist_ok=True)
    with browser_and_lab() as (browser, lab):
        lab.start()
        # The landscape comes first: its race is offered by the empty page.
        prepared(browser, lab.url, "landscape", shoot_landscape)
        url = train(browser, lab.url)
        shoot(browser, url, "light", DESKTOP, "light")
        shoot(browser, url, "dark", DESKTOP, "dark")
        shoot(browser, url, "phone", PHONE, "light")
        shoot_surfaces(browser, lab.url)
        for name, prepare in PAGES.items():
            prepared(browser, lab.url, name, prepare)


if __name__ == "__main__":
    main()
