"""The lab under one attack of each kind, by the command that makes many of them for half an hour."""

import re
import subprocess
import sys

import pytest

from tests.browser import ROOT

#: Each attack is made at least once, however short the time.
SHORT = "--minutes 0.25 --sessions 1 --viewers 10 --workers 1 --sample 1"


@pytest.mark.browser
@pytest.mark.slow
def test_nothing_fails_under_one_attack_of_each_kind() -> None:
    command = [sys.executable, "-m", "benchmarks.endure", *SHORT.split()]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert told.returncode == 0 and told.stdout.endswith("\n0 failures\n"), told.stdout
    attacks = ("kill of a worker", "stop of a worker", "kill of the server", "end of the server")
    for kind in (*attacks, "start of a run", "finished run", "resumed run trained again"):
        assert re.search(rf"^{kind} +[1-9]", told.stdout, re.MULTILINE), told.stdout
