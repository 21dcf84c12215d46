"""The parameters that runs went through, replayed in a process of their own and kept beside the runs' files.

``python -m core.runs.trajectories`` is that process: it reads one job as a JSON line from stdin and writes lines with
``{"progress": share}`` to stdout.
"""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as write_tensors

from core import devices
from core.files import write_atomically
from core.models.checkpoints import CheckpointError, load_checkpoint, load_parameters
from core.paths import ROOT
from core.runs import run_files
from core.runs.history import History
from core.runs.store import Run
from core.training.config import RunConfig
from core.training.network import to_flat
from core.training.replay import points, replay


@dataclass(frozen=True)
class Trajectory:
    """Where the replay of a run stands.

    Args:
        state: ``working``, ``ready`` or ``failed``.
        progress: from 0 to 1.
        message: one sentence where it failed, or where the replay is not the run bit for bit; else "".
        path: when ready, a safetensors file with ``steps`` (k,) int64, ascending, and ``parameters``
            (k, 101770) float32, the last row being those that the run ended with.
    """

    state: str
    progress: float
    message: str = ""
    path: Path | None = None

    def load(self) -> tuple[torch.Tensor, torch.Tensor]:
        """``steps`` and ``parameters`` of a ready one."""
        assert self.path is not None
        tensors = load_file(self.path)
        return tensors["steps"], tensors["parameters"]

    def nearest(self, step: int) -> tuple[int, torch.Tensor]:
        """Of a ready one, the point nearest to ``step``: its step and its (101770,) parameters, read alone."""
        assert self.path is not None
        with safe_open(self.path, "pt") as file:
            steps = file.get_tensor("steps")
            row = int((steps - step).abs().argmin())
            return int(steps[row]), file.get_slice("parameters")[row]


class Trajectories:
    """All replays of a lab: one at a time, the others wait.

    Args:
        threads: of the CPU, for runs of which it is not known with how many they were trained.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._known: dict[Path, Trajectory] = {}
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def get(self, run: Run, history: History, folder: Path) -> Trajectory:
        """The run's trajectory; replayed from now on, if it was not before.

        Args:
            history: of all that was recorded of the run.
            folder: of the run's files.
        """
        end = history.step
        if run.state in ("queued", "running"):
            return Trajectory(
                "failed", 0.0, f"Run #{run.number} is still training; its path can be replayed when it ends."
            )
        if end == 0 or run.started is None:
            return Trajectory("failed", 0.0, f"Run #{run.number} has not taken a step.")
        path = folder / f"trajectory-{end}.safetensors"
        with self._lock:
            if path not in self._known:
                if path.exists():
                    self._known[path] = Trajectory("ready", 1.0, _told(path), path)
                else:
                    self._known[path] = Trajectory("working", 0.0)
                    job = {
                        "config": run.config.to_dict(),
                        "plan": history.plan,
                        "end": end,
                        "folder": str(folder),
                        "path": str(path),
                        "threads": run.environment.get("threads", self._threads),
                    }
                    threading.Thread(target=self._replay, args=(path, job), daemon=True).start()
            found = self._known[path]
            if found.state == "failed":
                # Told once; asked again, it is tried again.
                del self._known[path]
            return found

    def close(self) -> None:
        """End the replay that is under way."""
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()

    def _replay(self, path: Path, job: dict[str, Any]) -> None:
        with self._turn:
            with self._lock:
                if self._closed:
                    return
                self._process = process = subprocess.Popen(
                    [sys.executable, "-m", __name__],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                )
            assert process.stdin is not None
            assert process.stdout is not None
            last: dict[str, Any] = {}
            with process.stdin as sink, process.stdout as lines:
                sink.write(json.dumps(job) + "\n")
                sink.close()
                for line in lines:
                    last = json.loads(line)
                    with self._lock:
                        self._known[path] = Trajectory("working", last.get("progress", 0.0))
            process.wait()
        ready = process.returncode == 0 and path.exists()
        message = last.get("message") or ("" if ready else "The replay's process ended before it was done.")
        with self._lock:
            self._known[path] = Trajectory("ready", 1.0, message, path) if ready else Trajectory("failed", 0.0, message)


def _told(path: Path) -> str:
    with safe_open(path, "pt") as file:
        return str((file.metadata() or {}).get("message", ""))


def main() -> None:
    """Do one job: replay the run, write the file."""
    job = json.loads(sys.stdin.readline())
    devices.prepare_cpu(job["threads"])
    config, folder = RunConfig.from_dict(job["config"]), Path(job["folder"])
    try:
        start = load_checkpoint(folder / run_files.START).state if (folder / run_files.START).exists() else None
        steps = points(config.span, job["end"], start["step"] if start else 0)
        rows = []
        for step, row in replay(config, steps, job["plan"], start):
            rows.append(row)
            _say({"progress": step / job["end"]})
        tensors = {"steps": torch.tensor(steps), "parameters": torch.stack(rows)}
        message = _difference(rows[-1], folder / run_files.PARAMETERS)
        write_atomically(Path(job["path"]), write_tensors(tensors, {"message": message}))
        _say({"progress": 1.0, "message": message})
    except (ValueError, OSError) as error:
        _say({"message": f"The run could not be replayed: {error}"})
        sys.exit(1)


def _difference(last: torch.Tensor, parameters: Path) -> str:
    """A sentence where the replay did not end in the very parameters that the run saved."""
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


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
