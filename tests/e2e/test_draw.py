"""The Draw page in a real browser: strokes by mouse and by finger."""

import io
import itertools
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, expect

from core.handwriting.drawings import Drawings
from tests.browser import Lab, Profiles
from tests.visiting import drag, expect_state, scrolls_sideways, train_button, wait_in
from tests.waiting import wait_for

Stroke = list[tuple[float, float]]

#: Sides of the canvas in the strokes below; a browser shows it as large as there is room.
SIDE = 280
ONE: list[Stroke] = [[(140, 50), (140, 230)]]
SEVEN: list[Stroke] = [[(80, 60), (200, 60), (120, 230)]]
ZERO: list[Stroke] = [
    [(140, 50), (95, 75), (75, 140), (95, 205), (140, 230), (185, 205), (205, 140), (185, 75), (140, 50)]
]
THREE: list[Stroke] = [
    [(85, 70), (140, 50), (190, 75), (185, 115), (130, 138), (190, 160), (200, 205), (145, 235), (80, 215)]
]
#: How many pixels of the canvas are inked, anywhere in the page's shadow roots.
INK = """() => {
  const find = root => {
    for (const element of root.querySelectorAll("*")) {
      if (element.matches("canvas.dc-canvas")) return element
      const found = element.shadowRoot && find(element.shadowRoot)
      if (found) return found
    }
  }
  const canvas = find(document)
  if (!canvas) return -1
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
  let inked = 0
  for (let i = 0; i < pixels.length; i += 4) inked += pixels[i] > 127
  return inked
}"""


def open_draw(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/draw")
    expect(page.locator(".upper-canvas")).to_be_visible()
    expect(answer(page)).to_be_visible()


def answer(page: Page) -> Locator:
    return page.get_by_test_id("answer")


def says(page: Page, digit: str) -> None:
    expect(answer(page)).to_have_attribute("data-digit", digit)


def tool(page: Page, name: str) -> Locator:
    """Our button; the canvas component has a hidden one of its own by this name."""
    return page.locator(".st-key-draw-canvas").get_by_test_id("stBaseButton-secondary").filter(has_text=name)


def canvas_box(page: Page) -> FloatRect:
    """The canvas's place, once it has come to rest there and takes strokes."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    canvas = page.locator(".upper-canvas")
    canvas.click(trial=True)
    box = canvas.bounding_box()
    assert box
    return box


def draw(page: Page, strokes: list[Stroke]) -> None:
    box = canvas_box(page)
    scale = box["width"] / SIDE
    for stroke in strokes:
        drag(page, *((box["x"] + scale * x, box["y"] + scale * y) for x, y in stroke))


def keep(page: Page, strokes: list[Stroke], digit: str) -> None:
    """Draw a digit and keep it for the team's test set."""
    draw(page, strokes)
    says(page, digit)
    page.get_by_test_id("stButtonGroup").last.get_by_text(digit, exact=True).click()
    expect(page.get_by_text(f"Kept as a {digit}.")).to_be_visible()


def tick_newest(page: Page) -> None:
    """Tick the first row of the team's drawings: a table that is drawn on a canvas, without elements to click."""
    page.get_by_test_id("stDataFrame").last.locator(".dvn-scroller").click(position={"x": 15, "y": 59})


def draw_by_finger(page: Page, strokes: list[Stroke]) -> None:
    box = canvas_box(page)
    scale = box["width"] / SIDE
    hand = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": box["x"] + scale * x, "y": box["y"] + scale * y} for x, y in points]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    for stroke in strokes:
        touch("touchStart", stroke[0])
        for (x, y), (to_x, to_y) in itertools.pairwise(stroke):
            for part in (0.25, 0.5, 0.75, 1):
                touch("touchMove", (x + part * (to_x - x), y + part * (to_y - y)))
        touch("touchEnd")


def test_every_stroke_is_answered_and_can_be_taken_back(lab: Lab, page: Page) -> None:
    open_draw(page, lab)
    says(page, "?")
    expect(tool(page, "Undo")).to_be_disabled()
    draw(page, ONE)
    says(page, "1")
    draw(page, [[(70, 52), (140, 50)]])
    says(page, "7")
    draw(page, [[(70, 52), (68, 140), (140, 140)]])
    says(page, "9")
    tool(page, "Undo").click()
    says(page, "7")
    tool(page, "Undo").click()
    says(page, "1")
    tool(page, "Clear").click()
    says(page, "?")
    wait_in(page, f"({INK})() === 0")
    expect(tool(page, "Clear")).to_be_disabled()
    draw(page, THREE)
    says(page, "3")
    expect(page.get_by_test_id("bars").locator(".first")).to_contain_text("3")
    expect(page.get_by_role("img", name="what the network sees")).to_be_visible()


def test_the_drawing_stays_through_other_settings_and_other_pages(lab: Lab, page: Page) -> None:
    open_draw(page, lab)
    draw(page, SEVEN)
    says(page, "7")
    before = page.evaluate(INK)
    assert before > 1000
    page.get_by_role("slider").press("End")
    expect(page.get_by_role("slider")).to_have_value("72")
    says(page, "7")
    assert page.evaluate(INK) == before
    page.get_by_text("Picture", exact=True).click()
    expect(page.get_by_text("A picture of a digit or a number")).to_be_visible()
    says(page, "?")
    page.get_by_text("Draw", exact=True).last.click()
    wait_in(page, f"({INK})() === {before}")
    says(page, "7")
    page.get_by_role("link", name="Surfaces").click()
    expect(page.locator(".surface-player[data-ready]")).to_be_visible()
    page.get_by_role("link", name="Draw").click()
    wait_in(page, f"({INK})() === {before}")
    says(page, "7")
    tool(page, "Undo").click()
    says(page, "?")
    wait_in(page, f"({INK})() === 0")


def test_the_canvas_is_as_large_as_the_screen_allows(lab: Lab, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    open_draw(page, lab)
    assert canvas_box(page)["width"] > 500
    expect(page.get_by_text("Draw a digit", exact=True)).to_be_visible()
    expect(tool(page, "Clear")).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 1920, "height": 1080})
    expect(tool(page, "Clear")).to_be_in_viewport(ratio=1)
    assert canvas_box(page)["width"] > 700
    draw(page, [[(150, 60), (150, 220)]])
    says(page, "1")
    expect(page.get_by_text("Draw a digit", exact=True)).to_have_count(0)
    expect(page.get_by_test_id("network")).to_be_visible()
    # What is drawn is where the pen was.
    page.keyboard.press("Control+z")
    says(page, "?")


