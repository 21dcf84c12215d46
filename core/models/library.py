"""The library of models: a folder that people look into, a safetensors file a model, named as the model is."""

import contextlib
import math
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from core import data
from core.analysis.evaluation import evaluate
from core.files import read_ordinary, shortened, write_atomically
from core.models import formats
from core.models.checkpoints import (
    LARGEST_CHECKPOINT,
    SUFFIX,
    Checkpoint,
    CheckpointError,
    is_run,
    load_checkpoint,
    load_parameters,
    network_of,
    save_checkpoint,
    save_parameters,
    trained_loss,
)
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer

PARAMETERS, WHOLE = "parameters", "whole model"
#: Models that come with the lab; nobody renames, changes or deletes them.
SHIPPED = frozenset({"reference"})
BIN = "bin"
LONGEST_NAME = 64
LONGEST = {"notes": 2000, "owner": 80, "origin": 1000}

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9 _.-]{{0,{LONGEST_NAME - 1}}}")
#: Whoever looks whether a name is free and then takes it holds this.
_lock = threading.RLock()


@dataclass(frozen=True)
class Model:
    """A model as its file describes it.

    Args:
        kind: ``PARAMETERS``, or ``WHOLE`` for one that training can go on from.
        size: bytes.
        modified: unix seconds.
        origin: where it comes from, in words: its run and epoch, its file, or the models it is the average of.
        config: of its run, if it has one; ``run`` is its run's id, in the lab where it was saved.
        step: how many steps its parameters have had, if that is known.
        problem: why it cannot be used, in a sentence; "" if it can.
    """

    name: str
    path: Path
    size: int
    modified: float
    kind: str = PARAMETERS
    owner: str = ""
    notes: str = ""
    origin: str = ""
    config: RunConfig | None = None
    run: str = ""
    step: int | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    problem: str = ""

    @property
    def shipped(self) -> bool:
        return self.name in SHIPPED


@dataclass(frozen=True)
class Opened:
    """A model that has been read and checked; with ``checkpoint``, a whole one."""

    network: Network
    metadata: dict[str, Any]
    checkpoint: Checkpoint | None = None

    def write(self, path: Path, metadata: Mapping[str, Any]) -> None:
        """The same model with other metadata."""
        if self.checkpoint:
            save_checkpoint(path, replace(self.checkpoint, metadata=dict(metadata)))
        else:
            save_parameters(self.network, path, metadata)


def opened(content: bytes) -> Opened:
    """A model of either kind. Of a whole one, everything that it goes on from is checked too.

    Raises:
        CheckpointError: naming what is wrong with it.
    """
    if not is_run(content):
        return Opened(*load_parameters(content))
    checkpoint = load_checkpoint(content)
    config, state = checkpoint.config, checkpoint.state
    network = network_of(checkpoint)
    try:
        # Its own device need not be one of this machine's.
        Trainer(replace(config, device="cpu")).restore(state)
    except ValueError as error:
        raise CheckpointError(f"Training cannot go on from this file: {shortened(str(error), 300)}") from None
    metadata = {**checkpoint.metadata, "config": config.to_dict()}
    metadata["metrics"] = {**_dict(metadata.get("metrics")), "step": state["step"]}
    return Opened(network, metadata, checkpoint)


class Library:
    """The models of one folder. Every method may be called from any thread.

    All raise ValueError, in one sentence, for a name that will not do, is taken, or is no model's; and
    CheckpointError, which is one, for a file that is no model.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bin = folder / BIN

    def models(self) -> list[Model]:
        """All of them, in the order of their names; those that cannot be used say why."""
        return _models(self.folder)

    def deleted(self) -> list[Model]:
        """Those in the bin."""
        return _models(self._bin)

    def model(self, name: str) -> Model:
        return _described(self._path(name))

    def open(self, name: str) -> Opened:
        return opened(self.content(name))

    def content(self, name: str) -> bytes:
        """The model's file."""
        return read_ordinary(self._path(name), LARGEST_CHECKPOINT)

    def keep(self, model: Opened, name: str, *, owner: str = "", notes: str = "", origin: str = "") -> Model:
        """Keep a model under a new name, with its figures on the test set.

        Of its metadata only what is known and valid is kept.
        """
        metadata = {**_known(model.metadata), **_texts(owner=owner, notes=notes, origin=origin)}
        test = evaluate(model.network, data.load().test, trained_loss(metadata))
        metrics = {**metadata["metrics"], "test_loss": test.loss, "test_accuracy": test.accuracy}
        with _lock:
            path = self._unused(name)
            model.write(path, {**metadata, "metrics": metrics})
            return _described(path)

    def bring(self, file_name: str, content: bytes, name: str = "", *, owner: str = "", notes: str = "") -> Model:
        """Take in a file from outside, whose name says its format; called as the file unless ``name`` is given."""
        format = formats.of_name(file_name, readable=True)
        if format is formats.FORMATS["safetensors"]:
            model = opened(content)
        else:
            model = Opened(*formats.read(file_name, content))
        with _lock:
            name = name or self.suggested(file_name)
            notes = notes or str(model.metadata.get("notes", ""))[: LONGEST["notes"]]
            return self.keep(model, name, owner=owner, notes=notes, origin=f"the file {shortened(_base(file_name))}")

    def suggested(self, file_name: str) -> str:
        """A free name for a file from outside, near to its own.

        Raises:
            CheckpointError: if it ends like no file that can be read.
        """
        formats.of_name(file_name, readable=True)
        return _free(self.folder, re.sub(r"[^A-Za-z0-9 _.-]", "-", formats.stem(_base(file_name))))

    def rename(self, name: str, new: str) -> Model:
        with _lock:
            return _described(self._own(name).rename(self._unused(new)))

    def duplicate(self, name: str) -> Model:
        """A copy beside it, called NAME copy."""
        with _lock:
            path = _place(self.folder, _free(self.folder, f"{name[: LONGEST_NAME - 5]} copy"))
            write_atomically(path, self.content(name))
            return _described(path)

    def note(self, name: str, notes: str) -> Model:
        """Put other notes into its file."""
        with _lock:
            path, model = self._own(name), self.open(name)
            kept = {key: model.metadata.get(key, "") for key in ("owner", "origin")}
            model.write(path, {**_known(model.metadata), **kept, **_texts(notes=notes)})
            return _described(path)

    def delete(self, name: str) -> Model:
        """Move it to the bin, where it may get another name."""
        with _lock:
            return _moved(self._own(name), self._bin)

    def restore(self, name: str) -> Model:
        """Take it out of the bin; it gets another name if its own is taken by now."""
        with _lock:
            return _moved(_existing(self._bin, name), self.folder)

    def empty_bin(self) -> None:
        """Delete for good what is in the bin."""
        with _lock:
            for model in self.deleted():
                model.path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return _existing(self.folder, name)

    def _own(self, name: str) -> Path:
        """The file of a model that may be changed."""
        if name in SHIPPED:
            raise ValueError(f"The model {name} comes with the lab: it cannot be changed; duplicate it instead.")
        return self._path(name)

    def _unused(self, name: str) -> Path:
        """Where a model of this new name goes."""
        name = name.strip().removesuffix(SUFFIX)
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"name must be 1 to {LONGEST_NAME} letters, digits, spaces, dots, hyphens or underscores "
                f"and begin with a letter or a digit, got name = {shortened(name)}."
            )
        path = _place(self.folder, name)
        if name in SHIPPED or os.path.lexists(path):
            raise ValueError(f"name must be one that no saved model has, got name = {name}.")
        return path


