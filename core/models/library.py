"""Library of models: a folder with one safetensors file per model, named as the model, for people and the terminal."""

import contextlib
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from core import data
from core.analysis.evaluation import evaluate
from core.files import MissingFileError, UnreadableError, read_ordinary, shortened
from core.models import conventions, formats, names
from core.models.checkpoints import (
    LARGEST_CHECKPOINT,
    LONGEST_NAME,
    Checkpoint,
    CheckpointError,
    is_run,
    list_models,
    load_checkpoint,
    load_parameters,
    network_of,
    save_checkpoint,
    save_parameters,
    trained_loss,
)
from core.models.metadata import LONGEST, as_dict, checked_texts, known, shown_texts
from core.owners import OPERATOR, Visitor
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer

PARAMETERS, WHOLE = "parameters", "whole model"
BIN = "bin"

#: Held from looking whether a name is free until a file has that name.
_lock = threading.RLock()


@dataclass(frozen=True)
class Model:
    """Model as its file describes it.

    Args:
        kind: ``PARAMETERS``, or ``WHOLE`` for one that training can go on from.
        size: bytes.
        modified: unix seconds.
        owner: name of who saved it; ``owner_id`` is their id, "" if it is not known.
        origin: source in words: its run and epoch, its file, or the models it is the average of.
        config: of its run, if it has one; ``run`` is its run's id, in the lab where it was saved.
        step: number of steps that its parameters have had, if known.
        problem: one sentence on why it cannot be used; "" if it can.
    """

    name: str
    path: Path
    size: int
    modified: float
    kind: str = PARAMETERS
    owner: str = ""
    owner_id: str = ""
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
        return self.name in names.SHIPPED


@dataclass(frozen=True)
class Opened:
    """Model that has been read and checked; with ``checkpoint``, a whole one."""

    network: Network
    metadata: dict[str, Any]
    checkpoint: Checkpoint | None = None

    def write(self, path: Path, metadata: Mapping[str, Any]) -> None:
        """Write the model with other metadata."""
        if self.checkpoint:
            save_checkpoint(path, replace(self.checkpoint, metadata=dict(metadata)))
        else:
            save_parameters(self.network, path, metadata)


def opened(content: bytes) -> Opened:
    """Read a model of either kind. Of a whole one, the state that training goes on from is checked too.

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
    metadata["metrics"] = {**as_dict(metadata.get("metrics")), "step": state["step"]}
    return Opened(network, metadata, checkpoint)


def read_file(file_name: str, content: bytes) -> Opened:
    """Read a file from outside, whose name says its format.

    Raises:
        CheckpointError: naming what is wrong with it.
    """
    format = formats.of_name(file_name, readable=True)
    if not content:
        raise CheckpointError("The file is empty.")
    return opened(content) if format is formats.FORMATS["safetensors"] else Opened(*formats.read(file_name, content))


def read_path(path: Path) -> Opened:
    """Read a file from outside by its path, which may be a link.

    Raises:
        ValueError: naming what is wrong with it.
    """
    return read_file(path.name, read_ordinary(path.resolve(), LARGEST_CHECKPOINT))


def found(model: Opened) -> conventions.Finding | None:
    """Return what the test set says of the conventions of a model's inputs and outputs; None where it says nothing."""
    if model.checkpoint:
        return None
    finding = conventions.find(model.network, data.load().test)
    # A poor network that says how a lab trained it is just that.
    told = finding.sentence and (finding.clearly_better or "config" not in known(model.metadata))
    return finding if told else None


