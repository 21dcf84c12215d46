"""A link that somebody shares opens in a new profile as it was copied."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Lab
from tests.visiting import choose, expect_state, inspect, train

#: By name: the link, with a run's name in braces for its id; what it must show; the text there.
LINKS: dict[str, tuple[str, str, str]] = {
    "run": ("/?run={adam}", "[data-testid=step]", "step 188 of 188"),
    "run's page": ("/runs?run={sgd}", "[data-testid=step]", "step 188 of 188"),
    "comparison": ("/runs?compare={sgd},{adam}", "[data-testid=ranking] tbody", "short sgd"),
    "race": ("/sweep?runs={sgd},{adam}", ".live-ranking tbody", "SGD"),
    "lesson": ("/lessons?lesson=2-order", "[data-testid=stMain]", "Does it matter in which order the images come?"),
    "landscape": ("/landscape?items=run:{sgd},run:{adam}&plane=line", "[data-testid=stMain]", "short adam"),
    "surfaces": ("/surfaces?s-surface=Booth&s-steps=40", "[data-testid=step]", "of 40"),
    "model": ("/models?model=good", "[data-testid=stMain] h3, [data-testid=stMain] h4", "good"),
    "digit": ("/predictions?model=good&digit=8", "[role=dialog]", "Digit 8"),
}


@pytest.mark.parametrize("name", LINKS)
def test_a_shared_link_opens_in_a_new_profile(page: Page, lab: Lab, name: str) -> None:
    address, place, words = LINKS[name]
    page.goto(lab.url + address.format_map(lab.runs))
    for _ in ("opened", "reloaded"):
        expect(page.locator(place).filter(has_text=re.compile(re.escape(words))).first).to_be_visible()
        inspect(page)
        page.reload()


def test_the_settings_beside_a_picture_are_its_own(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/race?runs={lab.runs['sgd']},{lab.runs['adagrad']}")
    expect(page.get_by_role("button", name="Start 12 runs")).to_be_enabled()
    expect(page.get_by_test_id("stMultiSelect")).to_contain_text("Adagrad")
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("2")


def test_a_recent_run_brings_its_own_settings(page: Page, own_lab: Lab) -> None:
    page.goto(own_lab.url)
    rate, rates = page.get_by_label("Learning rate", exact=True), []
    for name in ("#1 Adam", "#2 SGD"):
        choose(page, "Optimizer", name[3:])
        train(page, epochs=1)
        expect(page.get_by_test_id("stMain").get_by_role("button", name=re.compile(name))).to_be_visible()
        expect_state(page, "finished")
        rates.append(rate.input_value())
    page.get_by_role("link", name="Sweep", exact=True).click()
    expect(page.get_by_test_id("stMultiSelect").first).to_be_visible()
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_test_id("stMain").get_by_role("button", name=re.compile("#1 Adam")).click()
    expect(page.get_by_role("combobox", name="Optimizer")).to_have_value("Adam")
    expect(rate).to_have_value(rates[0])
    page.get_by_test_id("stMain").get_by_role("button", name=re.compile("#2 SGD")).click()
    expect(page.get_by_role("combobox", name="Optimizer")).to_have_value("SGD")
    expect(rate).to_have_value(rates[1])
