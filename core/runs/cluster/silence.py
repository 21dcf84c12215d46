"""Silence of a worker: how the driver notices that a node is cut off, which no broken connection tells it of."""

from collections.abc import Mapping
from typing import Any

import ray

#: Between two rounds of questions.
ROUND_SECONDS = 0.5
#: A worker that has left a question open for so many rounds is given up, 3.5 to 4 seconds after it could last answer,
#: so that its run is back in the queue within 5. A busy machine answers in time: questions have a thread of their own
#: in the worker, which computes nothing and waits neither for a training step (compiled code and torch's own hold no
#: lock of Python) nor for a file on its way. At load 30 on 2 cores, steps being compiled, none was open for more than
#: 3 rounds. Rounds are counted instead of seconds, so that a driver that was held up itself, alone or with the whole
#: machine, does not take its own silence for that of others. To give up one that was only slow costs time, and
#: one of the run's ``scheduler.RETRIES``: it goes on from its last checkpoint. It comes before
#: ``scheduler.STALLED_SECONDS``, after which a run is shown as stalled.
ROUNDS = 7


class Silence:
    """The questions to all workers of a driver, and for how many rounds each has left one open."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Any, int]] = {}

    def ask(self, actors: Mapping[int, Any]) -> list[int]:
        """Ask each actor, by number, that has answered the last question; one round.

        Returns:
            The numbers of those that have been silent for ``ROUNDS`` rounds.
        """
        questions = [self._open[number][0] for number in actors.keys() & self._open.keys()]
        # An actor that has ended has answered too: its keeper notices the end.
        answered = set(ray.wait(questions, num_returns=len(questions), timeout=0)[0]) if questions else set()
        still_open = {}
        for number, actor in actors.items():
            question, rounds = self._open.get(number, (None, 0))
            if question is None or question in answered:
                question, rounds = actor.answer.options(concurrency_group="alive").remote(), 0
            still_open[number] = question, rounds + 1
        self._open = still_open
        return [number for number, (_, rounds) in still_open.items() if rounds > ROUNDS]
