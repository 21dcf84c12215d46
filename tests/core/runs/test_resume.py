"""Runs whose process is killed go on and end as if nothing had happened."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core import paths
from core.training.config import RunConfig

SCRIPT = Path(__file__).with_name("kill_and_resume.py")


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        {"optimizer": "adam"},
        {"optimizer": "momentum", "lr": 0.03},
        {"optimizer": "lbfgs", "lr": 1.0, "batch_size": "full", "epochs": 30, "optimizer_params": {"max_iter": 3}},
        {"schedule": "plateau", "schedule_params": {"patience": 0, "threshold": 0.3}},
        {"schedule": "one_cycle", "lr": 0.003, "augment": True},
    ],
    ids=["adam", "momentum", "lbfgs", "plateau", "one-cycle"],
)
def test_killed_at_20_random_steps_it_ends_bit_for_bit_as_the_uninterrupted_run(tmp_path, given):
    config = RunConfig(**{"epochs": 3, "validation_split": 0.968, **given})
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), json.dumps(config.to_dict()), str(tmp_path)],
        cwd=paths.ROOT,
        env={"PYTHONPATH": str(paths.ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["equal"] and told["kills"] == 20
    # They went on from what the ones before had written.
    assert len(set(told["begun"])) >= 3
