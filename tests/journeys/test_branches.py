"""A visit: a finished run is left at one of its steps, both curves are looked at, and kept as a page."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import Lab, Profiles, watch
from tests.visiting import choose, expect_state, inspect, press, wait_in

FIRST = "uid => document.querySelector('.live-plot').data?.find(trace => trace.uid === uid)?.x[0]"


def test_what_if_from_here(page: Page, lab: Lab, visitor: Profiles, tmp_path: Path) -> None:
    parent = lab.runs["adagrad"]
    page.goto(f"{lab.url}/runs?run={parent}")
    expect_state(page, "finished")
    press(page, "What if, from here")
    page.get_by_role("radio", name="Optimizer").click()
    expect(page.get_by_text("a state that begins afresh")).to_be_visible()
    choose(page, "New optimizer", "Adam")
    slider = page.get_by_role("slider", name="From step")
    expect(slider).to_have_value("94")
    slider.press("ArrowRight")
    expect(slider).to_have_value("95")
    press(page, "Branch")

    # Both curves, the branch from its parent's step on.
    expect(page).to_have_url(re.compile(rf"compare={parent}(,|%2C)\w+$"))
    child = re.split(r",|%2C", page.url)[-1]
    expect(page.get_by_test_id("ranking").locator("tbody tr")).to_have_count(2)
    expect_state(page, "finished")
    wait_in(page, f"id => ({FIRST})(`${{id}}-loss`) === 95", child)
    wait_in(page, f"id => ({FIRST})(`${{id}}-loss`) === 0", parent)
    expect(page.get_by_text(re.compile(r"#\d+ leaves #\d+ at step 95\."))).to_be_visible()
    inspect(page)

    # It leaves as a page that opens without the lab.
    with page.expect_download() as download:
        page.get_by_role("button", name="Page", exact=True).click()
    path = tmp_path / "comparison.html"
    download.value.save_as(path)
    context = visitor()
    context.set_offline(True)
    alone = context.new_page()
    complaints = watch(alone)
    alone.goto(path.as_uri())
    expect(alone.get_by_test_id("ranking").locator("tbody tr")).to_have_count(2)
    wait_in(alone, f"id => ({FIRST})(`${{id}}-loss`) === 95", child)
    assert complaints == []

    # From the branch to its parent and back.
    page.goto(f"{lab.url}/runs?run={child}")
    expect_state(page, "finished")
    page.get_by_role("button", name=re.compile(r"from #\d+ short adagrad, at step 95")).click()
    expect(page).to_have_url(re.compile(rf"run={parent}$"))
    expect(page.get_by_role("button", name=re.compile(r"led to #\d+ Adam, at step 95"))).to_be_visible()
    press(page, "Draw these together")
    expect(page.get_by_test_id("ranking").locator("tbody tr").first).to_be_visible()
    assert child in page.url and parent in page.url
    inspect(page)


def test_a_refused_branch_is_a_sentence(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/?run={lab.runs['sgd']}")
    expect_state(page, "finished")
    press(page, "What if, from here")
    box = page.get_by_label("New learning rate", exact=True)
    box.fill("much")
    box.press("Enter")
    press(page, "Branch")
    expect(page.get_by_text("Learning rate must be between 0 and 1000, above 0; you entered much.")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"run={lab.runs['sgd']}$"))
