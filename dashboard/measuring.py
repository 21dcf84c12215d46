"""Diagnoses of runs, made in a process of their own when a person asks for them, and kept while the server lives."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from core.analysis.diagnostics import Diagnosis, looked_at
from core.paths import ROOT
from core.runs import run_files
from core.runs.store import Run
from dashboard import lab


@dataclass(frozen=True)
class Measurement:
    """Where the diagnosis of a run stands: what there is so far of ``of`` diagnoses; ``message`` says why it failed."""

    done: tuple[Diagnosis, ...]
    of: int
    over: bool = False
    message: str = ""


#: A run that was resumed has another end, and another diagnosis.
Key = tuple[str, int]
_known: dict[Key, Measurement] = {}
_turn = threading.Lock()


def get(run: Run) -> Measurement | None:
    """Diagnosis of a run up to its present end; None before it is requested."""
    return _known.get((run.id, run.step))


def ask(run: Run) -> None:
    """Diagnose a run that is over, unless that was asked before; one run at a time."""
    key = run.id, run.step
    if key in _known and not _known[key].message:
        return
    history = lab.service().history(run.id)
    steps = looked_at(run.config, history.step)
    parameters = lab.service().parameters_file(run.id)
    start = parameters.with_name(run_files.START) if parameters else None
    job = {
        "config": run.config.to_dict(),
        "end": history.step,
        "plan": history.plan,
        "start": str(start) if start and start.exists() else None,
        "threads": 1,
    }
    _known[key] = Measurement((), len(steps))
    threading.Thread(target=_measure, args=(key, json.dumps(job), len(steps)), daemon=True).start()


def _measure(key: Key, job: str, count: int) -> None:
    with _turn:
        process = subprocess.Popen(
            [sys.executable, "-m", "core.analysis.diagnostics"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        assert process.stdin is not None
        assert process.stdout is not None
        done: list[Diagnosis] = []
        with process.stdin as sink, process.stdout as lines:
            # Left open: the process ends with this one.
            sink.write(job + "\n")
            sink.flush()
            for line in lines:
                done.append(diagnosis(json.loads(line)))
                _known[key] = Measurement(tuple(done), count)
        failed = process.wait() != 0 or len(done) < count
        message = "The measurement's process ended before it was done; ask again to try again." if failed else ""
        _known[key] = Measurement(tuple(done), count, True, message)


def diagnosis(values: dict[str, Any]) -> Diagnosis:
    """Make a diagnosis of its JSON values, which have lists for tuples."""
    typed: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Diagnosis(**typed)
