from dataclasses import replace
from pathlib import Path

from core.analysis.diagnostics import diagnose_run
from core.jobs import Jobs, Status
from core.runs.diagnoses import Diagnoses, diagnosis_job
from core.runs.replay_request import ReplayRequest
from core.training.config import RunConfig

CONFIG = RunConfig(optimizer="sgd", lr=0.1, epochs=2, batch_size=100, validation_split=0.99, device="cpu")


def test_a_diagnosis_is_of_the_run_as_it_was_asked_for(tmp_path: Path) -> None:
    half = ReplayRequest("r", CONFIG, 9, (), tmp_path, 1)
    whole = replace(half, end=12)
    jobs = Jobs()
    job = diagnosis_job(jobs, half)
    seen: list[Status[Diagnoses]] = []
    made = job.wait(seen.append, pause=0.01)
    assert [d.step for d in made] == [0, 6, 9]
    shares = [status.share for status in seen]
    assert shares == sorted(shares)
    assert all(status.result is None or made[: len(status.result)] == status.result for status in seen)
    assert diagnosis_job(jobs, half) is job
    other = diagnosis_job(jobs, whole)
    assert other is not job
    assert other.wait() == tuple(diagnose_run(CONFIG, [0, 6, 12]))
    jobs.close()
