"""The lab's process in a Ray cluster: ``python -m core.runs.cluster.driver ADDRESS SIZE``.

Ray ends a process that has missed the cluster's head for a minute, takes over its signals and writes into its output.
So this is not the lab's server but a process of its own, which the pool replaces when it ends. It keeps a worker on
each GPU of each node, or on each CPU of one without, and passes messages and files on, as frames on stdin and stdout:

    in   {"worker": number, ...}                 a job or a command, as core.runs.worker describes them
         {"worker": number, "kill": true}        end it at once
         {"task": number, "module": name, "request": {...}, "made": [name, ...]}    start a process of core.jobs
         {"task": number, "kill": true}          end it at once
    out  {"connected": true}, {"refused": reason}    first of all
         {"worker": number, "node": name, "gpu": true or false}    it is being started
         {"worker": number, ...}                 its messages, as core.runs.worker describes them
         {"worker": number, "lost": true}        it is no more; another one will have another number
         {"task": number, "said": {...}}         a message of a process; also "ended" with its status, or "lost"

The end of stdin means that the server is gone: the workers write checkpoints, and all ends.
"""

import contextlib
import itertools
import logging
import os
import sys
import threading
import time
from typing import IO, Any

import ray

from core.runs.cluster import connection, frames, settings
from core.runs.cluster.actor import Actor
from core.runs.cluster.frames import Channel
from core.runs.cluster.silence import ROUND_SECONDS, Silence
from core.runs.cluster.tasks import Tasks
from core.runs.workers import Message

log = logging.getLogger(__name__)

#: An actor that is lost is not started again by Ray, but another one by its keeper, with a name of its own. Its method
#: ``put`` keeps its order and is heard while ``take`` waits, and ``answer`` while files are on their way in either.
GROUPS = {"in": 1, "out": 1, "alive": 1}
Remote = ray.remote(max_restarts=0, max_task_retries=0, concurrency_groups=GROUPS)(Actor)
#: Between two looks at the cluster's nodes.
LOOK_SECONDS = 0.25
#: The pause before a worker is replaced. It doubles up to the longest where one after the other ends before it is
#: ready, as on a node that lacks a package. One that was ready has shown that its node can train.
RESTART_SECONDS, LONGEST_RESTART_SECONDS = 1.0, 32.0
#: What the workers have for their last checkpoints; the pool ends this process after three seconds.
END_SECONDS = 2.0


def main() -> None:
    channel = Channel(_claim_stdout())
    try:
        connection.connect(sys.argv[1], int(sys.argv[2]))
    except ValueError as error:
        channel.send({"refused": str(error)})
        return
    channel.send({"connected": True})
    driver = Driver(channel)
    threading.Thread(target=driver.listen, args=(sys.stdin.buffer,), daemon=True).start()
    threading.Thread(target=driver.watch, daemon=True).start()
    try:
        driver.follow()
    finally:
        driver.end()


