from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from core import data, paths
from core.handwriting.answers import Answer
from core.handwriting.preprocessing import steps
from core.handwriting.strokes import centre_lines
from core.jobs import Job, Jobs
from core.runs.service import Service
from core.runs.trajectories import REPLAYS, Trajectory
from core.training.network import Network, to_flat
from dashboard.plots import REPEATED
from dashboard.views.draw import phone, replay, source, team
from dashboard.views.draw.answer import answer_html, answer_text, steps_html
from dashboard.views.draw.replay import figure
from dashboard.words import literal
from tests.dashboard.conftest import page_of


def path(*points: tuple[float, float], width: float = 36) -> dict[str, Any]:
    """A stroke as the canvas sends it."""
    (x, y), *rest = points
    return {"type": "Path", "path": [["M", x, y], *(["L", *point] for point in rest)], "strokeWidth": width}


def sent(index: int = 0) -> dict[str, Any]:
    """Data that the canvas has sent when somebody has drawn a test digit on it."""
    line = centre_lines(data.load().test.images[index : index + 1])[0]
    points = 60 + 16 * line.points
    strokes = [path(tuple(points[a]), tuple(points[b])) for a, b in line.joined]
    return {"objects": strokes, "gone": None}


@pytest.fixture
def page(service: Service) -> AppTest:
    return page_of("draw")


def shown(page: AppTest) -> str:
    assert not page.exception
    return " ".join(element.proto.body for element in page.main if element.type == "html")


def test_an_empty_canvas_invites(page: AppTest) -> None:
    text = shown(page.run())
    assert 'data-digit="?"' in text and "No digit yet" in text
    assert [b.label for b in page.button if b.disabled] == ["Undo", "Clear"]


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_a_drawing_is_answered_with_all_its_steps_and_by_every_network(page: AppTest, index: int) -> None:
    page.session_state["draw.kept"] = sent(index)
    text = shown(page.run())
    assert f'data-digit="{int(data.load().test.labels[index])}"' in text
    assert "1. The ink, found" in text and "2. Scaled:" in text and "28 x 28" in text
    assert ">untrained</td>" in text and ">reference</td>" in text
    assert not any(b.disabled for b in page.button if b.label in ("Undo", "Clear"))


def test_another_network_answers_when_it_is_chosen(page: AppTest) -> None:
    page.session_state["draw.kept"] = sent()
    reference = shown(page.run())
    page.selectbox(key="draw.network").select("untrained").run()
    assert shown(page) != reference


def test_undo_takes_the_last_stroke_and_clear_all_of_them(page: AppTest) -> None:
    kept = sent()
    kept["objects"] = [{"n": 1}, {"n": 2}, {"n": 3}]
    page.session_state["draw.kept"] = kept
    page.run()
    undo = next(b for b in page.button if b.label == "Undo")
    undo.click().run()
    assert page.session_state["draw.start"]["objects"] == [{"n": 1}, {"n": 2}]
    next(b for b in page.button if b.label == "Undo").click().run()
    assert page.session_state["draw.start"]["objects"] == [{"n": 1}]
    before = page.session_state["draw.start"]["count"]
    next(b for b in page.button if b.label == "Clear").click().run()
    assert page.session_state["draw.start"] == {"objects": [], "count": before + 1}
    assert 'data-digit="?"' in shown(page)


def test_a_message_from_before_undo_or_clear_changes_nothing() -> None:
    one, two, three = ({"path": [["M", n, n]]} for n in range(3))
    cleared = {"objects": [], "png": None, "gone": one}
    assert source._is_late([one], cleared) and source._is_late([one, two, three], cleared)
    assert not source._is_late([], cleared) and not source._is_late([three], cleared)
    undone = {"objects": [one], "png": None, "gone": two}
    assert source._is_late([one, two], undone) and source._is_late([one, two, three], undone)
    assert not source._is_late([one], undone) and not source._is_late([one, three], undone)
    assert not source._is_late([one, two], {"objects": [one, two], "png": b"", "gone": None})


@pytest.mark.parametrize("objects", [[{}], [{"path": "M"}], [{"path": [["M", "x", 1]], "strokeWidth": 9}]])
def test_what_no_canvas_of_ours_sends_is_no_drawing(page: AppTest, objects: Any) -> None:
    page.session_state["draw.kept"] = {"objects": objects, "gone": None}
    assert 'data-digit="?"' in shown(page.run())


