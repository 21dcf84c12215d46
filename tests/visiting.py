"""The vocabulary of a visitor: what the browser tests press, type, choose and wait for."""

from playwright.sync_api import Locator, Page, expect


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def type_into(page: Page, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")


def choose(page: Page, label: str, option: str) -> None:
    """By the keyboard, once the box has scrolled into view: an open list closes when the page scrolls."""
    box = page.get_by_role("combobox", name=label)
    box.press("ArrowDown")
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).click()
    expect(box).to_have_value(option)


def train_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Train", exact=True)


def stop_button(page: Page) -> Locator:
    return page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True)


def expect_state(page: Page, state: str) -> None:
    expect(page.get_by_test_id("state")).to_have_text(state)


def train(page: Page, epochs: int | str, validation_split: str = "") -> None:
    """Start a run from the Train page."""
    if validation_split:
        page.get_by_text("More settings").click()
        type_into(page, "Validation split", validation_split)
    type_into(page, "Epochs", str(epochs))
    expect(train_button(page)).to_be_enabled()
    train_button(page).click()


def stop(page: Page) -> None:
    stop_button(page).click()
    expect_state(page, "stopped")