def test_a_number_is_answered_digit_by_digit(lab: Lab, page: Page) -> None:
    open_draw(page, lab)
    draw(page, [[(60, 60), (60, 220)], [(130, 60), (220, 60), (170, 220)]])
    says(page, "17")
    expect(answer(page).get_by_text("2 digits, left to right")).to_be_visible()
    expect(page.get_by_test_id("steps").locator(".box")).to_have_count(2)


def test_a_finger_draws_on_a_phone(lab: Lab, phone: Page) -> None:
    open_draw(phone, lab)
    draw_by_finger(phone, ZERO)
    says(phone, "0")
    assert not scrolls_sideways(phone)
    assert phone.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    expect(answer(phone)).to_be_in_viewport()
    tool(phone, "Clear").tap()
    says(phone, "?")
    draw_by_finger(phone, SEVEN)
    says(phone, "7")


def test_a_stroke_may_begin_in_the_top_right_corner(lab: Lab, phone: Page) -> None:
    """The canvas component has a toolbar of its own there, invisible without a mouse."""
    open_draw(phone, lab)
    toolbar = phone.locator(".dc-toolbar")
    expect(toolbar).to_have_count(1)
    expect(toolbar).to_be_hidden()
    corner = (272, 8)
    draw_by_finger(phone, [[corner, (200, 12), (60, 15)], [corner, (200, 120), (120, 265)]])
    says(phone, "7")
    before = phone.evaluate(INK)
    # A tap there turns no other tool on: the next stroke draws, and moves nothing.
    draw_by_finger(phone, [[(230, 12)], [(60, 15), (60, 240)]])
    wait_in(phone, f"({INK})() > {before + 1000}")
    tool(phone, "Clear").tap()
    wait_in(phone, f"({INK})() === 0")
    # It stays hidden on a canvas that comes anew.
    phone.get_by_text("Picture", exact=True).tap()
    expect(toolbar).to_have_count(0)
    phone.get_by_text("Draw", exact=True).last.tap()
    expect(toolbar).to_be_hidden()
    expect(phone.locator(".upper-canvas")).to_be_visible()
    draw_by_finger(phone, [[corner, (200, 12), (60, 15)], [corner, (200, 120), (120, 265)]])
    says(phone, "7")


