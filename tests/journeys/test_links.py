"""A link that somebody shares opens in a new profile as it was copied."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Lab
from tests.visiting import inspect

#: By name: the link, with a run's name in braces for its id; what it must show; the text there.
LINKS: dict[str, tuple[str, str, str]] = {
    "run": ("/?run={adam}", "[data-testid=step]", "step 188 of 188"),
    "run's page": ("/runs?run={sgd}", "[data-testid=step]", "step 188 of 188"),
    "comparison": ("/runs?compare={sgd},{adam}", "[data-testid=ranking] tbody", "short sgd"),
    "race": ("/race?runs={sgd},{adam}", ".live-ranking tbody", "SGD"),
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
