"""The files of one run: its last and its best parameters, and two generations of checkpoints, written while it
trains."""

import contextlib
import errno
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from core.files import write_atomically
from core.models.checkpoints import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    load_parameters,
    pack_parameters,
    save_checkpoint,
)
from core.training.network import Network, parameter_shapes

PARAMETERS = "parameters.safetensors"
#: The parameters at the end of the epoch with the lowest validation loss.
BEST = "best.safetensors"
CHECKPOINT = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"
#: The checkpoint that the run began with, where it goes on from another run or has left one.
START = "start.safetensors"
#: The files that a worker makes; a branch's begins with one, too.
MADE = (START, BEST, CHECKPOINT, PARAMETERS)
#: The files that a worker reads to go on with a run.
NEEDED = (START, BEST, CHECKPOINT, PREVIOUS)
#: How long the end of a run waits for room on a full disk, and the pause between two tries.
ROOM_SECONDS, ROOM_PAUSE_SECONDS = 600.0, 1.0


def start_state(folder: Path) -> dict[str, Any] | None:
    """Return the state that ``save_start`` wrote; None without one.

    Raises:
        ValueError: if it cannot be read.
    """
    path = folder / START
    return load_checkpoint(path).state if path.exists() else None


def save_start(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint that a run begins with; raise OSError if that fails.

    A run that diverges goes back to its beginning at most: what was kept before is left out.
    """
    state = checkpoint.state
    kept = torch.cat([state[name].reshape(-1) for name in parameter_shapes()])
    begun = {**state, "kept": kept, "kept_step": state["step"]}
    save_checkpoint(folder / START, replace(checkpoint, state=begun))


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the newest checkpoint; the one before it is kept as the previous generation.

    Raises:
        OSError: if it cannot be written; the files that were there stay, as one generation or the other.
    """
    _replace_checkpoint(folder, lambda path: save_checkpoint(path, checkpoint))


def receive(folder: Path, name: str, content: bytes) -> None:
    """Write one of ``MADE`` that a worker on another machine has made; raise OSError as ``save``."""
    if name == CHECKPOINT:
        _replace_checkpoint(folder, lambda path: write_atomically(path, content))
    elif name in MADE:
        write_atomically(folder / name, content)


def write_when_there_is_room(
    write: Callable[[], object], report: Callable[[str], object], wait: Callable[[float], bool]
) -> None:
    """Write the last files of a run; while the disk is full, try again.

    Args:
        report: called once, with a sentence, if it has to wait.
        wait: waits so many seconds; returns False to give up.

    Raises:
        OSError: if that was given up, if there was no room for ``ROOM_SECONDS``, or if the disk refuses otherwise.
    """
    deadline, reported = time.monotonic() + ROOM_SECONDS, False
    while True:
        try:
            write()
            return
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or time.monotonic() > deadline:
                raise
            if not reported:
                report(f"{refusal(error)} The run waits for room on the lab's disk; Stop gives up waiting.")
            reported = True
            if not wait(ROOM_PAUSE_SECONDS):
                raise


def refusal(error: OSError) -> str:
    """Return in a sentence that the disk refused a file."""
    return f"The run's files could not be written: {error.strerror or error}."


def _replace_checkpoint(folder: Path, write: Callable[[Path], None]) -> None:
    fresh = folder / f".{CHECKPOINT}.new"
    try:
        write(fresh)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    if (folder / CHECKPOINT).exists():
        (folder / CHECKPOINT).replace(folder / PREVIOUS)
    fresh.replace(folder / CHECKPOINT)


def load(folder: Path, step: int, epoch: int) -> tuple[Checkpoint | None, str]:
    """Load the newest checkpoint that is undamaged and not ahead of what is recorded of the run.

    One can be ahead if the server was killed before it had recorded the last steps; to go on from there would
    leave a gap in the curves.

    Args:
        step, epoch: numbers of steps and whole epochs that are recorded.

    Returns:
        None where the run has to begin anew; and a sentence on a checkpoint that could not be used, or "".
    """
    damage = ""
    for name in (CHECKPOINT, PREVIOUS, START):
        if not (folder / name).exists():
            continue
        try:
            checkpoint = load_checkpoint(folder / name)
        except CheckpointError as error:
            damage = f"{name} could not be used ({str(error).rstrip('.')}); an earlier one was."
            continue
        # The run began with START: it can't be ahead, even if the server ended before it had recorded that.
        if name == START or (checkpoint.state["step"] <= step and checkpoint.state["epoch"] <= epoch):
            return checkpoint, damage
    return None, damage.replace("an earlier one was", "the run began anew")


def forget_best(folder: Path, step: int) -> None:
    """Drop the best parameters if they are of more than ``step`` steps: from there on the run is trained again."""
    with contextlib.suppress(CheckpointError):
        _, metadata = load_parameters(folder / BEST)
        if metadata["metrics"]["step"] > step:
            (folder / BEST).unlink()


class Writer:
    """Writes checkpoints and the best parameters of one run from a thread of its own: training does not wait for it.

    Args:
        folder: the run's.
        on_written: called with the step of each that is on disk, from that thread.
        on_failed: called with a sentence if one could not be written.
    """

    def __init__(self, folder: Path, on_written: Callable[[int], None], on_failed: Callable[[str], None]) -> None:
        self._folder, self._on_written, self._on_failed = folder, on_written, on_failed
        self._changed = threading.Condition()
        self._next: Checkpoint | None = None
        self._best: bytes | None = None
        self._refused_best: bytes | None = None
        self._busy = self._closing = False
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """True while a checkpoint is not on disk yet."""
        return self._busy or self._next is not None

    def put(self, checkpoint: Checkpoint) -> None:
        """Write it next; one that still waits is left out for it."""
        with self._changed:
            self._next = checkpoint
            self._changed.notify_all()

    def put_best(self, network: Network, metadata: Mapping[str, Any]) -> None:
        """Write the network's parameters, as they are now, as the best so far."""
        content = pack_parameters(network, metadata)
        with self._changed:
            self._best = content
            self._changed.notify_all()

    def close(self) -> None:
        """Wait until everything is written, or was refused."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def write_refused(self) -> None:
        """Write the best parameters if the disk refused them; after ``close``. Raises OSError if it does again."""
        if self._refused_best is not None:
            write_atomically(self._folder / BEST, self._refused_best)
            self._refused_best = None

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next is not None or self._best is not None or self._closing)
                if self._next is None and self._best is None:
                    return
                checkpoint, self._next, self._busy = self._next, None, True
                best, self._best = self._best, None
            try:
                if best is not None:
                    self._refused_best = best
                    self.write_refused()
                if checkpoint is not None:
                    save(self._folder, checkpoint)
                    self._on_written(checkpoint.state["step"])
            except OSError as error:
                self._on_failed(f"A checkpoint could not be written: {error.strerror or error}.")
            finally:
                self._busy = False
