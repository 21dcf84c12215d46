"""A job's process for tests: ``python -m tests.core.jobs.echo``."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.jobs.process import serve


def work(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"pid": os.getpid()}
    if request["as"] == "refuse":
        raise ValueError("request must be kind, got request = refuse.")
    if request["as"] == "die":
        os._exit(3)
    if request["as"] == "hang":
        time.sleep(600)
    if request["as"] == "files":
        folder = Path(request["folder"])
        yield {"read": (folder / "start").read_text()}
        (folder / "made").write_text((folder / "start").read_text() + " and back")
        return
    for share in (0.5, 1.0):
        yield {"share": share}


if __name__ == "__main__":
    serve(work)
