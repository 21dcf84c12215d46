"""Values that nobody typed are the defaults: on the next page, after the browser's Back, in a popover opened late."""

from playwright.sync_api import Page, expect

from tests.browser import Lab
from tests.e2e.test_surfaces import click_contours, open_paused, ready
from tests.visiting import choose


def test_a_newcomer_who_goes_to_sweep_at_once_finds_the_form_filled(page: Page, lab: Lab) -> None:
    page.goto(lab.url)
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("5")
    page.get_by_role("link", name="Sweep").click()
    expect(page.get_by_role("button", name="Start 54 runs")).to_be_enabled()
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("5")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_surfaces_is_as_it_was_after_the_browsers_back(page: Page, lab: Lab) -> None:
    open_paused(page, f"{lab.url}/surfaces")
    page.get_by_role("link", name="Sweep").click()
    expect(page.get_by_role("button", name="Start 54 runs")).to_be_enabled()
    page.go_back()
    ready(page)
    expect(page.get_by_label("Steps", exact=True)).to_have_value("500")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_popover_that_is_opened_late_holds_the_defaults(page: Page, lab: Lab) -> None:
    open_paused(page, f"{lab.url}/surfaces")
    first = ready(page)
    choose(page, "Function", "Booth")
    expect(page.locator(".surface-player")).not_to_have_attribute("data-ready", first)
    before = ready(page)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("textbox", name="Gradient noise")).to_have_value("0")
    page.keyboard.press("Escape")
    click_contours(page, 0.4, 0.4)
    expect(page.locator(".surface-player")).not_to_have_attribute("data-ready", before)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_typed_batch_size_of_a_sweep_is_none_that_contains_it(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/sweep")
    expect(page.get_by_role("button", name="Start 54 runs")).to_be_enabled()
    box = page.get_by_role("combobox", name="Batch size: values")
    # The list has 2048 before 48, and 16 before 6.
    for size, leave, runs in (("48", "Enter", 63), ("6", "Tab", 72)):
        box.click()
        box.fill(size)
        expect(page.get_by_role("option", name=f"Add: {size}")).to_be_visible()
        box.press(leave)
        expect(page.get_by_test_id("stMultiSelect").get_by_text(size, exact=True)).to_be_visible()
        expect(page.get_by_role("button", name=f"Start {runs} runs", include_hidden=True)).to_be_enabled()