class Driver:
    """The workers of a cluster.

    Args:
        channel: to the pool.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ending, self._version = threading.Event(), settings.version()
        self._nodes: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count()
        #: Over the workers and what is sent of each: nothing of one that is lost is sent any more.
        self._lock = threading.Lock()
        self._actors: dict[int, Any] = {}
        #: Those of them that have started, and all that have been ready for runs.
        self._started: set[int] = set()
        self._ready: set[int] = set()
        self._keepers: list[threading.Thread] = []
        self._tasks = Tasks(self._send)

    def listen(self, source: IO[bytes]) -> None:
        """Pass on what the pool sends, until it is gone."""
        while (frame := frames.read(source)) is not None:
            message, files = frame
            if "task" in message:
                self._tasks.handle(message, files, self._nodes)
                continue
            # Without one, the worker was lost while the message was on its way.
            if (actor := self._actors.get(message.pop("worker"))) is None:
                continue
            if "kill" in message:
                ray.kill(actor)
            else:
                _put(actor, message, files)
        self._ending.set()

    def follow(self) -> None:
        """Start workers on each node that joins, until the pool is gone."""
        while not self._ending.wait(LOOK_SECONDS):
            try:
                nodes = connection.nodes()
            except Exception:
                # The head may be back at the next look.
                log.exception("the nodes of the cluster could not be listed")
                continue
            new, self._nodes = nodes.keys() - self._nodes.keys(), nodes
            for node_id in new:
                for _ in range(connection.count(nodes[node_id], "GPU") or connection.count(nodes[node_id], "CPU")):
                    keeper = threading.Thread(target=self._keep, args=(nodes[node_id],), daemon=True)
                    self._keepers.append(keeper)
                    keeper.start()

    def watch(self) -> None:
        """Give up workers that no longer answer, until the pool is gone."""
        silence = Silence()
        while not self._ending.wait(ROUND_SECONDS):
            with self._lock:
                actors = {number: self._actors[number] for number in self._started}
            try:
                silent = silence.ask(actors)
            except Exception:
                # Without this thread a node that is cut off would keep its runs.
                log.exception("the workers could not be asked whether they are there")
                continue
            for number in silent:
                log.warning("worker %d does not answer, and is given up", number)
                self._lose(number)

    def end(self) -> None:
        """Let the workers write their checkpoints, and leave the cluster."""
        for actor in list(self._actors.values()):
            _put(actor, None, {})
        deadline = time.monotonic() + END_SECONDS
        for keeper in self._keepers:
            keeper.join(max(0.0, deadline - time.monotonic()))
        ray.shutdown()
        # Threads that wait for Ray may not hold this up.
        os._exit(0)

    def _keep(self, node: dict[str, Any]) -> None:
        """Keep one worker alive on a node, as long as there is that node."""
        pause = RESTART_SECONDS
        while not self._ending.is_set() and node["NodeID"] in self._nodes:
            number = next(self._numbers)
            try:
                self._use_one(number, node)
            except ray.exceptions.RayError as error:
                log.warning("a worker on %s is lost: %s", connection.name(node), connection.reason(error))
            finally:
                self._lose(number)
            self._ending.wait(pause)
            pause = RESTART_SECONDS if number in self._ready else min(2 * pause, LONGEST_RESTART_SECONDS)

    def _use_one(self, number: int, node: dict[str, Any]) -> None:
        """Start a worker and pass its messages on until it ends."""
        cpus, gpus = connection.count(node, "CPU"), connection.count(node, "GPU")
        threads = max(1, cpus // gpus) if gpus else 1
        place = {"num_gpus": 1, "num_cpus": 0} if gpus else {"num_cpus": 1}
        actor = Remote.options(**place, scheduling_strategy=connection.on(node["NodeID"])).remote(
            threads, self._version
        )
        with self._lock:
            self._actors[number] = actor
            self._send({"worker": number, "node": connection.name(node), "gpu": gpus > 0})
        while True:
            # The first answer takes as long as the actor's start, others as long as their files; ``watch`` notices a
            # worker that gives none.
            taken = ray.get(actor.take.options(concurrency_group="out").remote())
            with self._lock:
                # It may have been given up meanwhile: its run is with another one.
                if number not in self._actors:
                    return
                self._started.add(number)
                for message, files in taken or [({"alive": True}, {})]:
                    if "ended" in message:
                        return
                    if "ready" in message:
                        self._ready.add(number)
                    self._send({"worker": number, **message}, files)

    def _lose(self, number: int) -> None:
        """Let the pool know that a worker is no more, once, and end it if it is."""
        with self._lock:
            self._started.discard(number)
            if (actor := self._actors.pop(number, None)) is None:
                return
            # First of all: where the node cannot be reached, its end may take long.
            self._send({"worker": number, "lost": True})
        with contextlib.suppress(Exception):
            ray.kill(actor)

    def _send(self, message: Message, files: frames.Files | None = None) -> None:
        try:
            self._channel.send(message, files)
        except (OSError, ValueError):
            # The server is gone.
            self._ending.set()


def _put(actor: Any, message: Message | None, files: frames.Files) -> None:
    actor.put.options(concurrency_group="in").remote(message, files)


def _claim_stdout() -> IO[bytes]:
    """Return the real stdout, for frames alone: other output of this process goes to stderr."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


if __name__ == "__main__":
    main()
