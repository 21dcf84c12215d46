"""The parameters that a run went through, replayed in a process of its own and kept beside the run's files.

``python -m core.runs.trajectories`` is that process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as write_tensors

from core import devices
from core.files import write_atomically
from core.jobs import Job, Jobs, Kind, Report
from core.jobs.process import Files, run_module, serve
from core.models.checkpoints import CheckpointError, load_parameters
from core.runs import run_files
from core.runs.replay_request import ReplayRequest
from core.training.network import to_flat
from core.training.replay import points, replay

#: Two minutes: a replay takes as long as its run, and people look at another page meanwhile. The results are on disk.
REPLAYS = Kind("replays", patience=120.0, remembered=100)


@dataclass(frozen=True)
class Trajectory:
    """The replay of a run, in a file.

    Args:
        path: a safetensors file with ``steps`` (k,) int64, ascending, and ``parameters`` (k, 101770) float32, the last
            row being those that the run ended with.
        message: one sentence where the replay is not the run bit for bit; else "".
    """

    path: Path
    message: str = ""

    def load(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Read ``steps`` and ``parameters``."""
        tensors = load_file(self.path)
        return tensors["steps"], tensors["parameters"]

    def nearest(self, step: int) -> tuple[int, torch.Tensor]:
        """Return the point nearest to ``step``: its step and its (101770,) parameters, read alone."""
        with safe_open(self.path, "pt") as file:
            steps = file.get_tensor("steps")
            row = int((steps - step).abs().argmin())
            return int(steps[row]), file.get_slice("parameters")[row]


def trajectory_job(jobs: Jobs, request: ReplayRequest) -> Job[Trajectory]:
    """Return the job that replays a run; done from the beginning where its file is there."""
    path = _path(request)
    files = Files((run_files.START, run_files.PARAMETERS), (path.name,))

    def work(report: Report[Trajectory]) -> Trajectory:
        with run_module(__name__, request.to_dict(), report, files) as messages:
            for message in messages:
                report("Replaying the run, once", message["share"])
        if (trajectory := _saved(path)) is None:
            raise ValueError("The run's folder is gone; it may have been deleted.")
        return trajectory

    return jobs.get(REPLAYS, path, work, lambda: _saved(path))


def _path(request: ReplayRequest) -> Path:
    return request.folder / f"trajectory-{request.name}.safetensors"


def _saved(path: Path) -> Trajectory | None:
    if not path.exists():
        return None
    with safe_open(path, "pt") as file:
        return Trajectory(path, str((file.metadata() or {}).get("message", "")))


def _replay(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Replay the run and write the file."""
    request = ReplayRequest.from_dict(values)
    devices.prepare_cpu(request.threads)
    try:
        start = request.start()
        steps = points(request.config.span, request.end, start["step"] if start else 0)
        rows = []
        for step, row in replay(request.config, steps, request.plan, start):
            rows.append(row)
            yield {"share": step / request.end}
        tensors = {"steps": torch.tensor(steps), "parameters": torch.stack(rows)}
        message = _difference(rows[-1], request.folder / run_files.PARAMETERS)
        if not request.folder.is_dir():
            # To write would make it again, and nothing would ever remove it.
            raise ValueError("its folder is gone; it may have been deleted.")
        write_atomically(_path(request), write_tensors(tensors, {"message": message}))
    except (ValueError, OSError) as error:
        raise ValueError(f"The run could not be replayed: {error}") from None


def _difference(last: torch.Tensor, parameters: Path) -> str:
    """Return a sentence where the replay did not end in the very parameters that the run saved."""
    try:
        saved = to_flat(load_parameters(parameters)[0])
    except CheckpointError:
        return ""
    if torch.equal(saved, last):
        return ""
    apart = float((saved - last).norm() / saved.norm())
    return (
        f"The replay is not the run bit for bit: it ends {apart:.1e} of the weights' length away from what was saved."
    )


if __name__ == "__main__":
    serve(_replay)