class Library:
    """The models of one folder, as one visitor may use them. Every method may be called from any thread.

    The visitor who saved a model, or the teacher, may change, delete and restore it; others may duplicate it. The files
    describe themselves; there is no index, which could disagree with them.

    All raise ValueError, in one sentence, for a name that is invalid, taken, or no model's; and its subclass
    CheckpointError for a file that is no model. Those that change a model also raise it for one that is another's.

    Args:
        by: who acts, and becomes the owner of what is saved; the operator, who may do all, unless given.
    """

    def __init__(self, folder: Path, by: Visitor = OPERATOR) -> None:
        self.folder, self._by = folder, by
        self._bin = folder / BIN

    def models(self) -> list[Model]:
        """List all models in the order of their names; those that cannot be used say why."""
        return _models(self.folder)

    def deleted(self) -> list[Model]:
        """List the models in the bin."""
        return _models(self._bin)

    def model(self, name: str) -> Model:
        return _described(self._path(name))

    def open(self, name: str) -> Opened:
        return opened(self.content(name))

    def content(self, name: str) -> bytes:
        """Return the bytes of the model's file."""
        return read_ordinary(self._path(name), LARGEST_CHECKPOINT)

    def refusal(self, model: Model) -> str:
        """Return in one sentence why the model may not be changed or deleted; "" if it may."""
        if model.shipped:
            return f"The model {model.name} comes with the lab: it cannot be changed; duplicate it instead."
        if self._by.may_change(model.owner_id):
            return ""
        saver = f"{model.owner or 'the visitor'}, who saved it," if model.owner_id else ""
        teacher = "" if self._by.open_lab else "the teacher"
        allowed = " or ".join(filter(None, (saver, teacher))).removesuffix(",")
        instead = "; duplicate it instead" if model.path.parent == self.folder else ""
        return f"The model {model.name} can be changed or deleted only by {allowed}{instead}."

    def keep(self, model: Opened, name: str, *, notes: str = "", origin: str = "") -> Model:
        """Save a model under a new name, with its figures on the test set.

        Of its metadata only what is known and valid is saved.
        """
        measured = self._measured(model, notes, origin)
        with _lock:
            return self._written(model, name, measured)

    def bring(self, file_name: str, content: bytes, name: str = "", *, notes: str = "", convert: bool = False) -> Model:
        """Import a file, whose name says its format; the model is called as the file unless ``name`` is given.

        Args:
            convert: fold into the network what the test set says it was trained on, where that is clearly better.
        """
        model = read_file(file_name, content)
        converted = "" if model.checkpoint else model.metadata.get("converted_from")
        origin = f"the file {shortened(names.base(file_name))}" + (f", converted from {converted}" if converted else "")
        if convert and (finding := found(model)) and finding.clearly_better:
            model = replace(model, network=conventions.fold(model.network, finding.convention))
            origin += f", folded to take the lab's pixels: it took {finding.convention.label}"
        notes = notes or str(model.metadata.get("notes", ""))[: LONGEST["notes"]]
        measured = self._measured(model, notes, origin)
        with _lock:
            # Only now: while it was measured, another process may have taken the name.
            return self._written(model, name or self.suggested(file_name), measured)

    def suggested(self, file_name: str) -> str:
        """Suggest a free name for a file from outside, near to its own.

        Raises:
            CheckpointError: if it ends like no file that can be read.
        """
        formats.of_name(file_name, readable=True)
        return names.free(self.folder, re.sub(r"[^A-Za-z0-9 _.-]", "-", formats.stem(names.base(file_name))))

    def rename(self, name: str, new: str) -> Model:
        with _lock:
            return _described(self._own(name).rename(names.unused(self.folder, new)))

    def duplicate(self, name: str) -> Model:
        """Make a copy called ``NAME copy``, which is the visitor's."""
        with _lock:
            model = self.open(name)
            path = names.place(self.folder, names.free(self.folder, f"{name[: LONGEST_NAME - 5]} copy"))
            model.write(path, {**known(model.metadata), **shown_texts(model.metadata), **self._owner()})
            return _described(path)

    def note(self, name: str, notes: str) -> Model:
        """Replace the notes in its file."""
        with _lock:
            path, model = self._own(name), self.open(name)
            texts = {**shown_texts(model.metadata), **checked_texts(notes=notes)}
            model.write(path, {**known(model.metadata), **texts})
            return _described(path)

    def delete(self, name: str) -> Model:
        """Move the model to the bin, where it may get another name."""
        with _lock:
            return _moved(self._own(name), self._bin)

    def restore(self, name: str) -> Model:
        """Move the model out of the bin; it gets another name if its own is taken by now."""
        with _lock:
            return _moved(self._changeable(names.existing(self._bin, name)), self.folder)

    def empty_bin(self, shown: Collection[Model] | None = None) -> None:
        """Delete those models in the bin for good that the visitor may delete.

        Args:
            shown: those that the visitor was asked about, as ``deleted`` gave them; unless given, all.
        """
        with _lock:
            for model in self.deleted():
                if self.refusal(model) or (shown is not None and model not in shown):
                    continue
                model.path.unlink(missing_ok=True)

    def _measured(self, model: Opened, notes: str, origin: str) -> dict[str, Any]:
        """Return the metadata of a model to be saved: what is known and valid, and its figures on the test set."""
        metadata = {**known(model.metadata), **checked_texts(notes=notes, origin=origin, **self._owner())}
        test = evaluate(model.network, data.load().test, trained_loss(metadata))
        metrics = {**metadata["metrics"], "test_loss": test.loss, "test_accuracy": test.accuracy}
        return {**metadata, "metrics": metrics}

    def _written(self, model: Opened, name: str, metadata: Mapping[str, Any]) -> Model:
        path = names.unused(self.folder, name)
        model.write(path, metadata)
        return _described(path)

    def _path(self, name: str) -> Path:
        return names.existing(self.folder, name)

    def _own(self, name: str) -> Path:
        return self._changeable(self._path(name))

    def _changeable(self, path: Path) -> Path:
        """Return the path of a model that the visitor may change."""
        if refusal := self.refusal(_described(path)):
            raise ValueError(refusal)
        return path

    def _owner(self) -> dict[str, str]:
        return {"owner": self._by.name, "owner_id": self._by.id}


