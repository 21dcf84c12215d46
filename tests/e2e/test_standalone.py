"""Pages that stand alone, opened from disk with the network off."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Page, expect

from core.runs.service import Service
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import freezing, lab
from dashboard.components import chart, figure, standalone
from dashboard.components.standalone import PRINTED
from dashboard.plots import framed
from dashboard.views.runs import figures, rows
from tests.browser import Profiles, watch
from tests.visiting import save, scrolls_sideways, wait_in
from tests.waiting import wait_for

HOSTILE = "</script><script>document.title = 'taken'</script><!--<script>"
TEN = ("sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "nadam", "adamax", "adadelta")


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Run]]:
    """Nine runs of the usual length, the first with a hostile name, and a branch of it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DESCENT_HOME", str(tmp_path_factory.mktemp("ten") / "home"))
        lab.start()
        service = lab.service()
        ids = [service.submit(RunConfig.recommended(name), HOSTILE if name == "sgd" else "") for name in TEN]
        wait_until_over(service, ids)
        ids.append(service.branch(ids[0], 1500, {"lr": 0.03}))
        wait_until_over(service, ids)
        yield [service.existing(run_id) for run_id in ids]
        lab.stop()


def wait_until_over(service: Service, ids: list[str]) -> None:
    wait_for(lambda: all(service.existing(run_id).over for run_id in ids))


def kept(path: Path, runs: list[Run], together: bool = True) -> Path:
    """The runs' page, in a file."""
    lines = rows.lines(runs) if together else ()
    page = freezing.runs_page("Kept", "", runs, figures.HEAD, map(figures.in_words, runs), "light", lines)
    path.write_text(page, "utf-8")
    return path


@pytest.fixture
def offline(visitor: Profiles) -> Iterator[Page]:
    """A page of a browser without a network, which must ask for nothing but files and keep a clean console."""
    context = visitor()
    context.set_offline(True)
    page = context.new_page()
    complaints, asked = watch(page), []
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_ten_runs_open_from_disk_in_under_eight_megabytes(offline: Page, ten: list[Run], tmp_path: Path) -> None:
    path = kept(tmp_path / "ten.html", ten)
    assert path.stat().st_size < 8_000_000
    offline.goto(path.as_uri())
    expect(offline.get_by_test_id("state")).to_have_text("finished")
    ranking = offline.get_by_test_id("ranking").locator("tbody tr")
    expect(ranking).to_have_count(10)
    expect(offline).to_have_title("Kept")
    # The branch begins where it left its parent.
    wait_in(offline, "() => document.querySelector('.live-plot').data?.length >= 30")
    first = "uid => document.querySelector('.live-plot').data.find(trace => trace.uid === uid).x[0]"
    assert offline.evaluate(first, f"{ten[-1].id}-loss") >= 1500 > 10 > offline.evaluate(first, f"{ten[0].id}-loss")
    expect(offline.get_by_text(f"#{ten[-1].number} leaves #{ten[0].number} at step 1,500.")).to_be_visible()
    # A line is hidden by a click, the axis changes, and the chart is saved, as in the lab.
    ranking.first.get_by_role("button").click()
    expect(ranking.first).to_have_class("hidden")
    offline.get_by_test_id("unit").select_option("epoch")
    name, content = save(offline, offline.locator(".live"), "Picture, PNG")
    assert name == "10-runs-compared.png" and content.startswith(b"\x89PNG")


def test_one_run_opens_with_its_code_and_a_hostile_name_is_text(offline: Page, ten: list[Run], tmp_path: Path) -> None:
    offline.goto(kept(tmp_path / "one.html", ten[:1], together=False).as_uri())
    expect(offline.get_by_test_id("state")).to_have_text("finished")
    expect(offline.get_by_test_id("run-name")).to_have_text(re.compile(re.escape(HOSTILE)))
    expect(offline).to_have_title("Kept")
    expect(offline.get_by_role("row", name=HOSTILE)).to_have_count(1)
    expect(offline.locator("pre")).to_contain_text("optimizer = torch.optim.SGD(model.parameters(), lr=0.3)")
    wait_in(offline, "() => document.querySelector('.live-plot').data?.[0].x.length > 100")


