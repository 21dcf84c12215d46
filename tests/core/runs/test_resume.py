"""Runs whose process is killed go on and end as if nothing had happened."""

import json

import pytest

from core.training.config import RunConfig
from tests.core.runs.scripts import printed_by


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
    told = printed_by("kill_and_resume.py", json.dumps(config.to_dict()), tmp_path)
    assert told["equal"] and told["kills"] == 20
    # They went on from what the ones before had written.
    assert len(set(told["begun"])) >= 3
