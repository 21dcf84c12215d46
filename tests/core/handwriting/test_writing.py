import numpy as np
import pytest

from core.handwriting.forms import (
    HELD_OUT,
    HELD_OUT_THINGS,
    LOOKALIKES,
    OTHER_THINGS,
    TRAINED,
    Form,
)
from core.handwriting.writing import invented, scribble, written

EVERY = (*TRAINED, *HELD_OUT, *LOOKALIKES, *OTHER_THINGS, *HELD_OUT_THINGS)


@pytest.mark.parametrize("form", EVERY, ids=lambda form: form.name)
def test_every_form_is_written_within_its_field_and_never_twice_alike(form):
    rng = np.random.default_rng(0)
    first, second = written(form, rng), written(form, rng)
    for line in (first, second):
        assert line.points.min() > -60 and line.points.max() < 160
        assert line.joined.max() < len(line.points)
    assert first.points.shape != second.points.shape or not np.allclose(first.points, second.points)


def test_strokes_are_straight_or_curved_through_their_points(monkeypatch):
    monkeypatch.setattr("core.handwriting.writing.WANDER", 0)
    monkeypatch.setattr("core.handwriting.writing.PROPORTION", 0)
    monkeypatch.setattr("core.handwriting.writing.SLANT", (0, 0))
    line = written(Form("corner", None, "0,0 0,50 | ~ 10,10 20,30 30,10"), np.random.default_rng(0))
    assert line.points[:2].tolist() == [[0, 0], [0, 50]]
    assert line.joined[0].tolist() == [0, 1] and [1, 2] not in line.joined.tolist()
    for point in ((10, 10), (20, 30), (30, 10)):
        assert np.abs(line.points - point).sum(1).min() < 1e-9


def test_a_form_between_two_others(monkeypatch):
    monkeypatch.setattr("core.handwriting.writing.WANDER", 0)
    form = Form("flag", 1, "40,20 50,0 50,100", "0,100 50,0 50,100")
    rng = np.random.default_rng(0)
    lengths = [np.linalg.norm(np.subtract(*written(form, rng).points[:2])) for _ in range(200)]
    assert min(lengths) < 35 and max(lengths) > 95


@pytest.mark.parametrize("make", [scribble, invented])
def test_what_nobody_means_by_a_digit_is_a_line(make):
    rng = np.random.default_rng(0)
    for _ in range(50):
        line = make(rng)
        assert len(line.points) >= 4 and line.joined.max() < len(line.points) and np.isfinite(line.points).all()
