"""Races, lessons and the closer look at a run, in the browser."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import Lab
from tests.visiting import (
    choose,
    drag,
    expect_state,
    scrolls_sideways,
    stop_button,
    train,
    train_button,
    type_into,
    wait_in,
)


def open_race(page: Page, lab: Lab, setting: str, values: str) -> None:
    page.goto(f"{lab.url}/sweep?kind=race")
    expect(page.get_by_role("button", name=re.compile("Start"))).to_be_enabled()
    choose(page, "Setting", setting)
    box = page.get_by_role("textbox", name="Values")
    box.fill(values)
    box.press("Enter")


def start(page: Page, count: int) -> None:
    button = page.get_by_role("button", name=f"Start {count} runs")
    expect(button).to_be_enabled()
    button.click()


def row(page: Page, name: str) -> Locator:
    return page.locator(f"tr[data-line='{name}']")


def drawn(page: Page) -> int:
    """Number of points that the chart has received and drawn."""
    return int(page.get_by_test_id("plot").get_attribute("data-drawn") or 0)


def shown_lines(page: Page) -> list[str]:
    """The names of the lines that have a smoothed loss in the figure."""
    smoothed = "document.querySelector('.live-plot').data.filter(trace => /-loss$/.test(trace.uid ?? ''))"
    return page.evaluate(f"[...new Set({smoothed}.map(trace => trace.name))]")


def test_a_race_is_ranked_and_a_click_hides_a_line(page: Page, lab: Lab) -> None:
    open_race(page, lab, "Learning rate", "0.00001, 0.001, 0.0001")
    type_into(page, "Epochs", "1")
    start(page, 3)
    expect(page.get_by_test_id("state")).to_have_text("finished")
    rows = page.locator(".live-ranking tbody tr")
    expect(rows).to_have_count(3)
    names = rows.evaluate_all("rows => rows.map(row => row.dataset.line)")
    assert names == ["rate 0.001", "rate 0.0001", "rate 1e-05"]
    accuracies = [float(text.removesuffix("%")) for text in rows.locator("td:nth-child(3) > span").all_inner_texts()]
    assert accuracies == sorted(accuracies, reverse=True)
    wait_in(page, "document.querySelector('.live-plot').data?.length > 6")
    assert set(shown_lines(page)) == set(names)
    # Both axes are logarithmic, with every figure written out.
    expect(page.locator(".live-plot .ytick text").filter(has_text=re.compile(r"^0\.5$"))).to_have_count(1)
    expect(page.locator(".live-plot .y3tick text")).to_have_text(["0.00001", "0.0001", "0.001"])
    row(page, "rate 0.001").get_by_role("button").click()
    wait_in(page, "!document.querySelector('.live-plot').data.some(t => t.name === 'rate 0.001')")
    page.reload()
    expect(rows).to_have_count(3)
    expect(page.get_by_test_id("state")).to_have_text("finished")


def test_seeds_are_drawn_as_mean_and_band(page: Page, lab: Lab) -> None:
    open_race(page, lab, "Learning rate", "0.001, 0.0001")
    type_into(page, "Seeds", "2")
    type_into(page, "Epochs", "1")
    start(page, 4)
    expect(page.get_by_test_id("state")).to_have_text("finished")
    expect(row(page, "rate 0.001")).to_contain_text("n = 2")
    wait_in(page, "document.querySelector('.live-plot').data.some(t => t.fill === 'tonexty')")
    band = page.evaluate(
        """() => { const of = end => document.querySelector('.live-plot').data.find(t => t.uid?.endsWith(end))
        const [low, mean, high] = ['-loss-low', '-loss', '-loss-high'].map(of)
        return mean.y.every((y, i) => low.y[i] <= y && y <= high.y[i]) && mean.y.length > 50 }"""
    )
    assert band is True


def test_zoom_hidden_lines_and_controls_survive_hundreds_of_updates(page: Page, lab: Lab) -> None:
    open_race(page, lab, "Learning rate", "0.001, 0.0001")
    type_into(page, "Epochs", "1000")
    start(page, 2)
    wait_in(page, "document.querySelectorAll('.live-ranking tbody tr').length === 2")
    wait_in(page, "Number(document.querySelector('.live-plot').dataset.drawn) > 200")
    row(page, "rate 0.0001").get_by_role("button").click()
    page.get_by_test_id("smoothing").fill("0.5")
    plot = page.locator(".live-plot .nsewdrag[data-subplot='xy']").bounding_box()
    assert plot
    drag(page, (plot["x"] + 5, plot["y"] + 30), (plot["x"] + 90, plot["y"] + 120))
    page.mouse.move(5, 5)
    ranges = "['xaxis', 'yaxis'].map(axis => document.querySelector('.live-plot')._fullLayout[axis].range)"
    wait_in(page, f"{ranges}[0][1] < 200000")
    zoomed, before = page.evaluate(ranges), drawn(page)
    type_into(page, "Epochs", "999")
    expect(page.get_by_text("For the next race.")).to_be_visible()
    wait_in(page, f"Number(document.querySelector('.live-plot').dataset.drawn) > {before + 500}")
    assert page.evaluate(ranges) == zoomed
    assert shown_lines(page) == ["rate 0.001"]
    assert page.get_by_test_id("smoothing").input_value() == "0.5"
    expect(row(page, "rate 0.0001").get_by_role("button")).to_have_attribute("aria-pressed", "false")
    stop_button(page).click()
    expect(page.get_by_test_id("state")).to_have_text("finished")
    assert page.evaluate(ranges) == zoomed


def test_each_at_its_own_best_shows_the_strip_and_then_races(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/sweep?kind=race")
    expect(page.get_by_role("button", name="Start 24 runs")).to_be_enabled()
    type_into(page, "Epochs", "1")
    page.get_by_text("More settings").click()
    type_into(page, "Validation split", "0.9")
    start(page, 24)
    expect(page.get_by_text("Sensitivity to the learning rate")).to_be_visible()
    expect(page.locator(".live-ranking tbody tr")).to_have_count(4)
    expect(page.get_by_test_id("state")).to_have_text("finished")
    expect(page.get_by_text("Ringed:")).to_be_visible()
    assert "tried=" in page.url and "runs=" in page.url


def test_a_lesson_from_guess_to_outcome(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/lessons")
    page.locator(".st-key-card-4-learning-rate").get_by_role("button", name="Open").click()
    run_it = page.get_by_role("button", name="Run it: 4 runs")
    expect(run_it).to_be_disabled()
    page.get_by_text("It learns nothing").click()
    expect(run_it).to_be_enabled()
    run_it.click()
    expect(page.get_by_text("As you predicted.")).to_be_visible()
    expect(page.locator(".live-ranking tbody tr").last).to_have_attribute("data-line", "Too large: 5")
    page.get_by_role("button", name="Next: A rate that changes").click()
    expect(page.get_by_text("Should the learning rate stay the same all the way?")).to_be_visible()
    expect(page.get_by_text("Make your prediction and press Run")).to_be_visible()


def test_the_last_lesson_shows_what_came_of_each_step(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/lessons?lesson=8-the-network")
    page.get_by_role("button", name="Run it").click()
    expect_state(page, "finished")
    expect(page.get_by_role("img", name=re.compile("predicted 7, true 7"))).to_be_visible()
    expect(page.locator(".digits img")).to_have_count(4)
    accuracy = page.get_by_test_id("test-accuracy").inner_text()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(accuracy)
    expect(
        page.get_by_text(f"reads {accuracy} of the test digits; before it was saved, it read {accuracy}")
    ).to_be_visible()


def test_a_finding_puts_its_remedy_into_the_form(page: Page, lab: Lab) -> None:
    page.goto(lab.url)
    expect(train_button(page)).to_be_enabled()
    choose(page, "Optimizer", "SGD")
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.3")
    type_into(page, "Learning rate", "20")
    type_into(page, "Epochs", "1")
    expect(page.locator(".st-key-schedule-preview")).to_contain_text("20")
    train_button(page).click()
    expect(page.get_by_text("It learnt nothing")).to_be_visible()
    remedy = page.get_by_role("button", name=re.compile(r"Learning rate [\d.]+$"))
    expect(page.get_by_text("Tried: after 300 steps: loss 0.")).to_be_visible()
    rate = remedy.inner_text().split()[-1]
    remedy.click()
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value(rate)
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("1")


def test_the_learning_rate_finder_and_the_stability_gauge(page: Page, lab: Lab) -> None:
    page.goto(lab.url)
    expect(train_button(page)).to_be_enabled()
    page.get_by_role("button", name="Find a learning rate").click()
    take = page.get_by_role("button", name="steepest descent")
    expect(take).to_be_visible()
    rate = re.findall(r"Take (\S+),", take.inner_text())[0]
    take.click()
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value(rate)
    train(page, 1)
    expect_state(page, "finished")
    page.get_by_text("Stability and layers").click()
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_text("At the end the sharpness is")).to_be_visible()
    expect(page.get_by_text("Dead hidden units, of 128")).to_be_visible()


@pytest.mark.parametrize(
    "path", ["sweep", "sweep?kind=race", "lessons", "lessons?lesson=3-batch-size", "lessons?lesson=8-the-network"]
)
def test_no_page_scrolls_sideways_on_a_phone(phone: Page, lab: Lab, path: str) -> None:
    phone.goto(f"{lab.url}/{path}")
    expect(phone.get_by_role("button", name=re.compile("Start|Open|Run it")).first).to_be_visible()
    assert not scrolls_sideways(phone)
