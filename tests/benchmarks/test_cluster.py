"""The benchmark of the cluster, its smallest measurements."""

import os
import subprocess
import sys

import pytest

from core import paths
from core.training.config import RunConfig

pytest.importorskip("ray", reason="pip install -r requirements-cluster.txt")


def test_events_are_stamped_in_processes_that_are_asked_to():
    """The lab itself has no line for it."""
    code = "from core.training.events import Checkpointed; print(Checkpointed(1, 'x').to_dict()['sent'] > 0)"
    path = f"{paths.ROOT / 'benchmarks' / 'stamping'}{os.pathsep}{paths.ROOT}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True\n", done.stderr


def test_a_run_is_whole_only_with_the_losses_and_parameters_of_its_settings(tmp_path, monkeypatch):
    from benchmarks import cluster_losses
    from core.runs.service import Service

    monkeypatch.delenv("DESCENT_CLUSTER", raising=False)
    config = RunConfig(epochs=1, validation_split=0.9, device="cpu")

    class Lab:
        service = Service(tmp_path, workers=1, threads=1)

    run_id = Lab.service.submit(config)
    cluster_losses.wait_finished(Lab.service, [run_id])
    assert cluster_losses._is_whole(Lab, run_id, config)
    assert not cluster_losses._is_whole(Lab, run_id, RunConfig(**{**config.to_dict(), "seed": 1}))
    Lab.service.close()
