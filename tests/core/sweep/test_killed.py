"""A sweep whose server is killed goes on where it was: no trial is lost, doubled or left running."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core import paths

SCRIPT = Path(__file__).with_name("killed.py")
ENVIRONMENT = {"PYTHONPATH": str(paths.ROOT), "OMP_NUM_THREADS": "1", "PATH": ""}


def begin(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(home)], cwd=paths.ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )


def ended(home: Path) -> dict:
    """The sweep and all runs of the lab, when the sweep has ended."""
    with begin(home) as lab:
        assert lab.stdout is not None
        lines = lab.stdout.read().splitlines()
    assert lab.returncode == 0
    return json.loads(lines[-1])


@pytest.mark.slow
def test_killed_twice_it_ends_with_the_same_trials(tmp_path):
    whole = ended(tmp_path / "whole")
    for after in (2, 3):
        with begin(tmp_path / "killed") as lab:
            assert lab.stdout is not None
            for _ in range(after):
                lab.stdout.readline()
            lab.kill()
    killed = ended(tmp_path / "killed")
    trials = killed["sweep"]["trials"]
    assert [trial["number"] for trial in trials] == list(range(8))
    assert {trial["state"] for trial in trials} == {"finished"}
    # Every config of the sweep has one run, and every run has ended.
    configs = [json.dumps(config, sort_keys=True) for _, config in killed["runs"]]
    assert len(set(configs)) == len(configs) == 16
    assert {state for state, _ in killed["runs"]} == {"finished"}
    # The first trials are drawn by their numbers alone, and trained to the last bit.
    figures = [(trial["chosen"], trial["validation_accuracy"]) for trial in trials]
    assert figures == [(trial["chosen"], trial["validation_accuracy"]) for trial in whole["sweep"]["trials"]]
