from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.jobs import Jobs
from core.runs import trajectories
from core.runs.replay_request import ReplayRequest
from core.runs.store import Run, Store
from core.runs.trajectories import Trajectory, trajectory_job
from core.training.config import RunConfig
from core.training.network import Network, to_flat

CONFIG = RunConfig(optimizer="sgd", lr=0.1, epochs=2, batch_size=100, validation_split=0.99, device="cpu")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that was stopped after nine of its twelve steps."""
    store = Store(tmp_path / "lab.sqlite")
    store.add("r", CONFIG, 0.0, "stopped")
    found = store.run("r")
    store.close()
    assert found
    return replace(found, started=1.0, step=9)


def rate(step: int, value: float) -> dict[str, object]:
    return {"event": "CommandApplied", "command": "learning_rate", "step": step, "value": value}


@pytest.mark.parametrize(("asked", "found"), [(0, 0), (4, 0), (6, 10), (10, 10), (99, 30)])
def test_the_nearest_point_is_read_alone(tmp_path: Path, asked: int, found: int) -> None:
    steps, rows = torch.tensor([0, 10, 30]), torch.arange(15.0).view(3, 5)
    save_file({"steps": steps, "parameters": rows}, tmp_path / "some.safetensors")
    step, row = Trajectory(tmp_path / "some.safetensors").nearest(asked)
    assert step == found and torch.equal(row, rows[steps.tolist().index(found)])


def test_a_request_names_all_that_a_replay_depends_on(run: Run, tmp_path: Path) -> None:
    def name(run: Run, *events: dict[str, object]) -> str:
        return ReplayRequest.of(run, events, tmp_path, 1).name

    assert name(run) == "9" and name(replace(run, step=12)) == "12"
    # A diverged run ends where it went back to.
    assert name(run, {"event": "RunFinished", "step": 4}) == "4"
    resumed = {"event": "Resumed", "step": 8, "epoch": 1}
    assert name(run, {"event": "RunFinished", "step": 4}, resumed) == "9"
    # The same end by another rate is another path, and a rate that a resume made void is none.
    assert len({name(run), name(run, rate(3, 0.2)), name(run, rate(3, 0.3)), name(run, rate(4, 0.2))}) == 4
    assert name(run, rate(8, 0.2), resumed) == "9"
    request = ReplayRequest.of(run, [rate(3, 0.2)], tmp_path, 1)
    assert ReplayRequest.from_dict(request.to_dict()) == request


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": "running"}, "Run #1 is still training; it can be replayed when it ends."),
        ({"state": "queued"}, "Run #1 is still training; it can be replayed when it ends."),
        ({"step": 0}, "Run #1 has not taken a step."),
    ],
)
def test_a_run_that_cannot_be_replayed_gets_one_sentence(run: Run, changes: dict, sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        ReplayRequest.of(replace(run, **changes), [], Path(), 1)
    assert str(error.value) == sentence


def test_a_trajectory_is_made_once_and_kept_beside_the_runs_files(run: Run, tmp_path: Path) -> None:
    request = ReplayRequest.of(run, [], tmp_path, 1)
    jobs = Jobs()
    job = trajectory_job(jobs, request)
    shares = []
    made = job.wait(lambda status: shares.append(status.share), pause=0.01)
    assert made.path == tmp_path / "trajectory-9.safetensors" and made.message == ""
    assert shares == sorted(shares)
    steps, points = made.load()
    assert steps[0] == 0 and steps[-1] == 9 and torch.equal(points[0], to_flat(Network(CONFIG.seed)))
    jobs.close()
    assert trajectory_job(Jobs(), request).status().result == made


def test_a_replay_that_fails_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "start.safetensors").write_bytes(b"damaged")
    jobs = Jobs()
    with pytest.raises(ValueError, match=r"The run could not be replayed: "):
        trajectory_job(jobs, ReplayRequest.of(run, [], tmp_path, 1)).wait()
    jobs.close()


def test_a_replay_does_not_bring_back_the_folder_of_a_run_that_was_deleted_meanwhile(run: Run, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(ValueError, match=r"its folder is gone; it may have been deleted\.$"):
        list(trajectories._replay(ReplayRequest.of(run, [], gone, 1).to_dict()))
    assert not gone.exists()