def test_it_prints_on_a4(offline: Page, ten: list[Run], tmp_path: Path) -> None:
    offline.goto(kept(tmp_path / "print.html", ten[:1], together=False).as_uri())
    wait_in(offline, "() => document.querySelector('.live-plot').data?.length > 0")
    wait_in(offline, "() => document.documentElement.style.getPropertyValue('--print-zoom')")
    offline.emulate_media(media="print")
    offline.set_viewport_size({"width": PRINTED, "height": 1000})
    # Nothing is cut off at the right, what is pressed is left out, and the chart is as wide as the text.
    assert not scrolls_sideways(offline)
    expect(offline.get_by_test_id("smoothing")).to_be_hidden()
    expect(offline.locator(".chart-save")).to_be_hidden()
    box, main = (offline.locator(place).bounding_box() for place in (".live-plot .main-svg >> nth=0", "main"))
    assert box and main and abs(main["width"] - PRINTED) < 2 and abs(box["width"] - main["width"]) < 2
    pdf = offline.pdf(prefer_css_page_size=True)
    assert set(re.findall(rb"/MediaBox\s*\[0 0 (\d+)[.\d]* (\d+)[.\d]*\]", pdf)) == {(b"594", b"841")}


def test_on_a_phone_nothing_runs_off_the_side(offline: Page, ten: list[Run], tmp_path: Path) -> None:
    offline.set_viewport_size({"width": 390, "height": 844})
    offline.goto(kept(tmp_path / "phone.html", ten).as_uri())
    wait_in(offline, "() => document.querySelector('.live-plot').data?.length > 0")
    assert not scrolls_sideways(offline)


def test_a_still_figure_from_arrays_saves_its_numbers(tmp_path: Path, offline: Page) -> None:
    curve = framed(go.Figure(go.Scatter(x=np.array([0.5, 1.0]), y=np.array([2, 1]), name="loss")), 120)
    lines = go.Figure(
        go.Parcoords(dimensions=[{"label": "Test", "values": np.array([1.0, 1.0])}], meta={"Test": [1, None]})
    )
    parts = [figure.still(curve, "Curve"), figure.still(framed(lines, 120), "Lines")]
    (tmp_path / "still.html").write_text(standalone.page("Still", parts), "utf-8")
    offline.goto((tmp_path / "still.html").as_uri())
    numbers = [save(offline, offline.locator(f"#part-{place}"), "Numbers, CSV")[1].decode() for place in (0, 1)]
    assert numbers == ["series,x,value\nloss,0.5,2\nloss,1,1\n", "Test\n1\n\n"]


def test_runs_in_training_are_as_they_were_when_they_were_saved(offline: Page, ten: list[Run], tmp_path: Path) -> None:
    messages: dict[str, list[str]] = {}
    for run in ten[:2]:
        # As far as a run is known after its first epoch.
        sent = lab.service().messages(run.id) or []
        messages[run.id] = sent[: next(i for i, message in enumerate(sent) if '"event":"EpochDone"' in message) + 1]
    still = [chart.still(ten[:1], (), messages), chart.still(ten[:2], rows.lines(ten[:2]), messages)]
    (tmp_path / "training.html").write_text(standalone.page("Training", still), "utf-8")
    offline.goto((tmp_path / "training.html").as_uri())
    for place, epoch in enumerate((re.compile("^epoch 2 of "), "0 of 2 runs over")):
        part = offline.locator(f"#part-{place}")
        expect(part.get_by_test_id("state")).to_have_text("running when this page was saved")
        expect(part.get_by_test_id("state")).to_have_attribute("data-state", "running")
        expect(part.get_by_test_id("epoch")).to_have_text(epoch)
        expect(part.get_by_test_id("left")).to_have_text("")
    assert not scrolls_sideways(offline)
