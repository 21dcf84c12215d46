import signal
import subprocess
import sys

import pytest

from core.paths import ROOT
from tests.waiting import LIMIT

#: A server that does not end: something keeps it.
SERVER = r"""
import os, signal, time
from dashboard import ending
def say(line):  # two threads may speak at once: each line is one write
    os.write(1, f"{line}\n".encode())
ending.SECONDS = 0.5
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: say(f"server {int(number)}"))
ending.bound(lambda: say("stopped"))
say("ready")
while True:
    time.sleep(0.1)
"""


@pytest.mark.parametrize(
    ("number", "seen_by_server"),
    [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT), (signal.SIGHUP, signal.SIGTERM)],
)
def test_a_server_that_hangs_is_ended_once_the_lab_has_stopped(number, seen_by_server):
    with subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        server.send_signal(number)
        lines = {server.stdout.readline(), server.stdout.readline()}
        server.send_signal(number)
        assert lines == {f"server {int(seen_by_server)}\n", "stopped\n"}
        assert server.wait(LIMIT) == 128 + number
        assert "stopped" not in server.stdout.read(), "the lab is stopped once"
