"""A worker: ``python -m core.runs.worker``, a warm process that trains one run after another.

It knows nothing of pages or stores. Jobs and commands come in on stdin, events go out on stdout, one JSON
line each:

    in   {"run": id, "config": {...}, "folder": path}     start a run; its files go into the folder
         {"run": id, "command": "stop"}                   steer it
    out  {"ready": true}                                  torch imported, MNIST loaded, kernels warm
         {"run": id, "event": {...}}                      an event of core.events
         {"run": id, "failed": sentence}                  the run ended before its last event

The end of stdin means that the server is gone: the worker stops and exits.
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any

from core import data, devices
from core.checkpoints import save_parameters
from core.config import RunConfig
from core.events import Checkpointed, Event, RunFinished
from core.training import Stop, Trainer, train

PARAMETERS = "parameters.safetensors"

Message = dict[str, Any] | None
Inbox = queue.SimpleQueue[Message]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, required=True, help="CPU threads of this worker")
    devices.prepare_cpu(parser.parse_args().threads)
    # Ctrl-C reaches the whole process group; the server decides what it means and closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = _claim_stdout()
    inbox: Inbox = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, inbox), daemon=True).start()
    _warm_up()
    _write(out, {"ready": True})
    while (message := inbox.get()) is not None:
        # A command for a run that has just ended finds nothing to do.
        if "config" in message and not _work(message, inbox, out):
            return


def _work(job: dict[str, Any], inbox: Inbox, out: IO[str]) -> bool:
    """Train one run; False if the server went away meanwhile."""
    run_id = job["run"]
    try:
        trainer = Trainer(RunConfig.from_dict(job["config"]))
        events = trainer.events()
        event = next(events)
        while True:
            if isinstance(event, RunFinished):
                _save(trainer, event, Path(job["folder"]))
                _write_event(out, run_id, Checkpointed(event.step, PARAMETERS))
                _write_event(out, run_id, event)
                return True
            _write_event(out, run_id, event)
            message = _next(inbox)
            if message is None:
                return False
            stop = message.get("run") == run_id and message.get("command") == "stop"
            event = events.send(Stop() if stop else None)
    except Exception as error:
        traceback.print_exc()
        _write(out, {"run": run_id, "failed": str(error) or type(error).__name__})
        return True


def _next(inbox: Inbox) -> Message:
    """What has come in, if anything; empty if nothing has."""
    try:
        return inbox.get_nowait()
    except queue.Empty:
        return {}


def _save(trainer: Trainer, end: RunFinished, folder: Path) -> None:
    metrics = {"test_loss": end.test_loss, "test_accuracy": end.test_accuracy, "step": end.step, "reason": end.reason}
    save_parameters(trainer.network, folder / PARAMETERS, {"config": trainer.config.to_dict(), "metrics": metrics})


def _claim_stdout() -> IO[str]:
    """The real stdout, for messages alone: whatever else is printed in this process goes to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _listen(source: IO[str], inbox: Inbox) -> None:
    for line in source:
        inbox.put(json.loads(line))
    inbox.put(None)


def _warm_up() -> None:
    """Load MNIST and take a few steps, so that the first click does not pay for it."""
    data.load()
    events = train(RunConfig(epochs=1))
    next(events), next(events)
    events.close()


def _write_event(out: IO[str], run_id: str, event: Event) -> None:
    _write(out, {"run": run_id, "event": event.to_dict()})


def _write(out: IO[str], message: dict[str, Any]) -> None:
    try:
        out.write(json.dumps(message, separators=(",", ":")) + "\n")
        out.flush()
    except BrokenPipeError:
        # Nobody reads any more, so nobody can be told.
        os._exit(1)


if __name__ == "__main__":
    main()
