"""The Runs page: open, filter, choose, compare, delete and restore, resume."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.runs.service import Service
from core.runs.store import Store
from core.training.config import RunConfig
from tests.browser import ONE_WORKER, SHORT, Lab, Profiles
from tests.visiting import drag, scrolls_sideways, train, wait_in
from tests.waiting import wait_for

TOKEN = "0123456789abcdef" * 2
ME = hashlib.sha256(TOKEN.encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with four finished runs and one that was interrupted when its server ended."""
    running = Lab(tmp_path_factory.mktemp("lab"), **ONE_WORKER)
    service = Service(running.home, workers=1, threads=1)
    service.submit(RunConfig(**SHORT, lr=0.001), "first", ME, "Ada", tags=["exam"])
    service.submit(RunConfig(**SHORT, lr=0.003), "", ME, "Ada")
    service.submit(RunConfig.recommended("sgd", **SHORT), "", "other", "Grace")
    last = service.submit(RunConfig(**SHORT, seed=1), "to delete", ME, "Ada")
    wait_for(lambda: service.run(last).over)
    # One epoch of seconds: it is cut before there are figures of an epoch.
    cut = service.submit(RunConfig(batch_size=1, epochs=1), "cut short", ME, "Ada")
    wait_for(lambda: service.run(cut).step > 400)
    service.close()
    running.start()
    yield running
    running.stop()


def open_runs(page: Page, lab: Lab, query: str = "") -> None:
    page.context.add_cookies([{"name": "descent_visitor", "value": TOKEN, "url": lab.url}])
    page.goto(f"{lab.url}/runs{query}")
    if not query:
        expect(page.get_by_test_id("runs")).to_be_visible()


def ids(page: Page) -> dict[str, str]:
    """The runs' ids by their names in the table."""
    links = page.locator("[data-testid=runs] tbody a")
    return {link.inner_text(): str(link.get_attribute("href")).split("=")[1] for link in links.all()}


def choose(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_label(f"Select {name}", exact=True).check()


def test_titles_end_where_their_figures_do_and_the_lines_of_a_name_begin_together(page: Page, lab: Lab) -> None:
    open_runs(page, lab)
    ends = page.get_by_test_id("runs").evaluate("""table => {
        const end = node => {
            const range = document.createRange()
            range.selectNodeContents(node)
            return range.getBoundingClientRect().right
        }
        const { cells } = table.querySelector("tbody tr")
        return [...table.querySelectorAll("th.right")].map(th => end(th.firstChild) - end(cells[th.cellIndex]))
    }""")
    assert len(ends) > 2 and max(map(abs, ends)) < 1
    lines = page.locator("[data-testid=runs] td.run a").first.evaluate("""link => {
        link.textContent = "as long as a name can be ".repeat(5)
        return [...link.getClientRects()].map(({ left }) => left)
    }""")
    assert len(lines) > 1 and max(lines) - min(lines) < 1


def test_a_run_opens_from_the_table_and_by_its_link(page: Page, lab: Lab) -> None:
    open_runs(page, lab)
    run_id = ids(page)["#1 first"]
    page.get_by_role("link", name="#1 first").click()
    expect(page.get_by_role("heading", name="#1 first")).to_be_visible()
    assert page.url.endswith(f"/runs?run={run_id}")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_test_id("step")).to_have_text("step 188 of 188")
    expect(page.get_by_text("What happened")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    (told,) = json.loads(Path(download.value.path()).read_text())
    assert (told["id"], told["points"]["step"]) == (run_id, list(range(188)))
    page.get_by_role("button", name="All runs").click()
    expect(page.get_by_test_id("runs")).to_be_visible()


def test_a_link_that_names_no_run_gets_a_kind_sentence(page: Page, lab: Lab) -> None:
    open_runs(page, lab, "?run=nothing")
    expect(page.get_by_text("This lab does not have the run that this link names.")).to_be_visible()
    page.get_by_role("button", name="All runs").click()
    expect(page.get_by_test_id("runs")).to_be_visible()


def test_rows_filter_and_sort(page: Page, lab: Lab) -> None:
    open_runs(page, lab)
    rows = page.locator("[data-testid=runs] tbody tr")
    expect(rows).to_have_count(5)
    page.get_by_test_id("filter").fill("0.003 adam")
    expect(rows).to_have_count(1)
    expect(page.get_by_test_id("count")).to_have_text("1 of 5 runs")
    page.get_by_test_id("filter").fill("seed:1 today")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("to delete")
    page.get_by_test_id("filter").fill("nothing like it")
    expect(page.get_by_test_id("empty")).to_contain_text("No runs match.")
    page.get_by_test_id("filter").fill("")
    page.get_by_test_id("filter-owner").select_option("Grace")
    expect(rows).to_have_count(1)
    page.get_by_test_id("filter-owner").select_option("")
    page.get_by_test_id("filter-tag").select_option("exam")
    expect(rows).to_have_count(1)
    page.reload()
    expect(page.get_by_test_id("filter-tag")).to_have_value("exam")
    page.get_by_test_id("filter-tag").select_option("")
    page.get_by_role("button", name="Best validation").click()
    shown = page.locator("[data-testid=runs] tbody td.strong").all_inner_texts()
    # The run that was cut short has no epoch yet: it comes last.
    figures = [float(text.removesuffix("%")) for text in shown[:4]]
    assert figures == sorted(figures, reverse=True) and len(shown) == 5
    expect(rows.last).to_contain_text("#5 cut short")


def test_new_runs_keep_the_selection(page: Page, lab: Lab, visitor: Profiles) -> None:
    open_runs(page, lab)
    choose(page, "#1 first", "#2 Adam")
    expect(page.get_by_role("button", name="Compare")).to_be_enabled()
    other = visitor().new_page()
    other.goto(lab.url)
    train(other, epochs=400)
    expect(page.locator("[data-testid=runs] tbody tr")).to_have_count(6)
    expect(page.get_by_label("Select #1 first", exact=True)).to_be_checked()
    expect(page.get_by_test_id("count")).to_have_text("6 runs, 2 chosen")
    expect(page.locator("[data-testid=runs] tbody tr").first).to_contain_text("running")
    other.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("[data-testid=runs] tbody tr").first).to_contain_text("stopped")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_test_id("ranking").locator("tbody tr")).to_have_count(2)
    assert "compare=" in page.url
    page.get_by_role("button", name="All runs").click()
    expect(page.get_by_label("Select #1 first", exact=True)).to_be_checked()


