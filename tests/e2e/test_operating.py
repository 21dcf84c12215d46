"""A run operated from its page: paused, moved on by a step, steered, stopped, gone on with, by one or two people."""

import os
import re
import signal
import subprocess

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Lab
from tests.e2e.test_train import LONG, open_lab, stop_button, train_button, type_into, wait_until


def step_shown(page: Page) -> int:
    text = page.get_by_test_id("step").inner_text()
    return int(re.search(r"step ([\d,]+) of", text)[1].replace(",", ""))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def start_long(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    type_into(page, "Epochs", LONG)
    train_button(page).click()
    wait_until(page, "running")
    expect(page.get_by_test_id("step")).to_contain_text(re.compile(r"step [1-9]"))


def workers(lab: Lab) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(lab.process.pid)], capture_output=True, text=True, check=True
    ).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "core.runs.worker" in line]


def test_pause_one_step_another_rate_resume_and_stop(page: Page, lab: Lab) -> None:
    start_long(page, lab)
    press(page, "Pause")
    wait_until(page, "paused")
    expect(page.get_by_role("button", name="One step", exact=True)).to_be_enabled()
    before = step_shown(page)
    press(page, "One step")
    expect(page.get_by_test_id("step")).to_have_text(re.compile(f"step {before + 1:,} of"))
    wait_until(page, "paused")
    type_into(page, "Learning rate from now on", "-3")
    expect(page.get_by_text("Learning rate must be")).to_be_visible()
    type_into(page, "Learning rate from now on", "0.02")
    expect(page.get_by_text("Learning rate must be")).to_have_count(0)
    press(page, "Resume")
    wait_until(page, "running")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    rates = "() => document.querySelector('.live-plot').data.flatMap(t => t.y ?? [])"
    page.wait_for_function(f"() => ({rates})().includes(0.02)")
    stop_button(page).click()
    wait_until(page, "stopped")
    expect(page.get_by_test_id("test-accuracy")).to_have_text(re.compile(r"\d+\.\d\d %"))
    steps = page.evaluate("document.querySelector('.live-plot').data[0].x")
    assert steps == sorted(set(steps)), "no step was drawn twice"


def test_a_run_whose_worker_was_killed_goes_on_with_one_click(page: Page, lab: Lab) -> None:
    start_long(page, lab)
    for worker in workers(lab):
        os.kill(worker, signal.SIGKILL)
    wait_until(page, "interrupted")
    expect(page.get_by_test_id("note")).to_have_text("Its worker process ended.")
    before = step_shown(page)
    press(page, "Resume")
    wait_until(page, "running")
    page.wait_for_function(
        f"() => Number(document.querySelector('[data-testid=step]').textContent.match(/step ([\\d,]+)/)[1]"
        f".replaceAll(',', '')) > {before}"
    )
    stop_button(page).click()
    wait_until(page, "stopped")


def test_two_people_pressing_stop_stop_it_once(page: Page, lab: Lab, browser: Browser) -> None:
    start_long(page, lab)
    other = browser.new_page()
    other.goto(page.url)
    expect(stop_button(other)).to_be_enabled()
    # At the same moment: as soon as one has stopped it, the other's button has nothing to stop any more.
    for shown in (page, other):
        stop_button(shown).evaluate("button => setTimeout(() => button.click(), 200)")
    for shown in (page, other):
        wait_until(shown, "stopped")
    other.close()
    page.goto(page.url.replace("/?run=", "/runs?run="))
    story = page.get_by_test_id("stExpander").filter(has_text="What happened")
    expect(story.get_by_text("stopped", exact=True)).to_have_count(1)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_buttons_fit(browser: Browser, lab: Lab, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    opened = context.new_page()
    start_long(opened, lab)
    press(opened, "Pause")
    wait_until(opened, "paused")
    expect(opened.get_by_role("button", name="One epoch", exact=True)).to_be_visible()
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    stop_button(opened).click()
    wait_until(opened, "stopped")
    context.close()
