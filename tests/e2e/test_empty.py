"""A lab in which nobody has done anything yet: every page says what to do first."""

import re

from playwright.sync_api import Page, expect

from tests.browser import Lab
from tests.visiting import press, train_button


def test_an_empty_lab_leads_to_its_first_run(page: Page, own_lab: Lab) -> None:
    page.goto(f"{own_lab.url}/predictions")
    expect(page.get_by_text("There is no network yet")).to_be_visible()
    page.get_by_role("link", name="Train a network").click()
    expect(train_button(page)).to_be_visible()
    page.goto(f"{own_lab.url}/models")
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    press(page, "Save whole model")
    expect(page.get_by_role("dialog").get_by_text("There is no run to save yet.")).to_be_visible()
    page.goto(f"{own_lab.url}/landscape")
    page.get_by_role("button", name="Race three optimizers and see").click()
    expect(page).to_have_url(re.compile("(run.*){3}"))
    expect(page.locator(".st-key-landscape-player .landscape")).to_have_attribute("data-points", re.compile(r"\d+"))
