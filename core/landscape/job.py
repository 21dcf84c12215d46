"""The job that computes a study in the background and keeps its result as a file."""

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from core import devices
from core.data import Mnist
from core.jobs import Job, Jobs, Kind, Report
from core.landscape import result_file, surface_process
from core.landscape.grid import Tick
from core.landscape.study import Result, Study, Track, compute
from core.landscape.surface_process import THREADS

#: A study has a new key with every change of a control, so one that is no longer looked at is dropped soon.
LANDSCAPES = Kind("landscapes", patience=20.0, remembered=8)

#: Loads a study's tracks and calls the tick with the share done. Raises ValueError with a sentence if it cannot.
Gather = Callable[[Study, Tick], Sequence[Track]]


def landscape_job(jobs: Jobs, study: Study, folder: Path, gather: Gather, mnist: Callable[[], Mnist]) -> Job[Result]:
    """Return the job of a study; done from the beginning where its file is there.

    Args:
        folder: of the results; made with the first one.
        gather, mnist: called in the job's thread.
    """
    path = folder / f"{study.key}.npz"

    def work(report: Report[Result]) -> Result:
        # On this machine in a thread of the server, not in a process: torch lets go of Python while it computes, so a
        # page's script beside it was slowed by 1.2, beside a process by 2.2, and nothing has to be started or copied.
        # With one torch thread, since torch's own wait for each other at every step beside runs that train
        # (benchmarks/LOG.md).
        devices.prepare_cpu(1)
        stage = "Replaying the runs"
        report(stage)
        tracks = gather(study, lambda share: report(stage, share))
        stage = "Computing the loss"

        def tick(share: float) -> None:
            report(stage, share)

        surface = partial(surface_process.surface, report, study, tick) if report.elsewhere else None
        for result in compute(study, tracks, mnist(), tick, THREADS, surface):
            if not result.done:
                report(stage, 0.0, result)
        # A full disk costs the next visitor the computation, not this one the picture.
        with contextlib.suppress(OSError):
            result_file.save(result, path)
        return result

    return jobs.get(LANDSCAPES, path, work, lambda: result_file.load(path))
