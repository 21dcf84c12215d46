"""The benchmark of a thousand runs: its players, and what it makes of the times."""

import math

import pytest

from benchmarks import playing, thousand
from core.training.config import RunConfig
from tests.waiting import wait_for

SCRIPT = [{"run": "played", "event": {"event": kind}} for kind in ("RunStarted", "StepsDone", "RunFinished")]


class Runs:
    """The scheduler's side: gives each worker that is free the next run, and records what comes of it."""

    def __init__(self, count):
        self.messages, self.players = [], playing.Players(count, SCRIPT, self.record, lambda: None, lambda run: None)
        self._next = iter(range(1000))
        for _ in range(count):
            self.give()

    def give(self):
        self.players.give({"run": str(next(self._next)), "config": {}})

    def record(self, message):
        self.messages.append(message)
        if message["event"]["event"] == "RunFinished":
            self.players.free(message["run"])
            self.give()


@pytest.fixture(autouse=True)
def untimed(monkeypatch):
    """Leave the store and the feed of other tests as they are."""
    for target, name in ((playing.Store, "_execute"), (playing.feed, "message")):
        monkeypatch.setattr(target, name, getattr(target, name))
    for name in ("order", "take", "put"):
        monkeypatch.setattr(playing.FairQueue, name, getattr(playing.FairQueue, name))


def test_players_play_each_run_whole_and_in_order():
    runs = Runs(5)
    runs.players.start()
    runs.players.rate = 2000.0
    wait_for(lambda: runs.players.ended > 10)
    runs.players.close()
    by_run = {}
    for message in runs.messages:
        by_run.setdefault(message["run"], []).append(message["event"]["event"])
    whole = [message["event"]["event"] for message in SCRIPT]
    assert all(kinds == whole[: len(kinds)] for kinds in by_run.values())
    assert sum(kinds == whole for kinds in by_run.values()) == runs.players.ended


def test_an_event_has_the_lag_of_the_first_frame_that_has_it_or_a_later_one():
    due = {"a": {"1": 10.0, "2": 10.5, "3": 11.0}, "b": {"0": 10.0}, "not followed": {"0": 10.0}}
    arrivals = {"a": [(0, 9.0), (2, 10.75)], "b": []}
    assert sorted(thousand.lags(due, arrivals)) == [0.25, 0.75, math.inf, math.inf]


@pytest.mark.slow
def test_the_run_that_is_played_is_a_whole_one():
    messages, seconds = playing.record(RunConfig(epochs=1, validation_split=0.9, device="cpu"))
    kinds = [message["event"]["event"] for message in messages if "event" in message]
    assert kinds[0] == "RunStarted" and kinds[-1] == "RunFinished" and "StepsDone" in kinds
    assert "environment" in messages[0] and seconds > 0