def test_compare_by_link_and_a_joining_run_keeps_the_zoom(page: Page, lab: Lab) -> None:
    open_runs(page, lab)
    known = ids(page)
    open_runs(page, lab, f"?compare={known['#1 first']},{known['#2 Adam']},gone")
    expect(page.get_by_text("This link names 1 run that this lab does not have.")).to_be_visible()
    names = page.get_by_test_id("ranking").locator("button span")
    expect(names).to_have_count(2)
    assert sorted(names.all_inner_texts()) == ["#1 first · rate 0.001", "#2 · rate 0.003"]
    wait_in(page, "document.querySelector('.live-plot')?.data?.length > 4")
    # Looked at in one go: plotly makes this layer anew at each drawing.
    box_of = "() => document.querySelector('.live-plot .nsewdrag[data-subplot=xy]')?.getBoundingClientRect().toJSON()"
    wait_in(page, f"() => ({box_of})()?.width > 200")
    plot = page.evaluate(box_of)
    drag(page, (plot["x"] + 20, plot["y"] + 30), (plot["x"] + 200, plot["y"] + 120))
    axis = "document.querySelector('.live-plot')._fullLayout.xaxis.range"
    wait_in(page, f"{axis}[1] < 100")
    zoomed = page.evaluate(axis)
    box = page.get_by_test_id("stMultiSelect").get_by_role("combobox")
    box.fill("#3")
    page.get_by_role("option", name="#3 SGD").click()
    # While its list is open, nothing else can be found by its role.
    box.press("Escape")
    expect(names).to_have_count(3)
    assert page.evaluate(axis) == zoomed
    expect(page.locator(".runs tbody tr")).to_have_count(3)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 4


def test_delete_and_restore_and_nobody_deletes_anothers(page: Page, lab: Lab) -> None:
    open_runs(page, lab)
    choose(page, "#3 SGD")
    delete = page.get_by_role("button", name="Delete", exact=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == "run-3.csv"
    expect(delete).to_be_disabled()
    page.get_by_label("Select #3 SGD", exact=True).uncheck()
    choose(page, "#4 to delete")
    expect(delete).to_be_enabled()
    delete.click()
    expect(page.get_by_role("link", name="#4 to delete")).to_have_count(0)
    page.get_by_role("tab", name="Bin").click()
    choose(page, "#4 to delete")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("The bin is empty.")).to_be_visible()
    page.get_by_role("tab", name="All runs").click()
    expect(page.get_by_role("link", name="#4 to delete")).to_be_visible()


