"""The files of one run: its parameters, and two generations of checkpoints, written while training goes on."""

import threading
from collections.abc import Callable
from pathlib import Path

from core.checkpoints import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint

PARAMETERS = "parameters.safetensors"
CHECKPOINT = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"
#: What the run began with, where it goes on from another.
START = "start.safetensors"


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the newest checkpoint; the one before it is kept as the previous generation.

    Raises:
        OSError: if it cannot be written; what was there stays, as one generation or the other.
    """
    fresh = folder / f".{CHECKPOINT}.new"
    try:
        save_checkpoint(fresh, checkpoint)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    if (folder / CHECKPOINT).exists():
        (folder / CHECKPOINT).replace(folder / PREVIOUS)
    fresh.replace(folder / CHECKPOINT)


def load(folder: Path, step: int, epoch: int) -> tuple[Checkpoint | None, str]:
    """The newest checkpoint that is undamaged and not ahead of what is recorded of the run.

    One can be ahead if the server was killed before it had recorded the last steps; to go on from there would
    leave a gap in the curves.

    Args:
        step, epoch: how many steps and whole epochs are recorded.

    Returns:
        None where the run has to begin anew; and a sentence on what was lost, or "".
    """
    told = ""
    for name in (CHECKPOINT, PREVIOUS, START):
        if not (folder / name).exists():
            continue
        try:
            checkpoint = load_checkpoint(folder / name)
        except CheckpointError as error:
            told = f"{name} could not be used ({str(error).rstrip('.')}); an earlier one was."
            continue
        if checkpoint.state["step"] <= step and checkpoint.state["epoch"] <= epoch:
            return checkpoint, told
    return None, told.replace("an earlier one was", "the run began anew")


class Writer:
    """Writes checkpoints of one run from a thread of its own, so that training does not wait for the disk.

    Args:
        folder: the run's.
        on_written: called with the step of each that is on disk, from that thread.
        on_failed: called with why one could not be written.
    """

    def __init__(self, folder: Path, on_written: Callable[[int], None], on_failed: Callable[[str], None]) -> None:
        self._folder, self._on_written, self._on_failed = folder, on_written, on_failed
        self._changed = threading.Condition()
        self._next: Checkpoint | None = None
        self._busy = self._closing = False
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether the checkpoint before is not on disk yet."""
        return self._busy or self._next is not None

    def put(self, checkpoint: Checkpoint) -> None:
        """Write it next; one that still waits is left out for it."""
        with self._changed:
            self._next = checkpoint
            self._changed.notify_all()

    def close(self) -> None:
        """Wait until everything is written."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next is not None or self._closing)
                if self._next is None:
                    return
                checkpoint, self._next, self._busy = self._next, None, True
            try:
                save(self._folder, checkpoint)
                self._on_written(checkpoint.state["step"])
            except OSError as error:
                self._on_failed(f"A checkpoint could not be written: {error.strerror or error}.")
            finally:
                self._busy = False
