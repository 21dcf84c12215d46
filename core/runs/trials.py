"""Trials of remedies in a process of its own, when somebody looks at the findings of a run.

``python -m core.runs.trials`` is the process. Outcomes are kept while the server lives.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from core import devices
from core.analysis import trials
from core.analysis.trials import Outcome, Trial, try_out
from core.jobs import Job, Jobs, Kind, Report
from core.jobs.process import run_module, serve

#: Half a minute: the page that waits for them asks twice a second.
TRIALS = Kind("trials", patience=30.0, remembered=256)

Outcomes = tuple[Outcome, ...]


def trials_job(jobs: Jobs, requested: Sequence[Trial]) -> Job[Outcomes]:
    """Return the job that takes the trials, in their order."""

    def work(report: Report[Outcomes]) -> Outcomes:
        made: list[Outcome] = []
        with run_module(__name__, {"trials": [trial.to_dict() for trial in requested]}, report) as messages:
            for message in messages:
                made.append(Outcome(**message))
                report(f"Tried {len(made)} of {len(requested)} settings", len(made) / len(requested))
        return tuple(made)

    return jobs.get(TRIALS, trials.key(requested), work)


def _try(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    # One thread: a trial is short, and runs train beside it.
    devices.prepare_cpu(1)
    for trial in values["trials"]:
        yield try_out(Trial.from_dict(trial)).to_dict()


if __name__ == "__main__":
    serve(_try)
