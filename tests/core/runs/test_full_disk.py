import json
import subprocess
import sys
from pathlib import Path

import pytest

from core import paths


@pytest.mark.slow
def test_on_a_full_disk_the_run_goes_on_and_nothing_is_lost(tmp_path):
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("full_disk.py")), str(tmp_path)],
        cwd=paths.ROOT,
        env={"PYTHONPATH": str(paths.ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["trouble"].startswith("The lab cannot record what happens: ")
    assert told["trouble"].endswith(" Runs go on; free some space on its disk.")
    assert told["refused"].startswith("The run could not be saved on the lab's disk: ")
    assert told["went_on"] and told["kept_in_memory"]
    assert told["run"] == "A checkpoint could not be written: File too large."
    assert told["state"] == "stopped" and told["whole"]
