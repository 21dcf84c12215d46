"""A run operated from its page: paused, moved on by a step, steered, stopped, gone on with, by one or two people."""

import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Lab, Profiles
from tests.e2e.test_train import LONG, open_lab
from tests.visiting import expect_state, press, scrolls_sideways, stop_button, train, type_into, wait_in


def step_shown(page: Page) -> int:
    text = page.get_by_test_id("step").inner_text()
    return int(re.search(r"step ([\d,]+) of", text)[1].replace(",", ""))


def start_long(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    train(page, LONG)
    expect_state(page, "running")
    expect(page.get_by_test_id("step")).to_contain_text(re.compile(r"step [1-9]"))


def test_pause_one_step_another_rate_resume_and_stop(page: Page, lab: Lab) -> None:
    start_long(page, lab)
    press(page, "Pause")
    expect_state(page, "paused")
    expect(page.get_by_role("button", name="One step", exact=True)).to_be_enabled()
    before = step_shown(page)
    for taken in (1, 2, 3):
        press(page, "One step")
        expect(page.get_by_test_id("step")).to_have_text(re.compile(f"step {before + taken:,} of"))
        expect_state(page, "paused")
        expect(page.get_by_role("button", name="One step", exact=True)).to_be_enabled()
        expect(page.get_by_role("button", name="Pause", exact=True)).to_have_count(0)
    type_into(page, "Schedule's base rate from the next step on", "-3")
    expect(page.get_by_text("Learning rate must be")).to_be_visible()
    type_into(page, "Schedule's base rate from the next step on", "0.02")
    expect(page.get_by_text("Learning rate must be")).to_have_count(0)
    press(page, "Resume")
    expect_state(page, "running")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    rates = "() => document.querySelector('.live-plot').data.flatMap(t => t.y ?? [])"
    wait_in(page, f"() => ({rates})().includes(0.02)")
    stop_button(page).click()
    expect_state(page, "stopped")
    expect(page.get_by_test_id("test-accuracy")).to_have_text(re.compile(r"\d+\.\d\d%"))
    steps = page.evaluate("document.querySelector('.live-plot').data[0].x")
    assert steps == sorted(set(steps)), "no step was drawn twice"


def test_a_run_whose_worker_was_killed_goes_on_by_itself(page: Page, lab: Lab) -> None:
    start_long(page, lab)
    before = step_shown(page)
    for worker in lab.workers():
        os.kill(worker, signal.SIGKILL)
    wait_in(
        page,
        f"() => Number(document.querySelector('[data-testid=step]').textContent.match(/step ([\\d,]+)/)[1]"
        f".replaceAll(',', '')) > {before} + 500",
    )
    stop_button(page).click()
    expect_state(page, "stopped")
    page.goto(page.url.replace("/?run=", "/runs?run="))
    story = page.get_by_test_id("stExpander").filter(has_text="What happened")
    expect(story.get_by_text("Its worker process ended; it goes on from its last checkpoint.")).to_be_visible()


def test_two_people_pressing_stop_stop_it_once(page: Page, lab: Lab, visitor: Profiles) -> None:
    start_long(page, lab)
    other = visitor().new_page()
    other.goto(page.url)
    expect(stop_button(other)).to_be_enabled()
    # At the same moment: as soon as one has stopped it, the other's button has nothing to stop any more.
    for shown in (page, other):
        stop_button(shown).evaluate("button => setTimeout(() => button.click(), 200)")
    for shown in (page, other):
        expect_state(shown, "stopped")
    page.goto(page.url.replace("/?run=", "/runs?run="))
    story = page.get_by_test_id("stExpander").filter(has_text="What happened")
    expect(story.get_by_text("stopped", exact=True)).to_have_count(1)


def test_a_page_offers_what_fits_a_run_that_somebody_else_goes_on_with(page: Page, lab: Lab, visitor: Profiles) -> None:
    start_long(page, lab)
    press(page, "Pause")
    other = visitor().new_page()
    other.goto(page.url.replace("/?run=", "/runs?run="))
    expect(other.get_by_role("button", name="One step", exact=True)).to_be_enabled()
    press(page, "Resume")
    expect(other.get_by_role("button", name="Pause", exact=True)).to_be_enabled()
    expect(other.get_by_role("button", name="One step", exact=True)).to_have_count(0)
    stop_button(page).click()
    expect_state(other, "stopped")
    expect(other.get_by_role("button", name="Resume", exact=True)).to_be_enabled()
    expect(other.get_by_role("button", name="Pause", exact=True)).to_have_count(0)
    expect(other.get_by_test_id("news")).to_contain_text("stopped, test accuracy")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_buttons_fit(visitor: Profiles, lab: Lab, width: int) -> None:
    opened = visitor(viewport={"width": width, "height": 844}).new_page()
    start_long(opened, lab)
    press(opened, "Pause")
    expect_state(opened, "paused")
    expect(opened.get_by_role("button", name="One epoch", exact=True)).to_be_visible()
    assert not scrolls_sideways(opened)
    stop_button(opened).click()
    expect_state(opened, "stopped")
