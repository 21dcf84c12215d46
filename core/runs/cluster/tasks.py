"""Processes of jobs in the driver: each in an actor that reserves nothing, beside the workers of its node."""

import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import ray

from core.runs.cluster import connection, settings
from core.runs.cluster.frames import Files, Message
from core.runs.cluster.task_actor import TaskActor

log = logging.getLogger(__name__)

#: ``end`` is heard while ``take`` waits.
Remote = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, max_concurrency=2)(TaskActor)
#: An actor that has not answered for so long is given up; its first answer takes as long as its start.
SILENT_SECONDS = 60.0


class Tasks:
    """The processes under way.

    Args:
        send: sends a message and its files to the server.
    """

    def __init__(self, send: Callable[[Message, Files], None]) -> None:
        self._send, self._version = send, settings.version()
        self._turn = itertools.count()
        self._actors: dict[int, Any] = {}

    def handle(self, message: Message, files: Files, nodes: Mapping[str, dict[str, Any]]) -> None:
        """Start a process, or end one. It is lost at once where there is no node for it.

        Args:
            message: of the server, as the driver describes it.
            nodes: the cluster's, by id.
        """
        number = message["task"]
        if "kill" in message:
            if (actor := self._actors.pop(number, None)) is not None:
                actor.end.remote()
            return
        able = [node for node in nodes.values() if connection.count(node, "CPU") or connection.count(node, "GPU")]
        # The node that trained the run gives the same bits.
        same = [node for node in able if connection.name(node) == message["request"].get("node")]
        if not (able := same or able):
            self._send({"task": number, "lost": True}, {})
            return
        node = able[next(self._turn) % len(able)]
        actor = Remote.options(scheduling_strategy=connection.on(node["NodeID"])).remote(
            self._version, message["module"], message["request"], files, message["made"]
        )
        # Here, not in the thread: a message that ends it may be the next one.
        self._actors[number] = actor
        threading.Thread(target=self._follow, args=(number, actor), daemon=True).start()

    def _follow(self, number: int, actor: Any) -> None:
        """Pass on what the process says until it ends."""
        ended = False
        try:
            while not ended:
                for message, files in ray.get(actor.take.remote(), timeout=SILENT_SECONDS):
                    self._send({"task": number, **message}, files)
                    ended = "ended" in message
        except ray.exceptions.RayError as error:
            if number in self._actors:
                log.warning("the process of a job is lost: %s", connection.reason(error))
            self._send({"task": number, "lost": True}, {})
        finally:
            self._actors.pop(number, None)
            ray.kill(actor)