def test_what_the_filter_hides_is_not_acted_on(page: Page, lab: Lab) -> None:
    open_runs(page, lab)
    choose(page, "#1 first", "#4 to delete")
    page.get_by_test_id("filter").fill("seed:1")
    expect(page.get_by_test_id("count")).to_contain_text("1 chosen, 1 chosen but hidden")
    # The button of the drawing before the filter would act on both.
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("1 run moved to the bin.")).to_be_visible()
    page.get_by_test_id("filter").fill("")
    expect(page.get_by_role("link", name="#1 first")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="#4 to delete")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


@pytest.fixture
def lab_of_forty(tmp_path: Path) -> Iterator[Lab]:
    """A lab with forty finished runs, of which it knows nothing but the settings."""
    running = Lab(tmp_path, **ONE_WORKER)
    running.home.mkdir()
    store = Store(running.home / "lab.sqlite")
    for number in range(40):
        store.add(f"{number:016x}", RunConfig(seed=number), 1.0, "finished", owner=ME)
    store.close()
    running.start()
    yield running
    running.stop()


def test_from_ten_on_it_is_asked_and_head_and_buttons_stay_in_sight(page: Page, lab_of_forty: Lab) -> None:
    open_runs(page, lab_of_forty)
    page.get_by_test_id("filter").fill("seed:3")
    page.get_by_label("Select all shown").check()
    page.get_by_test_id("filter").fill("")
    page.get_by_label("Select all shown").check()
    # The button that asks first, once the page knows of all that is chosen.
    page.get_by_test_id("stPopover").get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("link", name="#1 Adam", exact=True).scroll_into_view_if_needed()
    for place in (page.locator("th", has_text="Best validation"), page.get_by_role("button", name="Compare")):
        expect(place).to_be_in_viewport()
    expect(page.get_by_text("Delete 40 runs?")).to_be_visible()
    page.get_by_role("button", name="Delete 40", exact=True).click()
    expect(page.get_by_test_id("empty")).to_contain_text("No runs yet.")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_test_id("count")).to_have_text("40 runs")


def test_leaderboard_and_bin_have_addresses(page: Page, lab: Lab) -> None:
    open_runs(page, lab)
    page.get_by_role("tab", name="Leaderboard").click()
    expect(page.get_by_text("Finished runs, ranked")).to_be_visible()
    page.get_by_test_id("stMain").get_by_text("Best of each person").click()
    expect(page.locator("[data-testid=runs] tbody tr")).to_have_count(2)
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator("[data-testid=runs] tbody tr")).to_have_count(2)
    expect(page.locator("[data-testid=runs] tbody tr").first).to_contain_text("Ada")
    page.get_by_test_id("stMain").get_by_text("All results").click()
    # Two runs that differ in nothing but the seed.
    page.locator("tr", has_text="n = 2").get_by_role("link").click()
    expect(page.get_by_test_id("ranking").locator("tbody tr")).to_have_count(2)
    page.goto(f"{lab.url}/runs?view=Bin")
    expect(page.get_by_text("Runs are kept here for at least 7 days.")).to_be_visible()


def test_an_interrupted_run_is_resumed(page: Page, lab: Lab) -> None:
    open_runs(page, lab)
    row = page.locator("[data-testid=runs] tbody tr", has_text="#5 cut short")
    expect(row).to_contain_text("interrupted")
    page.get_by_role("button", name="Resume all interrupted (1)").click()
    expect(row).to_contain_text("finished")
    expect(page.get_by_role("button", name="Resume all interrupted")).to_have_count(0)
    row.get_by_role("link").click()
    expect(page.get_by_text("goes on from step")).to_be_visible()
    expect(page.get_by_test_id("step")).to_have_text("step 48,000 of 48,000")


def test_the_leaderboard_hands_a_config_to_the_form(page: Page, lab: Lab) -> None:
    open_runs(page, lab)
    page.get_by_role("tab", name="Leaderboard").click()
    page.locator("tr", has_text="#2 Adam").get_by_role("button", name="Train with this").click()
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.003")


def test_phone_has_no_sideways_scroll(phone: Page, lab: Lab) -> None:
    page = phone
    open_runs(page, lab)
    known = ids(page)
    for query in ("", f"?run={known['#1 first']}", f"?compare={known['#1 first']},{known['#2 Adam']}"):
        open_runs(page, lab, query)
        expect(page.locator(".runs, .live").first).to_be_visible()
        assert not scrolls_sideways(page)
