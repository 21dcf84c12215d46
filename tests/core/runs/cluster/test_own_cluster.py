"""A cluster that begins and ends with the lab."""

import subprocess
import sys
from pathlib import Path

import pytest

from core import paths
from core.models.checkpoints import load_checkpoint
from core.runs import pool
from core.runs.service import Service
from core.training.config import RunConfig
from tests.waiting import LIMIT, wait_for

pytest.importorskip("ray", reason="pip install -r requirements-cluster.txt")

LONG = RunConfig(epochs=1000)

SERVER = """
import sys, time
from pathlib import Path
from core.runs.service import Service
from core.training.config import RunConfig
service = Service(Path(sys.argv[1]), workers=1)
run_id = service.submit(RunConfig(epochs=1000))
while len(service.messages(run_id)) < 4: time.sleep(0.01)
print(service._scheduler._pool._driver.pid, flush=True)
time.sleep(600)
"""


def listening(processes):
    """The addresses at which these processes listen, as the kernel writes them: hexadecimal, the last byte first."""
    sockets = set()
    for process in processes:
        for entry in Path(f"/proc/{process}/fd").iterdir():
            target = str(entry.readlink())
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
    addresses = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                addresses.append(fields[1].partition(":")[0])
    return addresses


@pytest.mark.slow
def test_it_listens_on_loopback_alone_and_ends_with_a_last_checkpoint(tmp_path, living, monkeypatch):
    # On a busy machine it may take longer to end by itself.
    monkeypatch.setattr(pool, "GRACE_SECONDS", LIMIT)
    monkeypatch.setenv("DESCENT_CLUSTER", "auto")
    service = Service(tmp_path, workers=1)
    run_id = service.submit(LONG)
    wait_for(lambda: service.run(run_id).step)
    session = service._scheduler._pool._driver.pid
    addresses = listening(living(session))
    loopback = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
    assert addresses and set(addresses) <= loopback
    service.close()
    wait_for(lambda: not living(session))
    monkeypatch.delenv("DESCENT_CLUSTER")
    after = Service(tmp_path, workers=1, threads=1)
    run = after.run(run_id)
    assert (run.state, run.message) == ("interrupted", "The lab ended while this run was training.")
    assert load_checkpoint(after.checkpoint_file(run_id)).state["step"] == run.step > 0
    after.close()


@pytest.mark.slow
def test_a_lab_that_is_killed_leaves_no_process_of_it(tmp_path, living, monkeypatch):
    monkeypatch.setenv("DESCENT_CLUSTER", "auto")
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], cwd=paths.ROOT, stdout=subprocess.PIPE, text=True
    )
    session = int(server.stdout.readline())
    assert len(living(session)) > 3
    server.kill()
    server.communicate()
    wait_for(lambda: not living(session))