def test_only_objects_are_taken_from_the_canvas() -> None:
    assert source._objects({"objects": [path((1, 2), (3, 4)), None, "M"]}) == [path((1, 2), (3, 4))]
    assert [source._objects(sent) for sent in (None, [], {}, {"objects": "M"})] == [[]] * 4


def test_a_dot_gets_a_sentence(page: AppTest) -> None:
    page.session_state["draw.kept"] = {"objects": [path((280, 280), (281, 280))], "gone": None}
    text = shown(page.run())
    assert "That is a dot" in text and 'class="answer unsure"' in text


def test_several_digits_are_each_answered_left_to_right(page: AppTest) -> None:
    one, seven = path((120, 100), (120, 420)), path((280, 110), (440, 110), (340, 420))
    page.session_state["draw.kept"] = {"objects": [seven, one], "gone": None}
    text = shown(page.run())
    assert 'data-digit="17"' in text and "2 digits, left to right" in text
    assert text.count('<div class="box"') == 2 and "Digit 2" in text
    keep = next(group for group in page.pills if group.key == "draw.label")
    keep.set_value(7).run()
    assert team.drawings().all() == []
    assert [(toast.icon, toast.value) for toast in page.toast] == [
        (":material/info:", "The test set takes one digit at a time.")
    ]


def test_rows_of_digits_are_read_one_after_the_other(page: AppTest) -> None:
    one, seven = path((120, 40), (120, 240)), path((280, 320), (440, 320), (340, 520))
    other = [path((300, 40), (300, 240)), path((120, 320), (120, 520))]
    page.session_state["draw.kept"] = {"objects": [seven, one, *other], "gone": None}
    text = shown(page.run())
    assert 'data-digit="1117"' in text and "4 digits, row by row" in text


def test_the_network_is_drawn_with_what_a_digit_lights(page: AppTest) -> None:
    page.session_state["draw.kept"] = sent()
    text = shown(page.run())
    assert 'data-testid="network"' in text and "784 inputs, 128 units of which" in text


def test_a_file_that_is_no_network_is_named_and_left_out(page: AppTest) -> None:
    broken = paths.models() / "broken.safetensors"
    broken.write_bytes(b"no network")
    page.run()
    broken.unlink()
    assert not page.exception
    assert any("could be read from it: broken" in caption.value for caption in page.caption)
    assert "broken" not in page.selectbox(key="draw.network").options


def test_a_kept_drawing_tests_every_network(page: AppTest) -> None:
    page.session_state["draw.kept"] = sent()
    page.run()
    assert any("Nothing is kept yet" in caption.value for caption in page.caption)
    keep = next(group for group in page.pills if group.key == "draw.label")
    keep.set_value(7).run()
    assert not page.exception
    assert [drawing.label for drawing in team.drawings().all()] == [7]
    table = next(frame.value for frame in page.dataframe if "Accuracy" in frame.value)
    assert set(table["Network"]) == {"reference", "untrained"}
    assert table.set_index("Network").loc["reference", "Right"] == "1 of 1"


def test_a_bad_archive_gets_its_sentence(page: AppTest) -> None:
    page.run()
    page.session_state["notices.refused"] = "This is not a readable archive of drawings, or it is damaged."
    page.run()
    assert any("not a readable archive" in error.value for error in page.error)


def test_the_answer_says_its_runner_up_and_when_it_is_not_sure() -> None:
    sure = answer_html(Answer(np.array([0.9, 0.06, 0.04, 0, 0, 0, 0, 0, 0, 0])))
    assert 'data-digit="0"' in sure and "90.0%" in sure and "Next would be 1 with 6.0%" in sure
    unsure = answer_html(Answer(np.array([0.5, 0.45, 0.05, 0, 0, 0, 0, 0, 0, 0])))
    assert "Not sure" in unsure and "0 with 50.0%, or 1 with 45.0%." in unsure
    certain = answer_html(Answer(np.array([1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0])))
    assert ">100.0%" not in certain and "&gt; 99.9%" in certain
    assert "28 x 28" in steps_html([])


