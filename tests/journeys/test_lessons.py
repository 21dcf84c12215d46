"""Every lesson as a visitor reads it."""

import pytest
from playwright.sync_api import Page, expect

from dashboard.views.lessons import lessons
from tests.browser import Lab
from tests.visiting import inspect, wait_in

#: The text on the page without its formulas, code and figures.
WORDS = """() => {
  const page = document.querySelector("[data-testid=stMain]").cloneNode(true)
  for (const part of page.querySelectorAll(".katex, code, pre, style, svg")) part.remove()
  return page.textContent
}"""


@pytest.mark.parametrize("key", lessons())
def test_every_formula_of_a_lesson_is_drawn_whole_on_a_phone_too(page: Page, lab: Lab, key: str) -> None:
    page.goto(f"{lab.url}/lessons?lesson={key}")
    expect(page.get_by_text(lessons()[key].question)).to_be_visible()
    expect(page.locator(".katex").first).to_be_visible()
    expect(page.get_by_text("What to look at")).to_be_visible()
    inspect(page)
    expect(page.locator(".katex-error")).to_have_count(0)
    assert "$" not in page.evaluate(WORDS)
    page.set_viewport_size({"width": 390, "height": 844})
    wait_in(page, "() => [...document.querySelectorAll('.katex-display')].every(e => e.scrollWidth <= e.clientWidth)")