def _moved(path: Path, folder: Path) -> Model:
    folder.mkdir(parents=True, exist_ok=True)
    return _described(path.rename(names.place(folder, names.free(folder, path.stem))))


def _models(folder: Path) -> list[Model]:
    models = []
    for path in list_models(folder):
        # Others may rename or delete one after it was listed.
        with contextlib.suppress(names.MissingModelError):
            models.append(_described(path))
    return models


def _described(path: Path) -> Model:
    try:
        status = path.lstat()
        return _describe(path, status.st_mtime_ns, status.st_size)
    except (FileNotFoundError, MissingFileError):
        # Whether it is there now says nothing: others may have put it back.
        raise names.missing(path.stem) from None
    except UnreadableError as error:
        return Model(path.stem, path, status.st_size, status.st_mtime, problem=str(error))


@lru_cache(1024)
def _describe(path: Path, modified: int, size: int) -> Model:
    """Describe a file; time and size are part of the cache's key, so that each version is read once."""
    model = Model(path.stem, path, size, modified / 1e9)
    try:
        file = opened(read_ordinary(path, LARGEST_CHECKPOINT))
    except UnreadableError:
        # Not kept: it may be there or be readable at the next look, with the same time and size.
        raise
    except ValueError as error:
        return replace(model, problem=str(error))
    metadata, texts = known(file.metadata), shown_texts(file.metadata)
    metrics = metadata["metrics"]
    return replace(
        model,
        kind=WHOLE if file.checkpoint else PARAMETERS,
        owner=texts["owner"],
        owner_id=texts["owner_id"],
        notes=texts["notes"],
        origin=texts["origin"],
        config=RunConfig.from_dict(metadata["config"]) if "config" in metadata else None,
        run=metadata.get("run", ""),
        step=metrics.get("step"),
        test_loss=metrics.get("test_loss"),
        test_accuracy=metrics.get("test_accuracy"),
    )