def test_the_answer_is_spoken_as_plain_text() -> None:
    certain, unsure = (Answer(np.array([share, 1 - share, 0, 0, 0, 0, 0, 0, 0, 0])) for share in (0.9997, 0.55))
    assert answer_text(certain) == "0: > 99.9%. Next would be 1 with < 0.1%."
    assert answer_text(unsure) == "0: Not sure. 0 with 55.0%, or 1 with 45.0%."
    assert answer_text(Answer(certain.probabilities, "A dot.")) == "0: Not sure. A dot."
    assert answer_text(None) == ""


@pytest.mark.parametrize(
    ("url", "bound", "expected"),
    [
        ("http://192.168.1.20:8501/draw", None, "http://192.168.1.20:8501/draw"),
        ("https://lab.example/draw", "127.0.0.1", "https://lab.example/draw"),
        ("http://localhost:8501/draw", "127.0.0.1", None),
        ("http://localhost:8501/draw", "localhost", None),
        ("http://localhost:8501/draw", "10.1.2.3", "http://10.1.2.3:8501/draw"),
        ("http://localhost:8501/draw", "0.0.0.0", "http://10.9.8.7:8501/draw"),
        ("http://127.0.0.1:8501/draw", None, "http://10.9.8.7:8501/draw"),
    ],
)
def test_the_address_for_a_phone(url: str, bound: str | None, expected: str | None, monkeypatch: Any) -> None:
    monkeypatch.setattr(phone, "_own_address", lambda: "10.9.8.7")
    assert phone.lan_address(url, bound, 8501) == expected


def test_a_computer_without_a_network_has_no_address(monkeypatch: Any) -> None:
    monkeypatch.setattr(phone, "_own_address", lambda: None)
    assert phone.lan_address("http://localhost:8501/", None, 8501) is None


def test_the_replays_figure_has_a_frame_a_step() -> None:
    steps, probabilities = np.array([0, 1, 5, 20]), np.eye(10, dtype=np.float32)[[3, 3, 7, 7]]
    chart = figure(steps, probabilities)
    assert [frame.name for frame in chart.frames] == ["0", "1", "2", "3"]
    assert [step.label for step in chart.layout.sliders[0].steps] == ["0", "1", "5", "20"]
    assert list(chart.data[7].y) == [0, 0, 1, 1]
    assert chart.frames[1].traces == (10, 11)
    assert list(chart.frames[1].data[1].x) == list(probabilities[1])
    # Frames are equally far apart, but the points of a line have their own steps, and the bars repeat them.
    assert list(chart.data[7].x) == [0, 1, 2, 3] and chart.data[7].meta == {"x": [0, 1, 5, 20]}
    assert [chart.data[place].meta for place in (10, 11)] == [REPEATED] * 2
    assert "has said <b>7</b> since about step 5; before that, 3" in replay._story(steps, probabilities)
    assert "said <b>3</b> from the first step" in replay._story(steps[:2], probabilities[:2])


def test_a_replayed_drawing_is_asked_at_every_step(page: AppTest, monkeypatch: Any, service: Service) -> None:
    class Lab:
        def runs(self, _limit: int) -> list[Any]:
            return [type("Run", (), {"id": "r", "number": 1, "name": "mine", "test_accuracy": None})()]

        def parameters_file(self, _run_id: str) -> Path:
            return Path("there")

        def trajectory(self, _run_id: str) -> Job[Trajectory]:
            return Jobs().get(REPLAYS, "r", lambda report: ready, lambda: ready)

    class Ready(Trajectory):
        def load(self) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.tensor([0, 9]), torch.stack([to_flat(Network(0)), to_flat(Network(1))])

    ready = Ready(Path("a"), "Not bit for bit.")
    monkeypatch.setattr(replay.lab, "service", lambda: Lab())
    page.session_state["draw.kept"] = sent()
    page.run()
    assert any("Draw a digit, then see" in caption.value for caption in page.caption)
    next(b for b in page.button if b.label == "Replay my drawing").click().run()
    assert 'data-testid="story"' in shown(page)
    assert any(literal("Not bit for bit.") == caption.value for caption in page.caption)


@pytest.mark.parametrize(("lean", "said"), [(120, True), (0, False)])
def test_a_slant_that_was_taken_away_is_said(lean: int, said: bool) -> None:
    picture = Image.new("L", (280, 280))
    ImageDraw.Draw(picture).line((140 + lean // 2, 40, 140 - lean // 2, 240), fill=255, width=24)
    assert ("slant halved" in steps_html([steps(np.asarray(picture), paper=0)])) == said
