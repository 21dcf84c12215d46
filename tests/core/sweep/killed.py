"""A lab that goes on with its sweep, or begins it, until it is killed: ``python killed.py HOME``. It prints a line per
trial that has ended; with ``end`` as a second argument it goes on to the end and prints the sweep as JSON."""

import json
import sys
import time
from pathlib import Path

from core.runs.service import Service
from core.sweep import view
from core.sweep.settings import Settings
from core.sweep.studies import Studies
from core.sweep.text import parse
from core.training.config import RunConfig


def main() -> None:
    home = Path(sys.argv[1])
    service = Service(home, workers=1, threads=1)
    studies = Studies(home / "sweeps", service)
    # 1,920 images train, so that a run is short and a kill falls anywhere in it.
    base = RunConfig(epochs=3, validation_split=0.968, device="cpu")
    settings = Settings(parse(base, ["lr=1e-4:1e-1:log", "batch_size=16,64"]), sampler="tpe", trials=8, seeds=2, seed=3)
    (study_id,) = [kept.id for kept in studies.summaries()] or [studies.start(settings)]
    ended = 0
    while (found := studies.view(study_id)) and found.state == view.RUNNING:
        for _ in range(ended, found.done):
            print(found.done, flush=True)
        ended = found.done
        time.sleep(0.01)
    assert found is not None
    runs = [(run.state, run.config.to_dict()) for run in service.runs(-1)]
    print(json.dumps({"sweep": view.record(found), "runs": runs}), flush=True)
    studies.close()
    service.close()


main()
