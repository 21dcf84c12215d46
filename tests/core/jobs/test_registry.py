import threading
from collections.abc import Callable, Iterator

import pytest

from core.jobs import Job, Jobs, Kind, Report, Status
from core.jobs.registry import WAITING
from tests.waiting import LIMIT, wait_for

KIND = Kind("tests", patience=20.0, remembered=2)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Iterator[Jobs]:
    registry = Jobs(clock)
    yield registry
    registry.close()


class Task:
    """Work that reports one step whenever it is let go on, and counts its attempts."""

    def __init__(self, failures: int = 0) -> None:
        self.attempts, self.failures = 0, failures
        self.go, self.reported = threading.Semaphore(0), threading.Semaphore(0)
        self.ended = threading.Event()

    def __call__(self, report: Report[str]) -> str:
        self.attempts += 1
        try:
            for share in (0.25, 0.5):
                assert self.go.acquire(timeout=LIMIT)
                report("Working", share, f"part {share}")
                self.reported.release()
            assert self.go.acquire(timeout=LIMIT)
            if self.attempts <= self.failures:
                raise ValueError(f"attempt must succeed, got attempt = {self.attempts}.")
            return "whole"
        finally:
            self.ended.set()

    def step(self) -> None:
        self.go.release()
        assert self.reported.acquire(timeout=LIMIT)

    def finish(self) -> None:
        for _ in range(3):
            self.go.release()


def until(job: Job[str], holds: Callable[[Status[str]], bool]) -> Status[str]:
    status: Status[str] = wait_for(job.status, holds)
    return status


def done(job: Job[str]) -> Status[str]:
    return until(job, lambda status: status.done)


def test_a_job_starts_when_it_is_started_and_its_progress_grows(jobs: Jobs) -> None:
    task = Task()
    job = jobs.get(KIND, "key", task)
    assert job.status() == job.status() and not job.status().started
    job.start()
    assert job.status().started and job.status().stage == WAITING
    shares = []
    for _ in range(2):
        task.step()
        status = job.status()
        shares.append(status.share)
        assert status.stage == "Working" and not status.done and status.result == f"part {status.share}"
    assert shares == [0.25, 0.5]
    task.finish()
    status = done(job)
    assert (status.result, status.share, status.stage, status.failure, status.revision) == ("whole", 1.0, "", "", 3)


def test_two_who_ask_share_one_job(jobs: Jobs) -> None:
    task = Task()
    first, second = jobs.get(KIND, "key", task), jobs.get(KIND, "key", Task())
    assert first is second
    first.start()
    second.start()
    task.finish()
    assert first.wait() == second.wait() == "whole" and task.attempts == 1
    assert jobs.get(KIND, "other", Task()) is not first
    assert jobs.get(Kind("others", 20.0, 2), "key", Task()) is not first


def test_a_failure_is_told_to_everybody_and_can_be_retried(jobs: Jobs) -> None:
    task = Task(failures=1)
    job = jobs.get(KIND, "key", task)
    job.start()
    task.finish()
    for _ in range(2):
        assert done(job).failure == "attempt must succeed, got attempt = 1."
        with pytest.raises(ValueError, match="attempt must succeed, got attempt = 1"):
            jobs.get(KIND, "key", task).wait()
    assert task.attempts == 1
    job.retry()
    job.retry()
    task.finish()
    assert job.wait() == "whole" and task.attempts == 2
    job.retry()
    assert done(job).result == "whole" and task.attempts == 2


def test_an_unexpected_error_is_one_sentence_and_the_next_job_goes_on(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(report: Report[str]) -> str:
        raise KeyError("secret")

    job = jobs.get(KIND, "broken", broken)
    job.start()
    assert done(job).failure == "An unexpected error ended this: KeyError."
    assert "secret" in caplog.text
    assert jobs.get(KIND, "next", lambda report: "whole").wait() == "whole"


def test_a_job_that_nobody_asks_for_is_dropped_and_can_be_started_again(jobs: Jobs, clock: Clock) -> None:
    task = Task()
    job = jobs.get(KIND, "key", task)
    job.start()
    task.step()
    clock.now += KIND.patience - 1
    job.status()
    clock.now += KIND.patience - 1
    task.step()
    clock.now += KIND.patience + 1
    waiting = jobs.get(KIND, "waiting", Task())
    waiting.start()
    waiting.cancel()
    task.go.release()
    # A result that is there in the end is kept, though nobody has asked.
    assert done(job).result == "whole"
    other = Task()
    dropped = jobs.get(KIND, "dropped", other)
    dropped.start()
    other.step()
    clock.now += KIND.patience + 1
    other.go.release()
    assert other.ended.wait(LIMIT)
    assert not until(dropped, lambda status: not status.started).done
    other.ended.clear()
    dropped.start()
    other.finish()
    assert done(dropped).result == "whole"


def test_cancel_calls_back_and_drops_what_was_reported(jobs: Jobs) -> None:
    cancelled = threading.Event()
    begun = threading.Event()

    def work(report: Report[str]) -> str:
        report.on_cancel(cancelled.set)
        begun.set()
        assert cancelled.wait(LIMIT)
        return "too late"

    job = jobs.get(KIND, "key", work)
    job.start()
    assert begun.wait(LIMIT)
    job.cancel()
    assert cancelled.is_set() and not job.status().started
    assert jobs.get(KIND, "next", lambda report: "whole").wait() == "whole"
    assert not job.status().started and job.status().result is None


def test_a_cancelled_job_that_waits_never_runs(jobs: Jobs) -> None:
    first, second = Task(), Task()
    jobs.get(KIND, "first", first).start()
    waiting = jobs.get(KIND, "second", second)
    waiting.start()
    waiting.cancel()
    first.finish()
    assert jobs.get(KIND, "third", lambda report: "whole").wait() == "whole"
    assert second.attempts == 0


def test_a_kept_result_is_done_from_the_beginning(jobs: Jobs) -> None:
    task = Task()
    job = jobs.get(KIND, "key", task, lambda: "kept")
    status = job.status()
    assert (status.started, status.done, status.result, status.revision) == (True, True, "kept", 1)
    assert job.wait() == "kept" and task.attempts == 0


def test_only_the_last_results_are_remembered_and_unstarted_jobs_go_first(jobs: Jobs, clock: Clock) -> None:
    kept: list[Job[str]] = []
    for key in range(4):
        clock.now += 1
        job: Job[str] = jobs.get(KIND, key, lambda report: "whole")
        if key < 2:
            job.wait()
        kept.append(job)
    again: list[Job[str]] = [jobs.get(KIND, key, lambda report: "whole") for key in (0, 1)]
    assert again == kept[:2]


def test_closing_cancels_all_and_starts_nothing_any_more(jobs: Jobs) -> None:
    task = Task()
    job = jobs.get(KIND, "key", task)
    job.start()
    task.step()
    task.go.release()
    jobs.close()
    assert task.ended.is_set()
    late = jobs.get(KIND, "late", Task())
    late.start()
    assert late.status().failure == "The lab is closing."
