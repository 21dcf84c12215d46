"""Diagnoses of a run, made from a replay in a process of its own when someone asks for them.

From a replay, so that training is not slowed and old runs can be diagnosed too. ``python -m core.runs.diagnoses`` is
the process. Results are kept while the server lives.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from core import devices
from core.analysis.diagnostics import Diagnosis, diagnose_run, diagnosed_steps
from core.jobs import Job, Jobs, Kind, Report
from core.jobs.process import Files, run_module, serve
from core.runs import run_files
from core.runs.replay_request import ReplayRequest

#: Two minutes: a diagnosis takes longer than its run, and people look at another page meanwhile.
DIAGNOSES = Kind("diagnoses", patience=120.0, remembered=256)

Diagnoses = tuple[Diagnosis, ...]


def diagnosis_job(jobs: Jobs, request: ReplayRequest) -> Job[Diagnoses]:
    """Return the job that diagnoses a run at ``diagnosed_steps``; preliminary results are the diagnoses so far."""
    count = len(diagnosed_steps(request.config, request.end))

    def work(report: Report[Diagnoses]) -> Diagnoses:
        made: list[Diagnosis] = []
        with run_module(__name__, request.to_dict(), report, Files(needed=(run_files.START,))) as messages:
            for message in messages:
                made.append(_diagnosis(message))
                report(f"Measured {len(made)} of {count} points", len(made) / count, tuple(made))
        return tuple(made)

    return jobs.get(DIAGNOSES, (request.run_id, request.name), work)


def _diagnosis(values: dict[str, Any]) -> Diagnosis:
    """Make a diagnosis of its JSON, which has lists for tuples."""
    typed: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Diagnosis(**typed)


def _diagnose(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Replay the run and diagnose it."""
    request = ReplayRequest.from_dict(values)
    devices.prepare_cpu(request.threads)
    steps = diagnosed_steps(request.config, request.end)
    yield from map(asdict, diagnose_run(request.config, steps, request.plan, request.start()))


if __name__ == "__main__":
    serve(_diagnose)
