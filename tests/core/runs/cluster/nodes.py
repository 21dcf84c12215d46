"""A Ray cluster with a token, whose nodes are processes of this machine, to be killed, frozen and replaced.

Tests and ``benchmarks.cluster`` use ``Nodes``. Its cluster lives in a process of its own, ``python -m
tests.core.runs.cluster.nodes``, since one process has one cluster: each line of stdin asks for something, with a line
of JSON for an answer. The cluster ends with stdin.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import paths
from tests.waiting import LIMIT


def _table() -> Iterator[tuple[int, int, int]]:
    """Yield process, parent and session of each living process, as the system understands them."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                state, *fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if state != "Z":
                    yield int(entry.name), int(fields[0]), int(fields[2])


def processes(session: int) -> list[int]:
    """Return the living processes of a session."""
    return [process for process, _, own in _table() if own == session]


def family(parent: int) -> list[int]:
    """Return a process and all its descendants, the eldest first."""
    table, found = list(_table()), [parent]
    for elder in found:
        found += [process for process, its_parent, _ in table if its_parent == elder]
    return found


def is_actor(process: int) -> bool:
    """Return True if the process is a lab's worker."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"ray::Actor")
    return False


class Nodes:
    """A cluster, whose head has no CPU for others.

    Args:
        mode: of Ray's authentication.

    Attributes:
        address: of its head.
        environment: of those who join it.
    """

    def __init__(self, mode: str = "token") -> None:
        token = secrets.token_hex(16)
        self.environment = {"RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": token, "RAY_USAGE_STATS_ENABLED": "0"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.core.runs.cluster.nodes"],
            env={**os.environ, **self.environment, "PYTHONPATH": str(paths.ROOT)},
            cwd=paths.ROOT,
            stdin=pipe,
            stdout=pipe,
            text=True,
            start_new_session=True,
        )
        self.address: str = self._answer()["address"]

    def add(self, cpus: int = 1) -> int:
        """Let a node join; returns the process of its raylet."""
        raylet: int = self._ask("add", cpus)["raylet"]
        return raylet

    def kill_head(self) -> None:
        """Kill the head, all its processes."""
        self._ask("kill")

    def start_head(self) -> None:
        """Start a head at the address of the one that was killed: a cluster without nodes."""
        self._ask("start")

    def actors(self) -> list[int]:
        """Return the processes of the labs' workers in it."""
        return [process for process in processes(self._process.pid) if is_actor(process)]

    def freeze(self, raylet: int) -> None:
        """Stop all processes of a node, as if its network were cut: it answers nothing and knows nothing of it."""
        for process in family(raylet):
            os.kill(process, signal.SIGSTOP)

    def thaw(self, raylet: int) -> None:
        """Let a frozen node go on."""
        for process in family(raylet):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def close(self) -> None:
        self._process.communicate(timeout=LIMIT)

    def _ask(self, *words: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        while not (line := self._process.stdout.readline()).startswith("{"):
            assert line, "the cluster's process ended"
        return json.loads(line)


def main() -> None:
    # Only here: a test run without Ray has this module too.
    from ray._private import services
    from ray.cluster_utils import Cluster

    look = services.get_node

    def get_node(*arguments: Any) -> Any:
        """Wait for a node as long as a busy machine takes; Ray gives up after 30 seconds."""
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                return look(*arguments)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def start_head(port: int | None = None) -> Cluster:
        place = {"gcs_server_port": port} if port else {}
        return Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **place})

    def reap() -> None:
        """Bury the raylets that were killed, as the system does with those of ``ray start``.

        To their workers, one that nobody waits for has not ended: they would live on, and their runs with them.
        """
        while True:
            for raylet in list(raylets):
                raylet.poll()
            time.sleep(0.05)

    services.get_node = get_node
    raylets: list[Any] = []
    threading.Thread(target=reap, daemon=True).start()
    cluster = start_head()
    answer: dict[str, Any] = {"address": cluster.address}
    while True:
        print(json.dumps(answer), flush=True)
        answer = {}
        match sys.stdin.readline().split():
            case ["add", cpus]:
                node = cluster.add_node(num_cpus=int(cpus))
                raylets.append(node.all_processes["raylet"][0].process)
                answer["raylet"] = raylets[-1].pid
            case ["kill"]:
                address, left = cluster.address, cluster.worker_nodes
                cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
            case ["start"]:
                cluster = start_head(int(address.rpartition(":")[2]))
                assert cluster.address == address
                # They belong to no cluster any more, and end with this one.
                cluster.worker_nodes |= left
            case _:
                return


if __name__ == "__main__":
    main()
