"""A worker: ``python -m core.runs.worker_start``, a warm process that trains one run after another.

It knows nothing of pages or stores. Jobs and commands come in on stdin, events go out on stdout, one JSON
line each:

    in   {"run": id, "config": {...}, "folder": path, ...}    train a run; its files go into the folder
         {"run": id, "command": "stop"}                       steer it; also pause, learning_rate with a value
    out  {"ready": true}                                      torch imported, MNIST loaded, steps compiled
         {"compiling": true}                                  before that, on a machine that has no compiled steps yet
         {"alive": true}                                      a heartbeat every second, also in the midst of a long step
         {"run": id, "environment": {...}}                    hardware and versions, before its events
         {"run": id, "event": {...}}                          an event of core.training.events
         {"run": id, "trouble": sentence}                     something went wrong, and the run goes on
         {"run": id, "waits": sentence}                       the end of the run waits for room on the disk
         {"run": id, "failed": sentence}                      the run ended before its last event

A job may also have: ``recorded``, the steps and whole epochs that are recorded of the run, from which it is to go
on; ``plan``, learning rates that were set by hand, as (step, learning rate); ``pause_after``, "step" or "epoch", or
"pause_again" for no step at all;
``stop``, to end where it stands.

The end of stdin means that the server is gone: the worker writes a checkpoint and exits.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from core import compiled, data, devices, ink
from core.analysis.evaluation import evaluate
from core.models.checkpoints import Checkpoint, save_parameters
from core.runs import branching, run_files
from core.training.commands import Command, Pause, SetLearningRate, Stop
from core.training.config import RunConfig
from core.training.events import Checkpointed, EpochDone, Event, Paused, Resumed, RunFinished, RunStarted
from core.training.network import Network
from core.training.trainer import Trainer

#: Checkpoints are at most this far apart while a run trains.
CHECKPOINT_SECONDS = 5.0
#: At the ends of epochs that follow each other faster than this, not every one gets a checkpoint: taking one costs
#: about a millisecond, and training shall not be slowed by more than 2%.
CHECKPOINT_REST_SECONDS = 0.25
HEARTBEAT_SECONDS = 1.0

Message = dict[str, Any] | None
Inbox = queue.SimpleQueue[Message]


class Outbox:
    """Messages to the server: one JSON line each, from any thread."""

    def __init__(self, out: IO[str]) -> None:
        self._out, self._lock = out, threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, separators=(",", ":")) + "\n"
        try:
            with self._lock:
                self._out.write(line)
                self._out.flush()
        except BrokenPipeError:
            # The server is gone: a checkpoint from now on would be ahead of the record.
            os._exit(1)

    def event(self, run_id: str, event: Event) -> None:
        self.send({"run": run_id, "event": event.to_dict()})


def main(threads: int, on_ready: Callable[[], object]) -> None:
    """Work until stdin ends.

    Args:
        threads: of the CPU.
        on_ready: called once jobs are taken.
    """
    # Ctrl-C reaches the whole process group; the server decides what it means and closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = Outbox(_claim_stdout())
    inbox: Inbox = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, inbox), daemon=True).start()

    def begin() -> None:
        on_ready()
        threading.Thread(target=_send_heartbeats, args=(out,), daemon=True).start()

    serve(threads, inbox, out, begin)


def serve(threads: int, inbox: Inbox, out: Outbox, on_ready: Callable[[], object] = lambda: None) -> None:
    """Do the jobs that come into the inbox, in this thread, until None comes.

    Args:
        threads, on_ready: as of ``main``.
        out: gets all messages.
    """
    # In the thread that trains: each has its own way with denormals.
    devices.prepare_cpu(threads)
    _warm_up(out)
    out.send({"ready": True})
    on_ready()
    while (message := inbox.get()) is not None:
        # A command for a run that has just ended finds nothing to do.
        if "config" in message and not _Job(message, inbox, out).work():
            return


class _Job:
    """One run on this worker."""

    def __init__(self, job: dict[str, Any], inbox: Inbox, out: Outbox) -> None:
        self._job, self._inbox, self._out = job, inbox, out
        self._id: str = job["run"]
        self._folder = Path(job["folder"])
        self._saved_at = time.monotonic()

    def work(self) -> bool:
        """Train the run to its end or its pause; False if the server went away meanwhile."""
        try:
            self._trainer, resumed = self._set_up()
            self._environment = devices.environment(self._trainer.device)
            self._out.send({"run": self._id, "environment": self._environment})
            self._writer = run_files.Writer(self._folder, self._written, self._report_trouble)
            try:
                return self._train(resumed)
            finally:
                self._writer.close()
        except Exception as error:
            # What a disk refuses, or a setting that cannot be, is no fault of the lab: the sentence says it.
            if not isinstance(error, OSError | ValueError):
                traceback.print_exc()
            self._out.send({"run": self._id, "failed": _sentence(error)})
            return True

    def _set_up(self) -> tuple[Trainer, Resumed | None]:
        config = RunConfig.from_dict(self._job["config"])
        recorded = self._job.get("recorded")
        branching.begin(self._folder, config)
        checkpoint, damage = run_files.load(self._folder, *recorded) if recorded else (None, "")
        begin = checkpoint.state["step"] if checkpoint else 0
        plan = [(step, lr) for step, lr in self._job.get("plan", ()) if step >= begin]
        trainer = Trainer(config, plan=plan)
        if checkpoint:
            trainer.restore(checkpoint.state)
        run_files.forget_best(self._folder, trainer.step)
        # From where it stood: the last checkpoint may be older.
        step, epoch = max((trainer.step, trainer.epoch), tuple(recorded or (0, 0)))
        pauses = {"pause_again": step, "step": step + 1, "epoch": (epoch + 1) * config.span.steps_per_epoch}
        trainer.pause_at = pauses.get(self._job.get("pause_after", ""))
        if not recorded:
            return trainer, None
        changes = checkpoint.changes(config, devices.environment(trainer.device)) if checkpoint else ""
        message = " ".join(filter(None, (damage, changes and f"Continues, not bit-exact: {changes}.")))
        return trainer, Resumed(trainer.step, trainer.epoch, not changes, message)

    def _train(self, resumed: Resumed | None) -> bool:
        events = self._trainer.events()
        event = next(events)
        stop = bool(self._job.get("stop"))
        while True:
            if isinstance(event, RunFinished | Paused):
                return self._end(event)
            self._out.event(self._id, event)
            if isinstance(event, RunStarted) and resumed:
                self._out.event(self._id, resumed)
            self._save_when_due(event)
            if isinstance(event, EpochDone) and event.epoch == self._trainer.best_epoch:
                self._save_best(event)
            message = _next(self._inbox)
            if message is None:
                self._writer.put(self._checkpoint())
                return False
            event = events.send(Stop() if stop else self._command(message))
            stop = False

    def _command(self, message: dict[str, Any]) -> Command | None:
        if message.get("run") != self._id:
            return None
        match message.get("command"):
            case "stop":
                return Stop()
            case "pause":
                return Pause()
            case "learning_rate":
                return SetLearningRate(message["value"])
        return None

    def _checkpoint(self) -> Checkpoint:
        self._saved_at = time.monotonic()
        return Checkpoint(self._trainer.config, self._trainer.state(), {"environment": self._environment})

    def _save_when_due(self, event: Event) -> None:
        rest = CHECKPOINT_REST_SECONDS if isinstance(event, EpochDone) else CHECKPOINT_SECONDS
        # Copied here, between two blocks; the writer's thread has the rest of the work.
        if not self._writer.busy and time.monotonic() - self._saved_at >= rest:
            self._writer.put(self._checkpoint())

    def _save_best(self, epoch: EpochDone) -> None:
        metrics = {
            "step": epoch.step,
            "validation_loss": epoch.validation_loss,
            "validation_accuracy": epoch.validation_accuracy,
        }
        self._writer.put_best(self._trainer.network, {"config": self._trainer.config.to_dict(), "metrics": metrics})

    def _end(self, event: RunFinished | Paused) -> bool:
        """Write the last files and report the end; False if the server went away before there was room for them.

        Raises:
            OSError: as ``run_files.write_when_there_is_room``; Stop gives up.
        """
        self._writer.close()
        gone = False

        def wait(seconds: float) -> bool:
            nonlocal gone
            try:
                message = self._inbox.get(timeout=seconds)
            except queue.Empty:
                return True
            gone = message is None
            return message is not None and not isinstance(self._command(message), Stop)

        try:
            run_files.write_when_there_is_room(lambda: self._write_last(event), self._report_wait, wait)
        except OSError:
            if gone:
                return False
            raise
        if isinstance(event, RunFinished):
            self._out.event(self._id, Checkpointed(event.step, run_files.PARAMETERS))
        if _can_go_on(event):
            self._written(event.step)
        self._out.event(self._id, event)
        return True

    def _write_last(self, event: RunFinished | Paused) -> None:
        self._writer.write_refused()
        if isinstance(event, RunFinished):
            metrics = {"test_loss": event.test_loss, "test_accuracy": event.test_accuracy, "step": event.step}
            metadata = {"config": self._trainer.config.to_dict(), "metrics": {**metrics, "reason": event.reason}}
            save_parameters(self._trainer.network, self._folder / run_files.PARAMETERS, metadata)
        if _can_go_on(event):
            run_files.save(self._folder, self._checkpoint())

    def _written(self, step: int) -> None:
        self._out.event(self._id, Checkpointed(step, run_files.CHECKPOINT))

    def _report_wait(self, sentence: str) -> None:
        self._out.send({"run": self._id, "waits": sentence})

    def _report_trouble(self, sentence: str) -> None:
        self._out.send({"run": self._id, "trouble": sentence})


def _can_go_on(event: RunFinished | Paused) -> bool:
    return isinstance(event, Paused) or event.can_go_on


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return run_files.refusal(error)
    return str(error) or type(error).__name__


def _next(inbox: Inbox) -> Message:
    """Return the next message that has arrived; empty without one."""
    try:
        return inbox.get_nowait()
    except queue.Empty:
        return {}


def _claim_stdout() -> IO[str]:
    """Return the real stdout, for messages alone: other output of this process goes to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _listen(source: IO[str], inbox: Inbox) -> None:
    for line in source:
        inbox.put(json.loads(line))
    inbox.put(None)


def _send_heartbeats(out: Outbox) -> None:
    while True:
        time.sleep(HEARTBEAT_SECONDS)
        out.send({"alive": True})


def _warm_up(out: Outbox) -> None:
    """Load MNIST, list its ink, and take two steps of each compiled kind: first runs would be seconds slower."""
    mnist = data.load()
    if compiled.AVAILABLE and mnist.test.ink and ink.compiles():
        out.send({"compiling": True})
    for digits in (mnist.train, mnist.test):
        # Listed here, the ink is there for all parts of the digits, so for all runs.
        evaluate(Network(), digits)
    for given in ({}, {"augment": True}):
        trainer = Trainer(RunConfig.from_dict(given))
        trainer.pause_at = 2
        for _ in trainer.events():
            pass