def test_two_people_draw_without_disturbing_each_other(lab: Lab, page: Page, visitor: Profiles) -> None:
    open_draw(page, lab)
    draw(page, SEVEN)
    says(page, "7")
    other = visitor().new_page()
    open_draw(other, lab)
    says(other, "?")
    draw(other, ONE)
    says(other, "1")
    tool(other, "Clear").click()
    says(other, "?")
    says(page, "7")
    assert page.evaluate(INK) > 1000


def test_a_picture_takes_the_same_path_and_a_bad_file_gets_a_sentence(
    lab: Lab, page: Page, mnist_picture: Image.Image
) -> None:
    open_draw(page, lab)
    page.get_by_text("Picture", exact=True).click()
    paper = Image.new("L", (600, 500), 225)
    paper.paste(mnist_picture.resize((140, 140)).point(lambda v: v * 225 // 255), (330, 120))
    content = io.BytesIO()
    paper.save(content, "PNG")
    files = page.locator("input[type=file]").first
    files.set_input_files({"name": "photo.png", "mimeType": "image/png", "buffer": content.getvalue()})
    says(page, "7")
    expect(page.get_by_test_id("found").locator(".box")).to_be_visible()
    files.set_input_files({"name": "photo.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.get_by_text("This file is not a picture that the lab can read")).to_be_visible()
    says(page, "?")


def test_the_team_keeps_exports_and_imports_drawings(lab: Lab, page: Page, tmp_path: Path) -> None:
    open_draw(page, lab)
    keep(page, SEVEN, "7")
    expect(page.get_by_text(re.compile(r"\d+ drawings?, and how every saved network does"))).to_be_visible()
    says(page, "7")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    archive = tmp_path / "drawings.zip"
    download.value.save_as(archive)
    page.get_by_role("button", name="Import").click()
    page.locator("input[type=file]").last.set_input_files(archive)
    expect(page.get_by_text(re.compile(r"0 drawings imported. \d+ were here already."))).to_be_visible()


def test_only_a_drawing_that_was_ticked_is_deleted(own_lab: Lab, page: Page) -> None:
    delete = page.get_by_role("button", name="Delete 1 drawing")
    open_draw(page, own_lab)
    keep(page, SEVEN, "7")
    expect(page.get_by_text("1 drawing, and how every saved network does")).to_be_visible()
    tick_newest(page)
    expect(delete).to_be_visible()
    tool(page, "Clear").click()
    says(page, "?")
    keep(page, ONE, "1")
    expect(page.get_by_text("2 drawings, and how every saved network does")).to_be_visible()
    expect(delete).to_have_count(0)
    tick_newest(page)
    delete.click()
    expect(page.get_by_text("1 drawing, and how every saved network does")).to_be_visible()
    expect(delete).to_have_count(0)
    assert [drawing.label for drawing in Drawings(own_lab.home / "drawings.sqlite").all()] == [7]


def test_the_phone_finds_the_lab_by_a_code(lab: Lab, page: Page) -> None:
    open_draw(page, lab)
    page.get_by_role("button", name="Open on your phone").click()
    expect(page.get_by_text(re.compile("answers this computer only"))).to_be_visible()


def test_the_first_press_and_stroke_count_on_pages_that_have_seen_the_server_restart(
    own_lab: Lab, visitor: Profiles
) -> None:
    context = visitor()
    drawing, training = context.new_page(), context.new_page()
    open_draw(drawing, own_lab)
    training.goto(own_lab.url)
    expect(train_button(training)).to_be_visible()
    canvas_box(drawing)
    apps = [page.get_by_test_id("stApp") for page in (drawing, training)]
    own_lab.stop()
    for app in apps:
        expect(app).not_to_have_attribute("data-test-connection-state", "CONNECTED")
    asked: list[str] = []
    for page in (drawing, training):
        page.on("websocket", lambda socket: socket.on("framesent", lambda _: asked.append(socket.url)))
    own_lab.start()

    def both() -> bool:
        # Playwright says what was sent while it waits.
        drawing.wait_for_timeout(50)
        return sum(url.endswith("/_stcore/stream") for url in asked) >= 2

    wait_for(both)
    for app in apps:
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
    train_button(training).click()
    expect_state(training, "finished")
    draw(drawing, SEVEN)
    expect(drawing.locator(".invitation")).to_have_count(0)
