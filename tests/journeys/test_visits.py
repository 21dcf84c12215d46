"""Whole visits: a run reloaded half way, a popover opened late, a phone, a class, a network and its next run."""

import re
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.browser import Lab, Profiles, watch
from tests.e2e.test_draw import SEVEN, draw_by_finger, says
from tests.e2e.test_surfaces import click_contours, ready
from tests.visiting import (
    choose,
    expect_state,
    go,
    inspect,
    look,
    open_at,
    press,
    scrolls_sideways,
    stop,
    train,
    type_into,
    wait_in,
)


def test_a_reload_in_the_middle_of_a_run(page: Page, lab: Lab) -> None:
    open_at(page, lab, "Train")
    train(page, 400)
    expect_state(page, "running")
    page.reload()
    expect_state(page, "running")
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("400")
    wait_in(page, "document.querySelector('.live-plot').data?.[0]?.x.length > 20")
    inspect(page)
    stop(page)
    go(page, "Runs")
    page.go_back()
    expect_state(page, "stopped")
    inspect(page)


def test_settings_that_are_opened_late(page: Page, lab: Lab) -> None:
    open_at(page, lab, "Surfaces")
    revision = ready(page)
    choose(page, "Function", "Himmelblau")
    expect(page.locator(".surface-player")).not_to_have_attribute("data-ready", revision)
    inspect(page)
    press(page, "Settings")
    expect(page.get_by_test_id("stPopoverBody")).to_be_visible()
    inspect(page)
    page.keyboard.press("Escape")
    revision = ready(page)
    click_contours(page, 0.6, 0.35)
    expect(page).to_have_url(re.compile("s-starts="))
    expect(page.locator(".surface-player")).not_to_have_attribute("data-ready", revision)
    inspect(page)
    press(page, "Settings")
    inspect(page)


def test_a_phone_trains_draws_and_watches_a_walk(phone: Page, lab: Lab) -> None:
    def fits() -> None:
        assert not scrolls_sideways(phone)

    open_at(phone, lab, "Train")
    train(phone, 1)
    expect_state(phone, "finished")
    inspect(phone)
    fits()
    open_at(phone, lab, "Draw")
    draw_by_finger(phone, SEVEN)
    says(phone, "7")
    fits()
    open_at(phone, lab, "Surfaces")
    phone.get_by_test_id("scrub").fill("10")
    inspect(phone)
    fits()


def test_a_teacher_shares_a_lesson_and_a_student_runs_it(page: Page, lab: Lab, visitor: Profiles) -> None:
    open_at(page, lab, "Lessons")
    page.locator(".st-key-card-2-order").get_by_role("button", name="Open").click()
    press(page, "Link for a class")
    type_into(page, "Fix epochs", "1")
    link = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(link).to_contain_text("epochs=1")
    inspect(page)

    student = visitor().new_page()
    complaints = watch(student)
    student.goto(link.inner_text().strip())
    run_it = student.get_by_role("button", name=re.compile("^Run it"))
    expect(run_it).to_be_disabled()
    inspect(student)
    student.get_by_test_id("stRadio").get_by_role("radio").first.check(force=True)
    expect(run_it).to_be_enabled()
    run_it.click()
    expect_state(student, "finished")
    inspect(student)
    student.reload()
    expect_state(student, "finished")
    inspect(student)
    assert complaints == []


def test_a_network_from_its_training_to_its_next_run(page: Page, lab: Lab) -> None:
    open_at(page, lab, "Train")
    train(page, 1)
    expect_state(page, "finished")
    page.get_by_label("Save this network as").fill("well travelled")
    press(page, "Save")
    expect(page.get_by_text("Saved as well travelled")).to_be_visible()
    inspect(page)
    go(page, "Predictions")
    choose(page, "Network", "well travelled")
    expect(page).to_have_url(re.compile("model=well"))
    look(page, "Predictions")
    go(page, "Draw")
    choose(page, "Answered by", "well travelled")
    look(page, "Draw")
    go(page, "Models")
    expect(page.get_by_role("button", name="well travelled", exact=True)).to_be_visible()
    press(page, "Save whole model")
    saving = page.get_by_role("dialog")
    saving.get_by_role("textbox", name="Name").fill("to be continued")
    saving.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="to be continued")).to_be_visible()
    inspect(page)
    press(page, "Continue training")
    epochs = page.get_by_role("spinbutton", name="Epochs in all")
    epochs.fill("2")
    epochs.press("Tab")
    press(page, "Continue")
    expect_state(page, "finished")
    expect(page.get_by_test_id("step")).to_have_text("step 1,500 of 1,500")
    inspect(page)


def test_one_visitor_sees_what_another_one_presses(page: Page, lab: Lab, visitor: Profiles) -> None:
    open_at(page, lab, "Train")
    train(page, 400)
    expect_state(page, "running")
    other = visitor().new_page()
    complaints = watch(other)
    other.goto(page.url)
    expect_state(other, "running")
    stop(page)
    expect_state(other, "stopped")
    inspect(other)
    assert complaints == []


def test_a_phones_menu_closes_after_a_choice_and_play_is_beside_the_picture(phone: Page, lab: Lab) -> None:
    open_at(phone, lab, "Train")
    phone.get_by_test_id("stExpandSidebarButton").click()
    phone.get_by_test_id("stSidebar").get_by_role("link", name="Surfaces").click()
    look(phone, "Surfaces")
    expect(phone.get_by_test_id("stSidebar").get_by_role("link", name="Surfaces")).not_to_be_in_viewport()
    places = [phone.get_by_test_id(part).bounding_box() for part in ("map", "play", "relief")]
    above = [(place["y"], place["y"] + place["height"]) for place in places if place]
    assert above[0][1] <= above[1][0] <= above[0][1] + 40 and above[1][1] <= above[2][0]


def test_a_refused_picture_takes_the_last_ones_answer_away(page: Page, lab: Lab, tmp_path: Path) -> None:
    picture = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(picture).line([(60, 40), (140, 40), (90, 160)], fill=0, width=14)
    picture.save(tmp_path / "seven.png")
    for name in ("none.png", "seven.heic"):
        (tmp_path / name).write_bytes(b"no picture")
    open_at(page, lab, "Draw")
    page.get_by_text("Picture", exact=True).click()

    def take(name: str) -> None:
        page.locator("input[type=file]").set_input_files(tmp_path / name)

    take("seven.png")
    says(page, "7")
    # The browser refuses this one by itself.
    take("seven.heic")
    expect(page.get_by_text("This file was refused. Take a PNG or a JPEG of at most 10 MB.")).to_be_visible()
    expect(page.get_by_test_id("answer")).to_be_hidden()
    expect(page.get_by_test_id("steps")).to_be_hidden()
    take("seven.png")
    expect(page.get_by_test_id("answer")).to_be_visible()
    says(page, "7")
    take("none.png")
    expect(page.get_by_text("This file is not a picture that the lab can read. Take a PNG or a JPEG.")).to_be_visible()
    says(page, "?")
