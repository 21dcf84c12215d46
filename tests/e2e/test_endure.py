"""The lab under attack for a minute, by the command that does it for half an hour."""

import re
import subprocess
import sys

import pytest

from tests.browser import ROOT

SHORT = "--minutes 1 --sessions 2 --viewers 20 --sample 2"


@pytest.mark.slow
def test_nothing_fails_in_a_minute_of_attacks() -> None:
    command = [sys.executable, "-m", "benchmarks.endure", *SHORT.split()]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert told.returncode == 0 and told.stdout.endswith("\n0 failures\n"), told.stdout
    for kind in ("kill of a worker", "kill of the server", "end of the server", "start of a run", "finished run"):
        assert re.search(rf"^{kind} +[1-9]", told.stdout, re.MULTILINE), told.stdout
