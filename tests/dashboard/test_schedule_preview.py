import numpy as np
import numpy.typing as npt
import pytest

from core.training.config import RunConfig
from core.training.schedules import SCHEDULES
from dashboard.schedule_preview import figure


def test_preview_is_the_schedule_that_trains() -> None:
    config = RunConfig(schedule="linear", epochs=2, batch_size=480, validation_split=0.2)
    line = figure(config).data[0]
    np.testing.assert_array_equal(line.x, np.arange(200) / 100)
    np.testing.assert_allclose(line.y, 1e-3 * (1 - np.arange(200) / 199))


def test_preview_shows_the_warm_up() -> None:
    line = figure(RunConfig(warmup_steps=4, epochs=1, batch_size=4800)).data[0]
    np.testing.assert_allclose(line.y, 1e-3 * np.array([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]))


def test_plateau_is_shown_for_a_loss_that_never_improves() -> None:
    config = RunConfig(schedule="plateau", schedule_params={"factor": 0.5, "patience": 0}, epochs=4, batch_size=24_000)
    line = figure(config).data[0]
    np.testing.assert_allclose(line.y, 1e-3 * np.array([1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_long_runs_are_drawn_with_few_points(schedule: str) -> None:
    preview = figure(RunConfig(schedule=schedule, epochs=1000))
    assert len(preview.data[0].x) <= 2000
    assert 999 <= preview.data[0].x[-1] < 1000


def turns(rates: npt.NDArray[np.float64]) -> int:
    """Number of turns of a line from rising to falling or back."""
    up = np.sign(np.diff(rates))
    return int(np.count_nonzero(np.diff(up[up != 0])))


def test_each_turn_of_a_fast_schedule_is_drawn() -> None:
    config = RunConfig(schedule="cyclic", schedule_params={"half_cycle": 0.025}, epochs=20)
    rates = np.array(config.planned_rates(range(config.span.steps)))
    line = figure(config).data[0]
    assert turns(np.array(line.y)) == turns(rates) == 799
    assert (min(line.y), max(line.y)) == (rates.min(), rates.max())


def test_a_long_fast_schedule_fills_its_band() -> None:
    """A run of which few steps can be tried: each part of the line has a thousand turns, 25 for each step tried."""
    config = RunConfig(schedule="cyclic", schedule_params={"half_cycle": 0.001}, epochs=1000, batch_size=1)
    low, high = np.sort(np.array(figure(config).data[0].y).reshape(1000, 2)).T
    assert low.max() < 2.8e-4 and high.min() > 8.2e-4


def test_without_a_config_the_axes_stand_alone() -> None:
    assert len(figure(None).data) == 0
