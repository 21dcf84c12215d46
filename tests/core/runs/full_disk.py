"""A service whose store cannot grow for a while, as on a full disk: ``python full_disk.py FOLDER`` prints the outcome.

A limit on the size of this process's files stands in for the disk, so that no rights are needed; the worker, a process
of its own, gets the same limit for its checkpoints.
"""

import json
import resource
import sys
from pathlib import Path

from core.runs.service import Service
from core.training.config import RunConfig
from tests.waiting import wait_for


def main() -> None:
    home = Path(sys.argv[1])
    service = Service(home, workers=1, threads=1)
    run_id = service.submit(RunConfig(epochs=1000))
    wait_for(lambda: service.checkpoint_file(run_id))
    worker = service._scheduler._pool._workers[0].process.pid
    size = (home / "lab.sqlite-wal").stat().st_size
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (100_000, unlimited[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, unlimited[1]))
    trouble = wait_for(lambda: service.trouble)
    before = service.run(run_id).step
    try:
        refused = service.submit(RunConfig())
    except ValueError as error:
        refused = str(error)
    went_on = wait_for(lambda: service.run(run_id).step > before)
    seen = len(service.messages(run_id))
    recorded = len(service.events(run_id))
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    wait_for(lambda: not service.trouble)
    wait_for(lambda: "checkpoint" in service.run(run_id).message)
    message = service.run(run_id).message
    resource.prlimit(worker, resource.RLIMIT_FSIZE, unlimited)
    service.command(run_id, "stop")
    run = wait_for(lambda: service.run(run_id).over and service.run(run_id))
    steps = service.history(run_id).steps.tolist()
    service.close()
    print(
        json.dumps(
            {
                "trouble": trouble,
                "refused": refused,
                "went_on": went_on,
                "kept_in_memory": seen > recorded,
                "run": message,
                "state": run.state,
                "whole": steps == list(range(run.step)),
            }
        )
    )


main()
