"""The Landscape page in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser import Lab
from tests.visiting import drawn_whole, save, scrolls_sideways

ROOT = ".landscape"


@pytest.fixture
def picture(lab: Lab) -> str:
    """The address of the common plane of three runs, small; its losses are computed once for all tests."""
    items = ",".join(f"run:{lab.runs[name]}" for name in ("sgd", "adagrad", "adam"))
    return f"{lab.url}/landscape?items={items}&size=25&images=300"


def ready(page: Page, points: int = 25) -> None:
    expect(page.locator(ROOT)).to_have_attribute("data-points", str(points))
    drawn_whole(page)


def heads(page: Page) -> list[str]:
    """Rows of the table: each run at the cursor."""
    return page.get_by_test_id("results").locator("tbody tr").all_inner_texts()


def drawn(page: Page, plot: str) -> str:
    """The painted layer of a plot."""
    return str(page.evaluate(f"document.querySelector('[data-testid={plot}] canvas.overlay').toDataURL()"))


def test_scrubbing_moves_all_markers_together(page: Page, picture: str) -> None:
    page.goto(picture)
    ready(page)
    expect(page.get_by_test_id("moment")).to_have_text("epoch 2.00 of 2")
    ends, painted = heads(page), {plot: drawn(page, plot) for plot in ("map", "relief", "curves")}
    assert len(ends) == 3
    # In epochs, though there are more points in the first one.
    page.get_by_test_id("scrub").fill("0.5")
    expect(page.get_by_test_id("moment")).to_have_text("epoch 0.50 of 2")
    page.get_by_test_id("scrub").fill("0")
    expect(page.get_by_test_id("moment")).to_have_text("epoch 0.00 of 2")
    starts = heads(page)
    # From the same first weights: the same loss, on the plane and off it.
    assert len({row.split("\t", 1)[1] for row in starts}) == 1
    assert all(before != after for before, after in zip(starts, ends, strict=True))
    for plot, before in painted.items():
        assert drawn(page, plot) != before
    page.get_by_role("button", name="One point forward").click()
    assert heads(page) != starts
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Pause").click()


def test_the_variance_stands_beside_its_baseline(page: Page, picture: str) -> None:
    page.goto(picture)
    ready(page)
    said = re.compile(r"This plane holds \d+\.\d% .* their own plane holds \d+\.\d%")
    expect(page.get_by_text(said)).to_be_visible()


def test_points_off_a_random_plane_stand_beside_it(page: Page, picture: str) -> None:
    page.goto(f"{picture}&plane=random")
    ready(page)
    script = "wanted => document.querySelector('[data-testid=map]').data.filter(wanted).map(t => [...t.x])"
    hollow = page.evaluate(f"() => ({script})(t => t.xaxis === 'x2')")
    # Of three runs all points, but for the end of the first, which is the plane's centre.
    places = page.evaluate(f"() => ({script})(t => t.text?.length && t.xaxis !== 'x2')")
    assert len(hollow) == 3 and min(min(x) for x in hollow) > 0.01
    assert places == [[0]]


def test_a_newcomer_has_a_picture_at_once(page: Page, own_lab: Lab) -> None:
    page.goto(f"{own_lab.url}/landscape")
    ready(page, 51)
    assert len(heads(page)) == 3
    page.get_by_test_id("scrub").fill("1.5")
    expect(page.get_by_test_id("moment")).to_have_text("epoch 1.50 of 3")
    expect(page.get_by_test_id("inspect")).to_be_hidden()


def test_a_point_tells_its_losses_and_its_distance(page: Page, picture: str) -> None:
    page.goto(picture)
    ready(page)
    said = page.evaluate(
        "document.querySelector('[data-testid=map]').data.filter(t => t.text?.length).map(t => t.text[0])"
    )
    assert len(said) == 3
    for text in said:
        assert "its loss" in text and "loss on the plane" in text and "distance off the plane" in text


def test_the_height_is_chosen_and_pictures_download(page: Page, picture: str) -> None:
    page.goto(picture)
    ready(page)
    page.get_by_test_id("view").select_option("accuracy")
    expect(page.get_by_text("of the accuracy, %")).to_be_visible()
    for stage, kind in ((".map", "Picture, PNG"), (".relief", "Drawing, SVG"), (".curves", "Drawing, SVG")):
        _, content = save(page, page.locator(f".stage{stage}"), kind)
        assert content.startswith(b"\x89PNG" if kind.endswith("PNG") else b"<svg")


def test_numbers_and_a_page_that_stands_alone_download(page: Page, picture: str, tmp_path: Path) -> None:
    page.goto(picture)
    ready(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Numbers, NPZ").click()
    with np.load(download.value.path()) as held:
        assert held["loss"].shape == (25, 25) and held["u"].shape == (101_770,)
    with page.expect_download() as download:
        page.get_by_role("button", name="Page", exact=True).click()
    path = tmp_path / "landscape.html"
    download.value.save_as(path)
    page.goto(path.as_uri())
    ready(page)
    page.get_by_test_id("scrub").fill("1")
    expect(page.get_by_test_id("inspect")).to_be_hidden()
    assert len(heads(page)) == 3


def test_another_grid_comes_coarse_first_and_sharpness_is_measured(page: Page, picture: str) -> None:
    page.goto(picture.replace("size=25", "size=51"))
    ready(page, 51)
    page.get_by_test_id("scrub").fill("0")
    page.get_by_test_id("inspect").click()
    expect(page.get_by_role("columnheader", name="Largest eigenvalue")).to_be_visible()
    expect(page.locator("table").filter(has_text="Largest eigenvalue").locator("tbody tr")).to_have_count(3)


def test_on_a_phone_nothing_runs_off_the_side(phone: Page, picture: str) -> None:
    phone.goto(picture)
    ready(phone)
    assert not scrolls_sideways(phone)
