from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.analysis.evaluation import evaluate
from core.data import Mnist
from core.landscape.result_file import load, npz, save
from core.landscape.study import Result, Study, Track, compute
from core.training.network import Network

ITEMS = ("run:sgd", "run:adam")


def finished(study: Study, tracks: list[Track], mnist: Mnist) -> Result:
    *_, result = compute(study, tracks, mnist)
    return result


def own_loss(point: torch.Tensor, study: Study, mnist: Mnist) -> float:
    network = Network()
    torch.nn.utils.vector_to_parameters(point, network.parameters())
    return evaluate(network, study.digits(mnist), study.loss).loss


def test_a_study_of_two_runs_tells_more_and_more(tracks: list[Track], mnist: Mnist) -> None:
    study = Study(items=ITEMS, size=25, images=100)
    results = list(compute(study, tracks, mnist))
    assert [None if r.grid is None else len(r.grid.x) for r in results] == [None, 13, 13, 25]
    assert [r.done for r in results] == [False, False, False, True]
    end = results[-1]
    assert 0.5 < end.explained <= 1 and 0.5 < end.baseline < 1
    for path, track in zip(end.paths, tracks, strict=True):
        assert path.true[-1] == pytest.approx(own_loss(track.points[-1], study, mnist), rel=1e-5)
        assert path.shown[0] == pytest.approx(
            own_loss(end.plane.point(float(path.a[0]), float(path.b[0])), study, mnist), rel=1e-5
        )
        assert end.grid is not None
        assert end.grid.x[0] < path.a.min() and path.a.max() < end.grid.x[-1]
        assert end.grid.y[0] < path.b.min() and path.b.max() < end.grid.y[-1]
    # Both start at one point, which lies off the plane of their principal components.
    assert end.paths[0].distance[0] == pytest.approx(end.paths[1].distance[0])


def test_the_plane_through_three_points_shows_start_and_ends_as_they_are(tracks: list[Track], mnist: Mnist) -> None:
    end = finished(Study("three", ITEMS, size=25, images=50), tracks, mnist)
    for path in end.paths:
        assert path.distance[[0, -1]].max() < 1e-3
        assert path.shown[[0, -1]] == pytest.approx(path.true[[0, -1]], rel=1e-4)
    assert np.isnan(end.baseline)


def test_the_random_plane_is_centred_on_the_first_end(tracks: list[Track], mnist: Mnist) -> None:
    study = Study("random", ITEMS, size=25, images=50, part="validation", loss="mse")
    end = finished(study, tracks, mnist)
    assert end.grid is not None
    assert end.grid.loss[12, 12] == pytest.approx(own_loss(tracks[0].points[-1], study, mnist), abs=1e-6)


def test_the_line_goes_from_one_model_to_the_other(tracks: list[Track], mnist: Mnist) -> None:
    study = Study("line", ITEMS, images=50, part="training")
    end = finished(study, tracks, mnist)
    assert end.grid is not None and end.grid.loss.shape == (1, 121)
    at = {round(float(x), 4): float(loss) for x, loss in zip(end.grid.x, end.grid.loss[0], strict=True)}
    for place, track in zip((0.0, 1.0), tracks, strict=True):
        assert at[place] == pytest.approx(own_loss(track.points[-1], study, mnist), rel=1e-5)


def test_a_result_survives_its_file(tracks: list[Track], mnist: Mnist, tmp_path: Path) -> None:
    end = finished(Study("three", ITEMS, size=25, images=50), tracks, mnist)
    save(end, tmp_path / "a" / "b.npz")
    back = load(tmp_path / "a" / "b.npz")
    assert back is not None and back.study == end.study and back.done
    assert npz(back) == npz(end)
    assert torch.equal(back.plane.u, end.plane.u)


def test_what_is_no_result_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "none.npz") is None
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    assert load(tmp_path / "torn.npz") is None


def test_the_key_depends_on_everything() -> None:
    study = Study(items=("a", "b"))
    changes: list[dict[str, Any]] = [{"plane": "line"}, {"items": ("b", "a")}, {"part": "training"}, {"images": 1},
                                     {"size": 25}, {"loss": "mse"}, {"seed": 1}]  # fmt: skip
    keys = {study.key, *(replace(study, **change).key for change in changes)}
    assert len(keys) == 8 and Study(items=("a", "b")).key == study.key


def test_two_models_have_no_start_for_a_plane(tracks: list[Track], mnist: Mnist) -> None:
    models = [replace(track, start=None, points=track.points[-1:]) for track in tracks]
    with pytest.raises(ValueError, match="choose a run first, or one more"):
        next(compute(Study("three", ITEMS), models, mnist))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"plane": "round"}, "plane must be one of pca, three, random, line, got plane = round."),
        ({"part": "all"}, "part must be one of test, validation, training, got part = all."),
        ({"images": 10_001}, "images must be a whole number in [1, 10000], got images = 10001."),
        ({"size": 7}, "size must be a whole number in [25, 201], got size = 7."),
        ({"items": ()}, "items must be 1 to 8 different runs or models for plane pca, got 0."),
        ({"plane": "line"}, "items must be 2 different runs or models for plane line, got 1."),
    ],
)
def test_bad_studies_get_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        Study(**{"items": ("a",), **given})
    assert str(error.value) == sentence
