"""Folders of the lab, read from the environment at the time of the call; and its commit."""

import contextlib
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Return the lab's own folder, for runs and their files: ``DESCENT_HOME``, or runs/ in the project."""
    return Path(os.environ.get("DESCENT_HOME") or ROOT / "runs")


def models() -> Path:
    """Return the folder of saved models: ``DESCENT_MODELS``, or models/ in the project."""
    return Path(os.environ.get("DESCENT_MODELS") or ROOT / "models")


def commit() -> str | None:
    """Return the project's commit, where it is under git."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    return None
