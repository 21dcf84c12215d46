"""Tests of what the benchmark of endurance says of the server."""

import asyncio
import subprocess
import sys
import time

import pytest

from benchmarks.endure import lab as endure

SERVER = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        stand_still()
        self.send_response(200)
        self.end_headers()
def stand_still():
    time.sleep(1)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_standstill_says_what_the_servers_threads_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endure, "STANDSTILL", 0.2)
    with endure.open_lab(1) as lab:
        with lab.log.open("wb") as log:
            command = [sys.executable, "-c", SERVER, str(lab.port)]
            lab.process = subprocess.Popen(command, env=lab.environment, stdout=log, stderr=log)

        async def watch() -> None:
            lab.up.set()
            # At first it does not listen yet.
            while not lab.standstill and lab.process and lab.process.poll() is None:
                await lab.watch(time.monotonic() + 0.6)

        asyncio.run(watch())
    assert "stand_still" in lab.standing, lab.standing
    assert "(most recent call first)" in lab.standing and "Traceback (most recent call last)" not in lab.standing
