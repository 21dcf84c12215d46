"""The Predictions page in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Lab, Profiles
from tests.visiting import choose, scrolls_sideways


def opened(page: Page, lab: Lab, query: str) -> None:
    page.goto(f"{lab.url}/predictions?{query}")
    expect(page.locator(".figures")).to_contain_text("Test accuracy")


def test_a_cell_of_the_matrix_shows_its_digits(page: Page, lab: Lab) -> None:
    opened(page, lab, "model=good")
    cell = page.locator(".confusion button[data-value='4-9']")
    count = int(cell.inner_text())
    cell.click()
    expect(cell).to_have_class(re.compile("chosen"))
    digits = page.locator("button.digit")
    expect(digits.first.locator(".label")).to_have_text("4 → 9")
    expect(digits).to_have_count(min(count, 24))
    assert set(digits.locator(".label").all_inner_texts()) == {"4 → 9"}
    expect(page).to_have_url(re.compile(r"p-true=4.*p-said=9"))
    # The picture is drawn pixel by pixel, however large.
    assert digits.first.locator("img").evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"


def test_a_digit_opens_and_the_keys_go_on_to_the_next(page: Page, lab: Lab) -> None:
    opened(page, lab, "model=good&p-tab=Digits&p-show=Wrong+ones")
    digits = page.locator("button.digit")
    numbers = [digits.nth(i).get_attribute("data-value") for i in range(2)]
    digits.first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".bars .bar")).to_have_count(10)
    expect(dialog.locator(".units span")).to_have_count(128)
    expect(dialog.locator(".ten .digit")).to_have_count(10)
    expect(dialog).to_contain_text(f"Digit {numbers[0]}")
    expect(page).to_have_url(re.compile(f"digit={numbers[0]}"))
    page.keyboard.press("ArrowRight")
    expect(dialog).to_contain_text(f"Digit {numbers[1]}")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).not_to_have_url(re.compile("digit="))
    # It stays closed when the page is drawn again.
    page.get_by_role("button", name="Next page").click()
    expect(digits.first).not_to_have_attribute("data-value", str(numbers[0]))
    expect(dialog).to_be_hidden()


def test_two_networks_side_by_side(page: Page, lab: Lab) -> None:
    opened(page, lab, "model=good&p-tab=Compare")
    choose(page, "Compare with", "untrained")
    expect(page.get_by_text("McNemar's exact test")).to_contain_text("p < 0.001")
    expect(page).to_have_url(re.compile("model2=untrained"))
    page.get_by_role("radio", name="Only the second is right").click()
    expect(page.locator("button.digit .label").first).to_have_text(re.compile(r"^(\d) → \d / \1$"))
    for label in page.locator("button.digit .label").all_inner_texts():
        true, first, second = re.findall(r"\d", label)
        assert second == true != first


def test_a_link_restores_what_it_was_copied_from(visitor: Profiles, page: Page, lab: Lab) -> None:
    opened(page, lab, "model=untrained&p-tab=Digits&p-show=True+against+predicted&p-true=3&p-said=5&p-size=Small")
    choose(page, "Network", "good")
    expect(page).to_have_url(re.compile("model=good"))
    expect(page.locator("button.digit .label").first).to_have_text("3 → 5")
    page.locator("button.digit").first.click()
    expect(page.get_by_role("dialog").locator(".units")).to_be_visible()
    title = page.get_by_role("dialog").get_by_text(re.compile(r"^Digit \d+")).inner_text()

    other = visitor().new_page()
    other.goto(page.url)
    expect(other.get_by_role("dialog").get_by_text(title)).to_be_visible()
    other.keyboard.press("Escape")
    expect(other.get_by_role("tab", name="Digits")).to_have_attribute("aria-selected", "true")
    expect(other.get_by_role("combobox", name="Network")).to_have_value("good")
    expect(other.get_by_role("radio", name="Small")).to_be_checked()
    expect(other.locator("button.digit .label").first).to_have_text("3 → 5")
    assert set(other.locator("button.digit .label").all_inner_texts()) == {"3 → 5"}


@pytest.mark.parametrize("panel", ["Confusion", "Digits", "Confidence", "Compare", "Inside"])
def test_on_a_phone_nothing_runs_off_the_side(page: Page, lab: Lab, panel: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, lab, f"model=good&model2=untrained&p-tab={panel}&digit=8")
    expect(page.get_by_role("dialog").locator(".units")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    first = {"Confidence": ".js-plotly-plot", "Compare": ".scores"}.get(panel, ".digit")
    expect(page.locator(first).first).to_be_visible()
    assert not scrolls_sideways(page)
