"""The diagnosis of a run on the Train page: keyed by the run as it was when it was measured."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.diagnostics import Diagnosis, diagnosed_steps
from core.jobs import Jobs
from core.runs.service import Service
from core.training.config import RunConfig
from dashboard.analysis import stability
from dashboard.analysis.closer_look import STABILITY
from dashboard.views.landscape import items, sharpness
from tests.dashboard.conftest import button, labels, open_page, text, wait_for_runs
from tests.waiting import wait_for


def opened(run_id: str) -> AppTest:
    page = open_page("train", run=run_id)
    return page.segmented_control(key="closer").set_value(STABILITY).run()


def measured(run_id: str) -> AppTest:
    """The page once the run has been measured."""
    page = opened(run_id)
    if "At the end the sharpness is" not in text(page):
        button(page, "Measure").click().run()
    wait_for(lambda: "At the end the sharpness is" in text(page.run()))
    assert not page.exception
    return page


@pytest.fixture(scope="module")
def stopped(service: Service) -> str:
    """A run that was stopped before its end."""
    run_id = service.submit(RunConfig(optimizer="sgd", lr=0.1, epochs=40, validation_split=0.95, device="cpu"))
    wait_for(lambda: service.run(run_id).step > 0)
    service.command(run_id, "stop")
    wait_for_runs(service, [run_id])
    assert service.run(run_id).step < 40 * 47
    return run_id


def test_it_says_what_it_costs_and_measures_on_demand(service: Service, stopped: str) -> None:
    page = opened(stopped)
    assert "Replays the run and measures it at" in text(page)
    job = service.diagnoses(stopped)
    assert not job.status().started
    measured(stopped)
    run = service.run(stopped)
    assert [point.step for point in job.wait()] == diagnosed_steps(run.config, run.step)
    assert "**Dead hidden units, of 128**" in text(page.run())


def test_a_rate_of_zero_has_no_limit_of_sharpness() -> None:
    diagnoses = [Diagnosis(step, 20.0, (1.0, 1.0), None, 0) for step in (0, 10)]
    chart = stability.diagnosis_figures(diagnoses, np.array([0.0, 0.1]))[0][1]
    np.testing.assert_array_equal(chart.data[1].y, [np.nan, 20.0])


@pytest.mark.parametrize(
    ("sharpness", "words"),
    [
        (
            4.0,
            "The rate stays below 2 / sharpness at every point: plain gradient descent would be stable here. At the "
            "end the sharpness is **4**, so rates up to **0.5** are stable; the rate is **0.3**.",
        ),
        (
            0.0,
            "The rate stays below 2 / sharpness at every point: plain gradient descent would be stable here. At the "
            "end the sharpness is **0**, so every rate is stable; the rate is **0.3**.",
        ),
        (
            np.nan,
            "At 1 of 2 points, first at step 10, the loss is not finite. At the end the loss has no sharpness to "
            "compare the rate of **0.3** with.",
        ),
    ],
)
def test_no_rate_is_called_stable_where_the_loss_is_not_finite(sharpness: float, words: str) -> None:
    diagnoses = [Diagnosis(step, value, (1.0, 1.0), None, 0) for step, value in ((0, 4.0), (10, sharpness))]
    assert stability.verdict("sgd", diagnoses, np.array([0.3, 0.3])) == words


def test_a_measurement_can_be_cancelled(service: Service, stopped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs()
    monkeypatch.setattr(service, "jobs", jobs)
    page = opened(stopped)
    button(page, "Measure").click().run()
    assert "Measure" not in labels(page)
    button(page, "Cancel").click().run()
    assert not service.diagnoses(stopped).status().started
    assert button(page, "Measure") and "Cancel" not in labels(page)
    jobs.close()


def test_after_stop_measure_resume_the_diagnosis_is_of_the_whole_run(service: Service, stopped: str) -> None:
    measured(stopped)
    service.command(stopped, "resume")
    wait_for(lambda: service.run(stopped).state == "finished")
    page = opened(stopped)
    assert "At the end the sharpness is" not in text(page)
    assert "Replays the run and measures it at 41 points" in text(page)


def test_stability_and_landscape_say_one_sharpness_of_one_network(service: Service) -> None:
    config = RunConfig(optimizer="sgd", lr=0.1, epochs=1, validation_split=0.95, device="cpu")
    run_id = service.submit(config)
    wait_for_runs(service, [run_id])
    last = service.diagnoses(run_id).wait()[-1]
    on_plane = sharpness.measure(items.pinned(f"run:{run_id}"), last.step, config.loss)
    # Another process may add in another order: the last bits of a float32.
    assert on_plane.value == pytest.approx(last.sharpness, rel=1e-5)
    assert f"{on_plane.value:.3g}" in text(measured(run_id))
