"""Visits to the Sweep page: from an empty lab over a map to the best on Train, and the figures of a search."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from core.runs.service import Service
from core.sweep.settings import Settings
from core.sweep.studies import Studies
from core.sweep.text import parse
from core.training.config import RunConfig
from tests.browser import ONE_WORKER, Lab
from tests.visiting import choose, drag, expect_state, inspect, press, train_button, type_into, wait_in
from tests.waiting import wait_for

MAP = "document.querySelector('.still-plot')"


def test_from_an_empty_lab_over_a_map_to_the_best_on_train(page: Page, own_lab: Lab) -> None:
    page.goto(f"{own_lab.url}/sweep")
    expect(page.get_by_role("button", name="Map learning rate x batch size")).to_be_enabled()
    expect(page.get_by_text("See the whole map")).to_be_visible()
    inspect(page)
    type_into(page, "Steps", "3")
    sizes = page.get_by_test_id("stMultiSelect")
    for size in ("128", "512", "1024", "32"):
        sizes.get_by_role("button", name=f"Remove {size}").or_(
            sizes.get_by_label(f"{size}, close by backspace")
        ).click()
    type_into(page, "Epochs", "2")
    page.get_by_text("More settings").click()
    type_into(page, "Validation split", "0.9")
    expect(page.get_by_role("button", name="Start 6 runs")).to_be_enabled()
    inspect(page)
    press(page, "Start 6 runs")

    expect(page).to_have_url(re.compile(r"\?sweep=[0-9a-f]{16}$"))
    expect(page.get_by_text(re.compile("^Best: learning rate"))).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_text("finished", exact=True).first).to_be_visible()
    wait_in(page, f"() => {MAP}?.data?.[0]?.z?.flat().every(value => value > 0)")
    # The importance is computed by then, too.
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    inspect(page)
    assert page.evaluate(f"{MAP}._fullLayout.xaxis.type") == "log"
    assert page.evaluate(f"{MAP}.layout.sliders[0].steps.length") == 2

    # A cell opens its run.
    link = page.evaluate("location.href")
    box = page.locator(".still-plot .heatmaplayer").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.75)
    expect(page).to_have_url(re.compile(r"/runs\?run="))
    expect_state(page, "finished")
    page.goto(link)
    expect(page.get_by_role("button", name="Take the best to Train")).to_be_visible()
    best = page.evaluate("document.body.innerText.match(/Best: learning rate (\\S+) · batch size (\\d+)/).slice(1)")

    press(page, "Take the best to Train")
    expect(train_button(page)).to_be_enabled()
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value(best[0])
    expect(page.get_by_role("combobox", name="Batch size")).to_have_value(best[1])
    inspect(page)


def swept(lab: Lab, settings: Settings) -> str:
    """Return the id of a sweep that a lab which has not started has finished."""
    service = Service(lab.home, workers=1, threads=1)
    studies = Studies(lab.home / "sweeps", service)
    study = studies.start(settings)
    wait_for(lambda: (shown := studies.view(study)) and shown.state == "finished")
    studies.close()
    service.close()
    return study


def test_on_a_phone_no_part_of_a_map_lies_over_another(phone: Page, tmp_path: Path) -> None:
    lab = Lab(tmp_path, **ONE_WORKER)
    base = RunConfig(epochs=2, validation_split=0.95, batch_size=1000)
    study = swept(lab, Settings(parse(base, ["lr=1e-5:0.1:log:9", "optimizer=adam,rmsprop"])))
    lab.start()
    try:
        phone.goto(f"{lab.url}/sweep?sweep={study}")
        # From above: the labels, which are turned, the axis's title, the player with its words.
        parts = [".xaxislayer-above", ".xtitle", ".slider-group"]
        wait_in(
            phone,
            f"""parts => {{
                const boxes = parts.map(part => {MAP}?.querySelector(part)?.getBoundingClientRect())
                const apart = boxes.slice(1).every((box, i) => box && boxes[i].bottom <= box.top + 1)
                return apart && boxes[0].height > 40 && {MAP}.layout.sliders[0].pad.t > 56
            }}""",
            parts,
        )
        inspect(phone)
    finally:
        lab.stop()


def test_another_pair_of_settings_is_drawn_and_a_mark_in_its_picture_is_in_all(page: Page, tmp_path: Path) -> None:
    lab = Lab(tmp_path, **ONE_WORKER)
    varied = ["lr=1e-3:1e-2:log", "weight_decay=1e-6:0.1:log", "label_smoothing=0:0.2"]
    study = swept(lab, Settings(parse(RunConfig(epochs=1, validation_split=0.95), varied), "random", trials=6))
    lab.start()
    try:
        page.goto(f"{lab.url}/sweep?sweep={study}")
        contour = page.locator(".still-plot:has(.contourlayer .contour)")
        expect(contour.locator(".xtitle")).to_have_text(re.compile("^learning rate"))
        choose(page, "Across", "Label smoothing")
        expect(contour.locator(".xtitle")).to_have_text(re.compile("^label smoothing"))
        point = contour.locator(".scatterlayer .points path").first
        point.scroll_into_view_if_needed()
        box = point.bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(page.get_by_text("1 setting marked")).to_be_visible()
        marked = """() => [...document.querySelectorAll(".still-plot")].map(plot => plot.data ?? [])
            .filter(data => data.some(trace => trace.selectedpoints?.length === 1)).length"""
        # History, a slice of each setting, and the contour.
        wait_in(page, f"() => ({marked})() === 5")
        expect(contour.locator(".xtitle")).to_have_text(re.compile("^label smoothing"))
        inspect(page)

        # A mark along the upper part of an axis of the parallel coordinates.
        press(page, "Unmark all")
        expect(page.get_by_text(re.compile(r"^\d settings? marked$"))).to_have_count(0)
        axis = page.locator(".parcoords .axis-brush rect").first
        axis.scroll_into_view_if_needed()
        box = axis.bounding_box()
        assert box
        middle = box["x"] + box["width"] / 2
        drag(page, (middle, box["y"] + 0.1 * box["height"]), (middle, box["y"] + 0.8 * box["height"]))
        expect(page.get_by_text(re.compile(r"^[1-5] settings? marked$"))).to_be_visible()
        inspect(page)
    finally:
        lab.stop()
