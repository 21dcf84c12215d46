"""The driver's patience with its workers: for one that is silent, and for one that ends again and again."""

import io

import pytest

pytest.importorskip("ray", reason="pip install -r requirements-cluster.txt")

from core.runs.cluster import driver, silence
from core.runs.cluster.frames import Channel


class Actor:
    """An actor that answers each question so many rounds late; never if it is None."""

    def __init__(self, late):
        self.late, self.answer = late, self

    def options(self, concurrency_group):
        assert concurrency_group in driver.GROUPS
        return self

    def remote(self):
        return Question(self.late)


class Question:
    def __init__(self, late):
        self.late = late


@pytest.fixture
def rounds(monkeypatch):
    """Ask the actors so many times; gives those that are given up in each round."""

    def wait(questions, num_returns, timeout):
        for question in questions:
            if question.late is not None:
                question.late -= 1
        return [question for question in questions if question.late is not None and question.late <= 0], []

    monkeypatch.setattr(silence.ray, "wait", wait)
    asked = silence.Silence()
    return lambda actors, count: [asked.ask(actors) for _ in range(count)]


def test_a_worker_is_given_up_after_as_many_rounds_without_an_answer(rounds):
    silent, slow = Actor(None), Actor(silence.ROUNDS)
    assert rounds({1: silent, 2: slow}, silence.ROUNDS) == [[]] * silence.ROUNDS
    assert rounds({1: silent, 2: slow}, 1) == [[1]]
    # The slow one has answered just in time, again and again.
    assert rounds({2: slow}, 3 * silence.ROUNDS) == [[]] * 3 * silence.ROUNDS


def test_one_that_has_gone_is_asked_no_more(rounds):
    silent = Actor(None)
    rounds({1: silent}, silence.ROUNDS)
    assert rounds({}, 1) == [[]]
    assert rounds({1: silent}, silence.ROUNDS) == [[]] * silence.ROUNDS


@pytest.mark.parametrize(
    ("ready", "pauses"), [(True, [1.0, 1.0, 1.0, 1.0]), (False, [1.0, 2.0, 4.0, 8.0])], ids=["ready", "not ready"]
)
def test_the_pause_before_a_new_worker_grows_only_where_none_gets_ready(monkeypatch, ready, pauses):
    made = driver.Driver(Channel(io.BytesIO()))
    taken = []

    def use_one(number, node):
        if ready:
            made._ready.add(number)

    class Ending:
        def is_set(self):
            return len(taken) == len(pauses)

        def wait(self, seconds):
            taken.append(seconds)

    made._nodes, made._ending, made._use_one = {"n": {}}, Ending(), use_one
    made._keep({"NodeID": "n"})
    assert taken == pauses
