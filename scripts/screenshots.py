"""Take the README's pictures: start the lab, train once, write docs/train-{light,dark,phone}.png and
docs/surfaces-light.png.

Run from the project's root: ``python -m scripts.screenshots``. Needs Chromium and playwright.
"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.conftest import ARGUMENTS, Lab

DOCS = Path(__file__).resolve().parent.parent / "docs"
DESKTOP, PHONE = {"width": 1280, "height": 940}, {"width": 390, "height": 844}


def train(browser: Browser, url: str) -> str:
    """Train once with a schedule worth looking at; returns the run's address."""
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
    expect(page.locator(".surface-player[data-ready]")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    page.get_by_test_id("scrub").fill("220")
    page.screenshot(path=DOCS / "surfaces-light.png")
    context.close()


def main() -> None:
    expect.set_options(timeout=60_000)
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS.split())
        lab = Lab(Path(folder))
        lab.start()
        try:
            url = train(browser, lab.url)
            shoot(browser, url, "light", DESKTOP, "light")
            shoot(browser, url, "dark", DESKTOP, "dark")
            shoot(browser, url, "phone", PHONE, "light")
            shoot_surfaces(browser, lab.url)
        finally:
            lab.stop()
            browser.close()


if __name__ == "__main__":
    main()
