"""A Ray cluster with a token, whose nodes are processes of this machine, and how to find its processes."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from core import paths
from core.runs import scheduler
from core.runs.cluster import settings
from core.runs.service import Service
from tests.waiting import LIMIT

SCRIPT = Path(__file__).with_name("nodes.py")


def processes(session):
    """The living processes of a session, as the system understands it."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                state, *fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if state != "Z" and int(fields[2]) == session:
                    found.append(int(entry.name))
    return found


class Nodes:
    """The cluster: its ``address``, the ``environment`` of those who join it, and its nodes."""

    def __init__(self, mode="token"):
        token = secrets.token_hex(16)
        self.environment = {"RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": token, "RAY_USAGE_STATS_ENABLED": "0"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            env={**os.environ, **self.environment, "PYTHONPATH": str(paths.ROOT)},
            cwd=paths.ROOT,
            stdin=pipe,
            stdout=pipe,
            text=True,
            start_new_session=True,
        )
        self.address = self._answer()["address"]

    def add(self, cpus=1):
        """Let a node join; gives the id of its raylet's process."""
        self._process.stdin.write(f"{cpus}\n")
        self._process.stdin.flush()
        return self._answer()["raylet"]

    def actors(self):
        """The processes of the labs' workers in it."""
        found = []
        for process in processes(self._process.pid):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"ray::Actor"):
                    found.append(process)
        return found

    def close(self):
        self._process.communicate(timeout=LIMIT)

    def _answer(self):
        while not (line := self._process.stdout.readline()).startswith("{"):
            assert line, "the cluster's process ended"
        return json.loads(line)


@pytest.fixture(autouse=True)
def with_ray(monkeypatch):
    """Let the tests with clusters that they play run where Ray is not installed."""
    monkeypatch.setattr(settings, "installed", lambda: True)


@pytest.fixture
def start_nodes():
    return Nodes


@pytest.fixture
def living():
    return processes


@pytest.fixture(scope="module")
def nodes():
    """A cluster whose head has no CPU for the lab, with one node that has one."""
    cluster = Nodes()
    cluster.add()
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def service(nodes, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # On a busy machine a worker is silent for seconds, which would be an event among those that the tests expect.
        patch.setattr(scheduler, "STALLED_SECONDS", LIMIT)
        for name, value in {**nodes.environment, "DESCENT_CLUSTER": nodes.address}.items():
            patch.setenv(name, value)
        running = Service(tmp_path_factory.mktemp("home"))
        yield running
        running.close()
