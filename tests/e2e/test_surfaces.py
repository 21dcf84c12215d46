"""The Surfaces page in a real browser."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser import NO_WEBGL, Lab
from tests.visiting import drag, drawn_whole, inspect, save, scrolls_sideways, wait_in

CAMERA = """() => Object.values(document.querySelector('[data-testid=relief]')._fullLayout.scene._scene.getCamera().eye)
    .map(v => v.toFixed(4)).join()"""
RANGE = "() => document.querySelector('[data-testid=map]')._fullLayout.xaxis.range.map(v => v.toFixed(6)).join()"
ROOT = ".surface-player"


def ready(page: Page) -> str:
    """Wait until the player has drawn all of it; the revision that it shows."""
    drawn_whole(page)
    return page.locator(ROOT).get_attribute("data-ready") or ""


def open_paused(page: Page, url: str) -> None:
    page.goto(url)
    ready(page)
    pause = page.get_by_role("button", name="Pause")
    if pause.is_visible():
        pause.click()


def step(page: Page) -> int:
    return int((page.get_by_test_id("step").text_content() or "").split()[1])


def turn_and_zoom(page: Page) -> tuple[str, str]:
    """Turn the relief and zoom into the contours; the camera and the range that result."""
    before = page.evaluate(CAMERA), page.evaluate(RANGE)
    relief, contours = (page.get_by_test_id(name).bounding_box() for name in ("relief", "map"))
    assert relief and contours
    x, y = relief["x"] + relief["width"] / 2, relief["y"] + relief["height"] / 2
    drag(page, (x, y), (x + 60, y + 30))
    wait_in(page, f"before => ({CAMERA})() !== before", before[0])
    page.mouse.move(contours["x"] + contours["width"] / 2, contours["y"] + contours["height"] / 2)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    wait_in(page, f"before => ({RANGE})() !== before", before[1])
    # A wheel's zoom settles a moment after the last turn.
    wait_in(
        page,
        f"""() => new Promise(done => {{
            const now = ({RANGE})()
            setTimeout(() => done(({RANGE})() === now), 300)
        }})""",
    )
    return page.evaluate(CAMERA), page.evaluate(RANGE)


def click_contours(page: Page, right: float, down: float) -> None:
    box = page.get_by_test_id("map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * right, box["y"] + box["height"] * down)


def test_play_scrub_and_click_keep_camera_and_zoom(page: Page, lab) -> None:
    open_paused(page, f"{lab.url}/surfaces")
    revision = ready(page)
    view = turn_and_zoom(page)

    page.get_by_test_id("scrub").fill("0")
    assert step(page) == 0
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    wait_in(page, "() => parseInt(document.querySelector('[data-testid=step]').textContent.split(' ')[1]) > 20")
    page.get_by_role("button", name="Pause").click()

    page.get_by_test_id("scrub").fill("100")
    assert step(page) == 100
    page.get_by_role("button", name="One step forward").click()
    assert step(page) == 101
    page.get_by_role("button", name="One step back").click()
    assert step(page) == 100
    row = page.get_by_test_id("results").locator("tbody tr").first
    here = row.locator("td.now").text_content()
    page.get_by_test_id("scrub").fill("0")
    assert row.locator("td.now").text_content() != here
    assert (page.evaluate(CAMERA), page.evaluate(RANGE)) == view

    click_contours(page, 0.6, 0.35)
    expect(page.locator(ROOT)).not_to_have_attribute("data-ready", revision)
    expect(page).to_have_url(re.compile(r"s-starts="))
    assert (page.evaluate(CAMERA), page.evaluate(RANGE)) == view


def test_a_relief_that_turns_on_when_let_go_keeps_its_side(page: Page, lab) -> None:
    open_paused(page, f"{lab.url}/surfaces?s-steps=60")
    revision = ready(page)
    # A swift pull, let go at once: plotly turns on by the speed of the last movement.
    let_go, rest = page.get_by_test_id("relief").evaluate(
        f"""async relief => {{
            const canvas = relief.querySelector('canvas'), box = canvas.getBoundingClientRect()
            const x = box.left + box.width / 2, y = box.top + box.height / 2
            const pull = (type, right, buttons) => canvas.dispatchEvent(new MouseEvent(type, {{ bubbles: true,
                clientX: x + right, clientY: y, buttons, screenX: x + right, screenY: y }}))
            const pause = time => new Promise(done => setTimeout(done, time))
            pull("mousemove", 0, 0)
            pull("mousedown", 0, 1)
            await pause(30)
            pull("mousemove", 60, 1)
            pull("mouseup", 60, 0)
            const letGo = ({CAMERA})()
            let rest = ""
            while (rest !== (rest = ({CAMERA})()) || rest === letGo) await pause(300)
            return [letGo, rest]
        }}"""
    )
    assert let_go != rest
    click_contours(page, 0.6, 0.35)
    expect(page.locator(ROOT)).not_to_have_attribute("data-relief", revision)
    assert page.evaluate(CAMERA) == rest


def test_formulas_with_a_pole_with_a_hole_and_without_a_slope_are_drawn(page: Page, lab) -> None:
    for formula in ("1/(x^2+y^2)", "x*y/(x^2+y^2)", "3"):
        page.goto(f"{lab.url}/surfaces?s-steps=60&s-surface=Own+formula&s-formula={quote(formula)}")
        drawn_whole(page)
        inspect(page)
        # Drawing takes place beside the page: only its pixels show that it came to an end.
        assert page.get_by_test_id("relief").screenshot()


def test_the_wheel_scrolls_the_page_and_zooms_with_ctrl(page: Page, lab) -> None:
    page.set_viewport_size({"width": 1280, "height": 600})
    open_paused(page, f"{lab.url}/surfaces?s-steps=60")
    first = page.evaluate(RANGE), page.evaluate(CAMERA)
    for plot in ("map", "relief", "curves"):
        page.get_by_test_id(plot).scroll_into_view_if_needed()
        before = page.get_by_test_id(plot).bounding_box()
        assert before
        page.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
        page.mouse.wheel(0, 40)
        wait_in(
            page,
            f"top => document.querySelector('[data-testid={plot}]').getBoundingClientRect().top < top",
            before["y"],
        )
    assert (page.evaluate(RANGE), page.evaluate(CAMERA)) == first
    turn_and_zoom(page)
    page.get_by_role("button", name="Whole view").click()
    wait_in(page, f"first => ({RANGE})() === first[0] && ({CAMERA})() === first[1]", first)


def test_names_levels_and_heights_stand_at_the_plots(page: Page, lab) -> None:
    open_paused(page, f"{lab.url}/surfaces?s-steps=60")
    chips = page.get_by_test_id("chips").get_by_role("button")
    expect(chips).to_have_text(["SGD", "Momentum", "RMSprop", "Adam", "Muon"])
    levels = page.get_by_test_id("map").locator(".annotation-text").all_text_contents()
    assert set(levels) == {"0.1", "1", "10", "100", "1000"}
    heights = page.get_by_test_id("relief").locator(".colorbar text").all_text_contents()
    assert heights == ["0.1", "1", "10", "100", "1000"]
    box = page.get_by_test_id("chips").bounding_box(), page.get_by_test_id("map").bounding_box()
    assert box[0] and box[1] and box[0]["y"] + box[0]["height"] <= box[1]["y"]
    chips.nth(1).click()
    expect(chips.nth(1)).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_test_id("results").locator("tr.hidden")).to_have_text(re.compile("^Momentum"))
    expect(page.locator(".surface-player .modebar-btn")).to_have_count(0)


def test_a_log_axis_under_one_decade_has_ticks(page: Page, lab) -> None:
    """SGD on McCormick falls from 7.6 to 3.1 above the minimum."""
    open_paused(page, f"{lab.url}/surfaces?s-surface=McCormick&s-optimizers=SGD")
    ticks = page.get_by_test_id("curves").locator(".ytick text").all_text_contents()
    assert len({"3", "4", "5", "6", "7"} & set(ticks)) > 1, ticks


def test_a_start_is_dragged_and_another_added(page: Page, lab) -> None:
    open_paused(page, f"{lab.url}/surfaces?s-surface=Himmelblau&s-steps=50")
    revision = ready(page)
    handle = page.get_by_test_id("start").bounding_box()
    assert handle
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    drag(page, (x, y), (x - 60, y - 60))
    expect(page.locator(ROOT)).not_to_have_attribute("data-ready", revision)
    expect(page).to_have_url(re.compile(r"s-starts=-"))
    page.get_by_test_id("add").check()
    click_contours(page, 0.3, 0.7)
    expect(page.get_by_test_id("start")).to_have_count(2)
    expect(page.get_by_test_id("results").locator("tbody tr")).to_have_count(10)


def test_playback_asks_the_server_for_nothing(page: Page, lab) -> None:
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    open_paused(page, f"{lab.url}/surfaces")
    page.get_by_test_id("scrub").fill("0")
    page.wait_for_load_state("networkidle")
    before = len(sent)
    page.get_by_label("Speed").select_option("4")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert step(page) == 500
    assert len(sent) == before


def test_a_step_is_inspected(page: Page, lab) -> None:
    open_paused(page, f"{lab.url}/surfaces")
    page.get_by_test_id("scrub").fill("42")
    page.get_by_test_id("inspect").click()
    expect(page.get_by_role("textbox", name="Step", exact=True)).to_have_value("42")
    expect(page.locator(".katex-display")).to_contain_text("θ")


def test_the_address_holds_the_state(page: Page, lab) -> None:
    address = "s-surface=Booth&s-steps=40&s-starts=2%2C+2&s-rates=Same+for+all&s-lr=0.05&s-settings=adam+lr%3D0.5"
    open_paused(page, f"{lab.url}/surfaces?{address}")
    rows = page.get_by_test_id("results").locator("tbody tr")
    expect(rows.nth(0).locator("td").nth(1)).to_have_text("0.05")
    expect(rows.nth(3).locator("td").nth(1)).to_have_text("0.5")
    expect(page.get_by_test_id("start")).to_have_attribute("title", re.compile(r"^Start \(2, 2\)"))
    expect(page.get_by_test_id("step")).to_contain_text("of 40")


def test_the_standalone_page_plays_without_a_server(page: Page, lab, tmp_path: Path) -> None:
    open_paused(page, f"{lab.url}/surfaces?s-steps=60")
    with page.expect_download() as download:
        page.get_by_role("button", name="Page", exact=True).click()
    path = tmp_path / "walks.html"
    download.value.save_as(path)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    ready(page)
    page.get_by_test_id("scrub").fill("10")
    page.get_by_role("button", name="One step forward").click()
    assert step(page) == 11
    expect(page.get_by_test_id("inspect")).to_be_hidden()
    assert [url for url in asked if url.startswith("http")] == []


def test_pictures_download(page: Page, lab) -> None:
    open_paused(page, f"{lab.url}/surfaces?s-steps=60")
    for stage, kind in (
        (".map", "Picture, PNG"),
        (".map", "Drawing, SVG"),
        (".relief", "Picture, PNG"),
        (".curves", "Drawing, SVG"),
    ):
        _, content = save(page, page.locator(f".stage{stage}"), kind)
        assert content.startswith(b"\x89PNG" if kind.endswith("PNG") else b"<svg")
        if kind.endswith("SVG"):
            assert all(f">{word}<".encode() in content for word in ("Adam", "Momentum")) and b"Rosenbrock" in content
    name, content = save(page, page.locator(".stage.curves"), "Numbers, CSV")
    lines = content.decode().splitlines()
    assert name == "rosenbrock-curves.csv" and lines[0] == "panel,series,step,value"
    assert len([line for line in lines if line.startswith("f − minimum,Adam,")]) == 61  # noqa: RUF001


def test_settings_travel_to_the_train_page_and_back(page: Page, lab) -> None:
    open_paused(page, f"{lab.url}/surfaces?s-settings=sgd+lr%3D0.07")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Train the network with SGD").click()
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.07")
    page.get_by_role("button", name="Watch it walk on a surface").click()
    ready(page)
    expect(page.get_by_test_id("results").locator("tbody tr").first.locator("td").nth(1)).to_have_text("0.07")


def test_on_a_phone_nothing_runs_off_the_side(page: Page, lab) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_paused(page, f"{lab.url}/surfaces")
    assert not scrolls_sideways(page)
    box, play, relief = (page.get_by_test_id(name).bounding_box() for name in ("map", "play", "relief"))
    assert box and box["width"] > 330
    # Play stands under the contours, not under all plots.
    assert play and relief and box["y"] + box["height"] <= play["y"] < relief["y"]


def test_momentum_is_explained_by_the_walk_that_plays(page: Page, lab) -> None:
    """The sliders beside the map move its point, and the player's own Momentum with it."""
    open_paused(page, f"{lab.url}/surfaces?s-surface=Ill-conditioned+bowl&s-tab=Momentum+explained&s-steps=100")
    row = page.get_by_test_id("results").locator("tbody tr").nth(1)
    expect(row.locator("td").first).to_have_text("Momentum")
    charts = page.locator(".still-figure")
    expect(charts).to_have_count(2)
    names = charts.locator(".annotation-text")
    expect(names).to_have_text(["monotone", "alternating", "diverging", "the steep mode oscillates", "both oscillate"])
    page.get_by_role("button", name="Best here: rate 0.0614, momentum 0.57").click()
    expect(row.locator("td").nth(1)).to_have_text("0.0614")
    expect(
        charts.locator(".legendtext").filter(has_text=re.compile(r"mode, along .: .* 0\.75. per step"))
    ).to_have_count(2)
    page.locator("input[aria-label=Momentum]").focus()
    page.keyboard.press("Home")
    # With hardly any momentum the steep mode allows no more than a rate of 2 (1 + 0.01) / 50.
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("2.055")
    expect(row).to_contain_text("diverged")


@pytest.mark.parametrize("path", ["/surfaces", "/landscape"])
def test_a_browser_without_3d_says_so_and_has_all_the_rest(page: Page, lab: Lab, path: str) -> None:
    page.add_init_script(NO_WEBGL)
    open_paused(page, lab.url + path)
    relief = page.get_by_test_id("relief")
    expect(relief).to_have_text(re.compile("^This browser can't draw in 3-D"))
    expect(relief.get_by_role("link")).to_have_count(0)
    expect(page.locator(".stage.relief .chart-save")).to_have_count(0)
    name, _ = save(page, page.locator(".stage.map"), "Picture, PNG")
    assert name.endswith(".png")
    page.get_by_test_id("scrub").fill("1")
    # Another drawing does not say it again.
    page.get_by_role("button", name="Whole view").click()
    ready(page)
    expect(relief.locator("p")).to_have_count(1)