def _base(file_name: str) -> str:
    return re.split(r"[/\\]", file_name)[-1]


def _place(folder: Path, name: str) -> Path:
    return folder / f"{name}{SUFFIX}"


def _existing(folder: Path, name: str) -> Path:
    # What does not match is never made a path.
    path = _place(folder, name) if _NAME.fullmatch(name) else None
    if path is None or not os.path.lexists(path):
        raise ValueError(f"name must be a saved model's, got name = {shortened(name)}.")
    return path


def _free(folder: Path, wished: str) -> str:
    """The wished name, or with the first number that makes it new; a name that will do, whatever was wished."""
    wished = re.sub(r"^[^A-Za-z0-9]+", "", wished)[:LONGEST_NAME].strip() or "model"
    name, number = wished, 2
    while name in SHIPPED or os.path.lexists(_place(folder, name)):
        name, number = f"{wished[: LONGEST_NAME - 6]} {number}", number + 1
    return name


def _moved(path: Path, folder: Path) -> Model:
    folder.mkdir(parents=True, exist_ok=True)
    return _described(path.rename(_place(folder, _free(folder, path.stem))))


def _models(folder: Path) -> list[Model]:
    paths = [path for path in folder.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.stem)]
    return [_described(path) for path in sorted(paths, key=lambda path: path.stem.lower())]


def _described(path: Path) -> Model:
    status = path.lstat()
    return _describe(path, status.st_mtime_ns, status.st_size)


@lru_cache(1024)
def _describe(path: Path, modified: int, size: int) -> Model:
    """Reading a file once is enough, as long as it stays as it is."""
    model = Model(path.stem, path, size, modified / 1e9)
    try:
        file = opened(read_ordinary(path, LARGEST_CHECKPOINT))
    except ValueError as error:
        return replace(model, problem=str(error))
    known, texts = _known(file.metadata), {key: str(file.metadata.get(key, ""))[:most] for key, most in LONGEST.items()}
    metrics = known["metrics"]
    return replace(
        model,
        kind=WHOLE if file.checkpoint else PARAMETERS,
        owner=texts["owner"],
        notes=texts["notes"],
        origin=texts["origin"],
        config=RunConfig.from_dict(known["config"]) if "config" in known else None,
        run=known.get("run", ""),
        step=metrics.get("step"),
        test_loss=metrics.get("test_loss"),
        test_accuracy=metrics.get("test_accuracy"),
    )


def _known(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What of a file's metadata is understood, and is what it should be."""
    known: dict[str, Any] = {}
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        known["config"] = RunConfig.from_dict(metadata["config"]).to_dict()
    metrics, environment, history = (metadata.get(key) for key in ("metrics", "environment", "history"))
    step = _dict(metrics).get("step")
    known["metrics"] = {"step": step} if _is_number(step) and isinstance(step, int) else {}
    known["metrics"] |= {
        key: figure
        for key in ("test_loss", "test_accuracy")
        if _is_number(figure := _dict(metrics).get(key)) and isinstance(figure, float)
    }
    if environment and all(isinstance(value, str) or _is_number(value) for value in _dict(environment).values()):
        known["environment"] = environment
    if isinstance(history, list) and all(
        isinstance(epoch, dict) and all(value is None or _is_number(value) for value in epoch.values())
        for epoch in history
    ):
        known["history"] = history
    if re.fullmatch("[0-9a-f]{1,64}", str(metadata.get("run", ""))):
        known["run"] = metadata["run"]
    return known


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(**texts: str) -> dict[str, str]:
    """Raises ValueError for a text that is too long."""
    for name, text in texts.items():
        most = LONGEST[name]
        if len(text) > most:
            raise ValueError(f"{name} must be at most {most} characters, got {len(text)}.")
    return texts
