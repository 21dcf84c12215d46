"""The pool against a driver that the tests play: what it sends, writes and drops."""

import errno
import sys

import pytest

from core.runs import branching, run_files
from core.runs.cluster.pool import ClusterPool
from core.runs.workers import Worker, Workers
from tests.waiting import wait_for

DRIVER = """
import sys
from core.runs.cluster import frames
from core.runs.cluster.frames import Channel
channel, source = Channel(sys.stdout.buffer), sys.stdin.buffer
def receive():
    frame = frames.read(source)
    if frame is None:
        sys.exit()
    return frame
channel.send({"connected": True})
channel.send({"worker": 7, "node": "there (10.0.0.7)", "gpu": False})
channel.send({"worker": 7, "ready": True})
"""


class Lab:
    """The scheduler's side: records the pool's calls."""

    def __init__(self):
        self.messages, self.lost, self.idle = [], [], []

    def pool(self, script, monkeypatch):
        monkeypatch.setenv("DESCENT_CLUSTER", "auto")
        made = ClusterPool(1, self.messages.append, lambda: self.idle.append(1), self.lost.append)
        made._command = [sys.executable, "-c", DRIVER + script]
        return made


@pytest.fixture
def lab():
    return Lab()


def give(pool, folder, run_id="abc"):
    wait_for(lambda: pool.idle)
    assert pool.give({"run": run_id, "config": {}, "folder": str(folder)})


def test_a_job_takes_along_what_the_run_goes_on_from_and_files_come_back(lab, monkeypatch, tmp_path):
    for name in (run_files.CHECKPOINT, run_files.PREVIOUS, run_files.PARAMETERS, "trajectory-5.safetensors"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / branching.FILES[0]).write_bytes(b"{}")
    script = """
job, files = receive()
channel.send({"worker": 7, "run": job["run"], "environment": {"got": sorted(files)}})
channel.send({"worker": 7, "run": job["run"], "event": {"event": "RunStarted"}})
done = {"event": "Checkpointed", "step": 3, "name": "checkpoint.safetensors"}
channel.send({"worker": 7, "run": job["run"], "event": done}, frames.seal({"checkpoint.safetensors": b"new"}))
channel.send({"worker": 7, "run": job["run"], "event": {"event": "RunFinished"}}, frames.seal({"../evil": b"x"}))
receive()
"""
    pool = lab.pool(script, monkeypatch)
    pool.start()
    give(pool, tmp_path)
    environment, started, checkpointed, finished = wait_for(lambda: lab.messages, lambda told: len(told) == 4)
    assert started["event"]["node"] == "there (10.0.0.7)"
    assert environment["environment"] == {
        "node": "there (10.0.0.7)",
        "got": [branching.FILES[0], run_files.PREVIOUS, run_files.CHECKPOINT],
    }
    assert checkpointed["event"]["step"] == 3 and finished["event"] == {"event": "RunFinished"}
    assert (tmp_path / run_files.CHECKPOINT).read_bytes() == b"new"
    assert (tmp_path / run_files.PREVIOUS).read_bytes() == run_files.CHECKPOINT.encode()
    assert not (tmp_path.parent / "evil").exists()
    pool.close()


def test_a_file_that_was_damaged_on_its_way_is_not_written_and_the_run_says_so(lab, monkeypatch, tmp_path):
    script = """
job, files = receive()
for name in ("checkpoint.safetensors", "parameters.safetensors"):
    event = {"event": "Checkpointed", "step": 3, "name": name}
    channel.send({"worker": 7, "run": "abc", "event": event}, {name: (b"other", "no digest of it")})
receive()
"""
    pool = lab.pool(script, monkeypatch)
    pool.start()
    give(pool, tmp_path)
    trouble, failed = wait_for(lambda: lab.messages, lambda told: len(told) == 2)
    sentence = "The file {0} could not be written: The file {0} was damaged on its way between two machines."
    assert trouble == {"run": "abc", "trouble": sentence.format("checkpoint.safetensors")}
    assert failed == {"run": "abc", "failed": sentence.format("parameters.safetensors")}
    assert list(tmp_path.iterdir()) == []
    pool.close()


ENDS = """
job, files = receive()
name = "parameters.safetensors"
event = {"event": "Checkpointed", "step": 3, "name": name}
channel.send({"worker": 7, "run": "abc", "event": event}, frames.seal({name: b"new"}))
receive()
"""


@pytest.fixture
def full(monkeypatch):
    """A disk that has no room while this list has something in it."""
    state, receive = ["full"], run_files.receive

    def refuse(folder, name, content):
        if state:
            raise OSError(errno.ENOSPC, "No space left on device")
        receive(folder, name, content)

    monkeypatch.setattr(run_files, "receive", refuse)
    monkeypatch.setattr(run_files, "ROOM_PAUSE_SECONDS", 0.01)
    return state


