"""The files that go with a worker's messages, without Ray."""

from core.runs import run_files
from core.runs.cluster import frames
from core.runs.cluster import outbox as outbox_module
from core.runs.cluster.outbox import Outbox


def sent(outbox):
    """The files of each message."""
    return [{name: frames.opened(name, file) for name, file in files.items()} for _, files in outbox.take()]


def checkpointed(name):
    return {"run": "abc", "event": {"event": "Checkpointed", "step": 1, "name": name}}


def test_a_file_goes_once_with_the_event_that_tells_of_it(tmp_path):
    outbox = Outbox()
    (tmp_path / run_files.CHECKPOINT).write_bytes(b"what the job brought")
    outbox.begin(tmp_path)
    (tmp_path / f".{run_files.CHECKPOINT}.new").write_bytes(b"first")
    outbox.send({"run": "abc", "event": {"event": "StepsDone"}})
    (tmp_path / f".{run_files.CHECKPOINT}.new").replace(tmp_path / run_files.CHECKPOINT)
    outbox.send({"run": "abc", "event": {"event": "EpochDone"}})
    outbox.send(checkpointed(run_files.CHECKPOINT))
    outbox.send(checkpointed(run_files.CHECKPOINT))
    assert sent(outbox) == [{}, {}, {run_files.CHECKPOINT: b"first"}, {}]


def test_the_best_parameters_go_with_the_next_message(tmp_path):
    outbox = Outbox()
    outbox.begin(tmp_path)
    for content in (b"one", b"two"):
        run_files.receive(tmp_path, run_files.BEST, content)
        outbox.send({"run": "abc", "event": {"event": "StepsDone"}})
        outbox.send({"run": "abc", "event": {"event": "StepsDone"}})
    assert sent(outbox) == [{run_files.BEST: b"one"}, {}, {run_files.BEST: b"two"}, {}]


def test_without_messages_it_answers_all_the_same(monkeypatch):
    monkeypatch.setattr(outbox_module, "ANSWER_SECONDS", 0.01)
    assert Outbox().take() == []
