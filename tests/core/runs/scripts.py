"""Scripts of this folder, each run in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from core import paths


def printed_by(script, *arguments):
    """Run a script of this folder, which must end well; what it prints as JSON."""
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)],
        cwd=paths.ROOT,
        env={"PYTHONPATH": str(paths.ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
