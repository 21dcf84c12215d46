"""A visit to the Sweep page: from an empty lab over a map of rate x batch size to the best on Train."""

import re

from playwright.sync_api import Page, expect

from tests.browser import Lab
from tests.visiting import expect_state, inspect, press, train_button, type_into, wait_in

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
