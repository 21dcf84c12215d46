"""One network has one accuracy, one loss, one matrix and one colour rule on every page that shows it."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import data, paths
from core.analysis.report import Report, report
from core.handwriting.answers import answer
from core.models import checkpoints
from core.models.formats import FORMATS, write
from core.models.library import Library
from core.runs.service import Service
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer
from dashboard.views.draw.networks import networks
from tests.dashboard.conftest import open_page, wait_for_runs
from tests.waiting import LIMIT

NAME = "untrained"
WHOLE = RunConfig(loss="mse", seed=3, device="cpu")
BLUE, ORANGE = (47, 127, 214), (217, 119, 6)


@pytest.fixture(scope="module")
def truth() -> Report:
    return report(Network(seed=3), data.load().test)


def html(page: AppTest) -> str:
    """All HTML of a page: its own, and what its clickable pictures show."""
    assert not page.exception
    shown = [str(element.proto.body) for element in page.get("html")]
    shown += [json.loads(e.proto.json).get("html", "") for e in page.get("bidi_component") if e.proto.json]
    return "\n".join(shown)


def predictions(tab: str = "Confusion") -> AppTest:
    return open_page("predictions", model=NAME, **{"p-tab": tab})


def on_train(name: str = NAME) -> AppTest:
    return open_page("train").selectbox(key="test.model").set_value(name).run()


def cells(page: str) -> list[tuple[str, str]]:
    """Count and colour of each cell of the page's matrix."""
    matrix = page.partition('aria-label="Confusion matrix"')[2].partition("</table>")[0]
    found = re.findall(r'style="background: ([^"]+)"[^>]*>([\d·]+)<', matrix)
    return [(count, color) for color, count in found]


def colors(page: str) -> set[tuple[int, ...]]:
    """Colours of the page's weights: of all pixels of its images that are not grey and not clear."""
    seen = set()
    for content in re.findall(r'src="data:image/\w+;base64,([^"]+)"', page):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGBA")).reshape(-1, 4)
        inked = pixels[(pixels[:, 3] > 0) & (np.ptp(pixels[:, :3], axis=1) > 0)]
        seen |= set(map(tuple, np.unique(inked[:, :3], axis=0).tolist()))
    return seen


def test_a_whole_model_has_one_accuracy_and_the_loss_of_its_training(service: Service) -> None:
    path = paths.models() / "whole.safetensors"
    checkpoints.save_checkpoint(path, checkpoints.Checkpoint(WHOLE, Trainer(WHOLE).state()))
    truth = report(Network(seed=3), data.load().test, "mse").evaluation
    accuracy, loss = f"{100 * truth.accuracy:.2f}%", f"{truth.loss:.4f}"
    try:
        overview = html(open_page("predictions", model="whole"))
        assert f"<b>{accuracy}</b>" in overview and f"<b>{loss}</b>" in overview
        for page in (open_page("models", model="whole"), on_train("whole")):
            assert [metric.value for metric in page.metric if "Steps" not in metric.label] == [accuracy, loss]
    finally:
        path.unlink()


def _lesson_step(run_id: str) -> None:
    from types import SimpleNamespace

    from dashboard import lab
    from dashboard.views.lessons import walk

    walk._result(SimpleNamespace(shows="evaluation"), None, lab.service().run(run_id))


def test_a_run_has_the_loss_of_its_training_in_a_lesson_too(service: Service) -> None:
    run_id = service.submit(RunConfig(loss="mse", epochs=1, batch_size=12_000, device="cpu"))
    wait_for_runs(service, [run_id])
    overview = html(open_page("predictions", run=run_id))
    lesson = AppTest.from_function(_lesson_step, args=(run_id,), default_timeout=LIMIT).run()
    assert len(lesson.metric) == 2 and all(f"<b>{metric.value}</b>" in overview for metric in lesson.metric)


def test_one_network_has_one_answer_to_a_digit(service: Service, truth: Report) -> None:
    network, digit = networks()[0][NAME], data.load().test.images[0]
    assert answer(network, digit.view(28, 28).numpy()).digit == int(truth.evaluation.predictions[0])
    assert answer(network, digit.view(28, 28).numpy()).probability == pytest.approx(
        float(truth.evaluation.confidences[0])
    )


def test_one_network_has_one_accuracy_and_one_loss(service: Service, truth: Report) -> None:
    accuracy, loss = f"{100 * truth.evaluation.accuracy:.2f}%", f"{truth.evaluation.loss:.4f}"
    overview = html(predictions())
    assert f"<b>{accuracy}</b>" in overview and f"<b>{loss}</b>" in overview
    for page in (open_page("models", model=NAME), on_train()):
        assert [metric.value for metric in page.metric if "Steps" not in metric.label] == [accuracy, loss]
    assert accuracy in html(open_page("models"))


def test_one_network_has_one_matrix(service: Service, truth: Report) -> None:
    shown = cells(html(predictions()))
    assert [int(count.replace("·", "0")) for count, _ in shown] == truth.confusion.flatten().tolist()
    assert cells(html(open_page("models", model=NAME))) == shown


def test_weights_have_one_pair_of_colours(service: Service) -> None:
    for page in (predictions("Inside"), open_page("models", model=NAME), open_page("models")):
        assert colors(html(page)) == {BLUE, ORANGE}


def test_the_contact_sheet_has_the_colours_of_the_pages(service: Service) -> None:
    network = Library(paths.models()).open(NAME).network
    sheet = np.asarray(Image.open(io.BytesIO(write(FORMATS["png"], network, {}))).convert("RGB")).reshape(-1, 3)
    assert {BLUE, ORANGE} <= set(map(tuple, sheet.tolist()))
