"""The whole path: choose, train, watch, keep, restart, test."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.optimizers import OPTIMIZERS
from tests.browser import Lab, Profiles
from tests.visiting import (
    choose,
    drag,
    expect_state,
    press,
    scrolls_sideways,
    stop_button,
    train,
    train_button,
    type_into,
    wait_in,
)

LONG = 400


def open_lab(page: Page, lab: Lab, query: str = "") -> None:
    page.goto(lab.url + query)
    expect(train_button(page)).to_be_visible()
    # Both figures are drawn: nothing moves any more under a click.
    expect(page.locator(".js-plotly-plot")).to_have_count(2)


def shown_percent(place: Locator) -> str:
    expect(place).to_have_text(re.compile(r"\d+\.\d\d%"))
    return place.inner_text()


def last_step(page: Page) -> int:
    return page.evaluate("document.querySelector('.live-plot').data[0].x.at(-1)")


def x_range(page: Page) -> list[float]:
    return page.evaluate("document.querySelector('.live-plot')._fullLayout.xaxis.range")


def test_defaults_train_save_and_survive_a_restart(page: Page, own_lab: Lab) -> None:
    lab = own_lab
    open_lab(page, lab)
    expect(page.get_by_test_id("invitation")).to_contain_text("Press Train")
    train_button(page).click()
    expect_state(page, "finished")
    accuracy = shown_percent(page.get_by_test_id("test-accuracy"))
    assert 96.5 <= float(accuracy.removesuffix("%")) <= 98.0
    expect(page.get_by_test_id("step")).to_have_text("step 3,750 of 3,750")
    expect(page.get_by_test_id("place")).to_have_text(re.compile(r"^CPU, \d+ threads?$"))
    page.get_by_label("Save this network as").fill("first one")
    press(page, "Save")
    expect(page.get_by_text("Saved as first one")).to_be_visible()

    page.goto("about:blank")
    lab.stop()
    lab.start()
    open_lab(page, lab)
    choose(page, "Saved network", "first one")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(accuracy)
    expect(page.locator(".digits img")).to_have_count(20)
    expect(page.get_by_role("img", name="predicted 7, true 7").first).to_be_visible()


def test_the_tools_of_the_chart_leave_its_legend_in_sight(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/runs?run={lab.runs['adam']}")
    words = page.locator(".live-plot .legend .legendtext")
    expect(words).to_have_text(["each step", "smoothed", "validation"])
    page.locator(".live-plot").hover()
    tools = page.locator(".live-plot .modebar-btn").first.bounding_box()
    boxes = [each.bounding_box() for each in words.all()]
    assert tools and tools["x"] < max(box["x"] for box in boxes if box)
    assert all(box and tools["y"] + tools["height"] <= box["y"] for box in boxes)


def test_why_an_action_was_refused_is_in_sight_where_it_was_pressed(page: Page, lab: Lab) -> None:
    page.set_viewport_size({"width": 1280, "height": 500})
    open_lab(page, lab)
    train(page, 1)
    expect_state(page, "finished")
    page.get_by_label("Save this network as").fill("reference")
    press(page, "Save")
    refusal = page.get_by_text("Name must be another than that of the network that comes with the lab")
    expect(refusal).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Save", exact=True).last).to_be_in_viewport()
    # It lies over the chart, and its words stand on the page's own colour.
    paper = refusal.evaluate("e => getComputedStyle(e.closest('[data-testid=stLayoutWrapper]')).backgroundColor")
    assert paper == page.locator(".stApp").evaluate("e => getComputedStyle(e).backgroundColor")


def test_a_downloaded_network_can_be_uploaded_and_a_wrong_file_is_refused_kindly(
    page: Page, lab: Lab, tmp_path: Path
) -> None:
    open_lab(page, lab)
    train(page, 1)
    expect_state(page, "finished")
    accuracy = shown_percent(page.get_by_test_id("test-accuracy"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    mine = tmp_path / "mine.safetensors"
    download.value.save_as(mine)
    page.get_by_text("A file of yours").click()
    page.locator("input[type=file]").set_input_files(mine)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(accuracy)
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"a picture, perhaps")
    page.locator("input[type=file]").set_input_files(wrong)
    expect(page.get_by_text("This is not a readable safetensors file")).to_be_visible()


def test_reload_and_second_browser_show_the_same_run(page: Page, lab: Lab, visitor: Profiles) -> None:
    open_lab(page, lab)
    train(page, 1)
    expect_state(page, "finished")
    accuracy = shown_percent(page.get_by_test_id("test-accuracy"))
    shown = last_step(page)
    assert shown == 749
    page.reload()
    other = visitor().new_page()
    other.goto(page.url)
    for viewer in (page, other):
        expect_state(viewer, "finished")
        expect(viewer.get_by_test_id("test-accuracy")).to_have_text(accuracy)
        expect(viewer.get_by_test_id("step")).to_have_text("step 750 of 750")
        wait_in(viewer, "document.querySelector('.live-plot').data?.[0].x.length > 0")
        assert last_step(viewer) == shown
        expect(viewer.get_by_label("Epochs", exact=True)).to_have_value("1")


def test_zoom_survives_streaming_and_a_rerun_and_stop_stops(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    train(page, LONG)
    expect_state(page, "running")
    wait_in(page, "document.querySelector('.live-plot').data?.[0].x.length > 20")
    before = x_range(page)
    plot = page.locator(".live-plot .nsewdrag[data-subplot='xy']").bounding_box()
    assert plot
    drag(page, (plot["x"] + 5, plot["y"] + 30), (plot["x"] + 90, plot["y"] + 120))
    wait_in(page, f"document.querySelector('.live-plot')._fullLayout.xaxis.range[1] < {before[1] / 2}")
    zoomed, step = x_range(page), last_step(page)
    wait_in(page, f"document.querySelector('.live-plot').data[0].x.at(-1) > {step + 1000}")
    assert x_range(page) == zoomed
    type_into(page, "Learning rate", "0.002")
    expect(page.locator(".st-key-schedule-preview")).to_contain_text("0.002")
    assert x_range(page) == zoomed

    expect(train_button(page)).to_be_disabled()
    stop_button(page).click()
    expect_state(page, "stopped")
    expect(stop_button(page)).to_be_disabled()
    expect(train_button(page)).to_be_enabled()
    shown_percent(page.get_by_test_id("test-accuracy"))
    assert x_range(page) == zoomed


def test_double_click_starts_one_run(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    page.get_by_text("More settings").click()
    type_into(page, "Seed", "2")
    type_into(page, "Name", "only once")
    train_button(page).dblclick()
    expect_state(page, "finished")
    expect(page.get_by_test_id("run-name")).to_have_text(re.compile(r"^#\d+ only once$"))
    expect(page.get_by_role("button", name=re.compile("only once"))).to_have_count(1)


def test_the_same_settings_show_their_run_and_are_trained_again_on_request(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    train(page, 1)
    expect_state(page, "finished")
    first = page.url
    expect(train_button(page)).to_be_enabled()
    train_button(page).click()
    # One sentence beside the button, and one that comes up at each press.
    expect(page.get_by_test_id("stToast")).to_have_text(re.compile(r"Same settings as #\d+\."))
    expect(
        page.get_by_text(re.compile(r"Same settings as #\d+: training again gives the same figures\."))
    ).to_be_visible()
    assert page.url == first
    page.get_by_role("button", name="Train again").click()
    expect(page).not_to_have_url(first)
    expect_state(page, "finished")
    expect(page.get_by_role("button", name="Train again")).to_have_count(0)


def test_lost_connection_comes_back_without_loss_or_doubling(page: Page, lab: Lab) -> None:
    page.add_init_script(
        "const Real = WebSocket; window.opened = [];"
        "window.WebSocket = class extends Real {"
        "  constructor(...given) { super(...given); if (/lab.live/.test(given[0])) opened.push(this) }"
        "}"
    )
    open_lab(page, lab)
    train(page, 10)
    wait_in(page, "document.querySelector('.live-plot').data?.[0]?.x.length > 20")
    page.evaluate("opened.at(-1).close()")
    expect_state(page, "finished")
    assert page.evaluate("opened.length") == 2
    steps = page.evaluate("document.querySelector('.live-plot').data[0].x")
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) <= (3, 7499) and steps[-1] >= 7490
    expect(page.get_by_test_id("link")).to_have_text("")


def test_any_batch_size_can_be_typed(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    box = page.get_by_role("combobox", name="Batch size")
    box.press("ArrowDown")
    box.fill("480")
    box.press("Enter")
    train(page, 1)
    expect(page.get_by_test_id("step")).to_have_text("step 100 of 100")
    expect_state(page, "finished")


def test_a_typed_batch_size_counts_as_soon_as_its_box_is_left(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    box = page.get_by_role("combobox", name="Batch size")
    for size, leave in (("480", lambda: box.press("Tab")), ("481", page.get_by_label("Epochs", exact=True).click)):
        box.click()
        box.fill(size)
        expect(page.get_by_role("option", name=f"Add: {size}")).to_be_visible()
        leave()
        expect(box).to_have_value(size)
        expect(page.get_by_role("listbox")).to_have_count(0)
    train(page, 1)
    expect(page.get_by_text("batch 481").first).to_be_visible()
    expect_state(page, "finished")


@pytest.mark.parametrize(
    ("label", "text", "sentence"),
    [
        ("Learning rate", "nan", "Learning rate must be between 0 and 1000, above 0; you entered nan."),
        ("Epochs", "0", "Epochs must be a whole number from 1 to 1000; you entered 0."),
    ],
)
def test_bad_input_shows_cores_sentence_and_loses_nothing(
    page: Page, lab: Lab, label: str, text: str, sentence: str
) -> None:
    open_lab(page, lab)
    type_into(page, "Learning rate", "0.01")
    type_into(page, label, text)
    expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    expect(train_button(page)).to_be_disabled()
    type_into(page, label, "3")
    expect(page.get_by_text(sentence)).to_have_count(0)
    expect(train_button(page)).to_be_enabled()


def test_divergence_is_marked_and_said(page: Page, lab: Lab) -> None:
    open_lab(page, lab)
    choose(page, "Optimizer", "SGD")
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value(f"{OPTIMIZERS['sgd'].lr:g}")
    page.get_by_text("More settings").click()
    type_into(page, "Weight decay", "10")
    type_into(page, "Learning rate", "1")
    train_button(page).click()
    expect_state(page, "diverged")
    expect(page.get_by_test_id("note")).to_contain_text("The loss stopped being finite at step")
    assert page.evaluate("document.querySelector('.live-plot').layout.shapes.length") == 1


def test_unknown_run_gets_a_kind_sentence(page: Page, lab: Lab) -> None:
    open_lab(page, lab, "/?run=nothing")
    expect(page.get_by_text("This lab does not have the run that this link names.")).to_be_visible()
    expect(train_button(page)).to_be_enabled()


def test_phone_has_no_sideways_scroll_and_shows_the_chart_after_train(phone: Page, lab: Lab) -> None:
    open_lab(phone, lab)
    # What stands above the chart grows while the page scrolls to it.
    phone.evaluate(
        """() => document.addEventListener("scroll", ({ target }) => {
            target.querySelector("[data-testid=stColumn]").style.paddingTop = "300px"
        }, { capture: true, once: true })"""
    )
    train(phone, 1)
    expect_state(phone, "finished")
    wait_in(phone, "() => Math.abs(document.querySelector('.live').getBoundingClientRect().top - 72) <= 2")
    expect(phone.get_by_test_id("state")).to_be_in_viewport()
    expect(phone.get_by_test_id("test-accuracy")).to_be_in_viewport()
    assert not scrolls_sideways(phone)