@pytest.fixture
def waiting(lab, monkeypatch, tmp_path, full):
    """A pool whose run waits for room."""
    pool = lab.pool(ENDS, monkeypatch)
    pool.start()
    give(pool, tmp_path)
    wait_for(lambda: lab.messages)
    return pool


def test_the_end_of_a_run_waits_for_room_on_the_labs_disk(lab, waiting, tmp_path, full):
    (waits,) = lab.messages
    assert waits == {
        "run": "abc",
        "waits": "The run's files could not be written: No space left on device. "
        "The run waits for room on the lab's disk; Stop gives up waiting.",
    }
    full.clear()
    _, ended = wait_for(lambda: lab.messages, lambda told: len(told) == 2)
    assert ended["event"]["name"] == run_files.PARAMETERS
    assert (tmp_path / run_files.PARAMETERS).read_bytes() == b"new"
    waiting.close()


def test_stop_gives_up_waiting_for_room_on_the_labs_disk(lab, waiting):
    waiting.command("abc", "stop")
    _, failed = wait_for(lambda: lab.messages, lambda told: len(told) == 2)
    assert failed == {
        "run": "abc",
        "failed": "The file parameters.safetensors could not be written: No space left on device.",
    }
    waiting.close()


def test_a_lab_that_ends_is_not_held_up_by_a_run_that_waits_for_room(lab, waiting):
    waiting.close()
    assert len(lab.messages) == 1 and lab.lost == ["abc"]


def test_a_lost_worker_gives_its_run_back_and_late_messages_of_others_are_dropped(lab, monkeypatch, tmp_path):
    script = """
job, files = receive()
channel.send({"worker": 7, "run": "another", "event": {"event": "StepsDone"}})
channel.send({"worker": 7, "run": "abc", "event": {"event": "StepsDone"}})
channel.send({"worker": 7, "lost": True})
channel.send({"worker": 7, "run": "abc", "event": {"event": "StepsDone"}})
channel.send({"worker": 8, "node": "there (10.0.0.7)", "gpu": False})
channel.send({"worker": 8, "ready": True})
receive()
"""
    pool = lab.pool(script, monkeypatch)
    pool.start()
    give(pool, tmp_path)
    assert wait_for(lambda: lab.lost) == ["abc"]
    assert lab.messages == [{"run": "abc", "event": {"event": "StepsDone"}}]
    wait_for(lambda: pool.idle)
    assert lab.messages == [{"run": "abc", "event": {"event": "StepsDone"}}]
    # By the same driver, which such a message does not end.
    assert [worker.number for worker in pool._workers] == [8] and pool.silence() == {}
    pool.close()


def test_a_driver_that_ends_is_replaced_and_its_runs_come_back(lab, monkeypatch, tmp_path):
    pool = lab.pool("job, files = receive()", monkeypatch)
    pool.start()
    give(pool, tmp_path)
    assert wait_for(lambda: lab.lost) == ["abc"]
    wait_for(lambda: pool.idle)
    assert len(lab.idle) == 2
    pool.close()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ('channel.send({"refused": "No such cluster."})', r"^No such cluster\.$"),
        ("", r"^The process that joins the Ray cluster ended before it had; its log is above\.$"),
    ],
)
def test_a_cluster_that_cannot_be_joined_is_a_sentence(lab, monkeypatch, answer, sentence):
    pool = lab.pool("", monkeypatch)
    pool._command[-1] = DRIVER.partition('channel.send({"connected"')[0] + answer
    with pytest.raises(ValueError, match=sentence):
        pool.start()


class Plain(Worker):
    def __init__(self, gpu):
        super().__init__(gpu)
        self.ready, self.jobs = True, []

    def send(self, message):
        self.jobs.append(message)


def test_a_run_that_asks_for_a_gpu_waits_for_one_and_others_leave_it_free():
    workers = Workers(lambda message: None, lambda: None, lambda run_id: None)
    cpu, gpu = Plain(False), Plain(True)
    workers._workers = [gpu, cpu]
    assert workers.give({"run": "a", "config": {"device": "cpu"}}) and cpu.run_id == "a"
    assert workers.give({"run": "b", "config": {"device": "cuda"}}) and gpu.run_id == "b"
    workers.free("a")
    assert not workers.give({"run": "c", "config": {"device": "cuda"}})
    assert workers.give({"run": "c", "config": {"device": "auto"}}) and cpu.run_id == "c"
    # Where no worker has a GPU, it fails on any with the sentence that says so.
    workers._workers = [Plain(False)]
    assert workers.give({"run": "d", "config": {"device": "cuda"}})
