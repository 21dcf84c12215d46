"""The choice of a network, the same on every page: a saved model, or a run at one of its epochs. The address holds it.

``?model=NAME``, or ``?run=ID`` for the parameters that a run ended with, or ``?run=ID&epoch=K``; a page's second choice
has ``model2``, ``run2`` and ``epoch2``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import streamlit as st

from core.files import read_ordinary
from core.models import checkpoints
from core.runs import states
from core.runs.store import Run
from core.training.network import Network, from_flat
from dashboard import fields, lab, starting, waiting
from dashboard.words import literal, run_choice

#: The latest runs that can be chosen from.
LATEST = 200
KINDS = MODEL, RUN = "model", "run"
EPOCH = "epoch"


@dataclass(frozen=True)
class Source:
    """Parameters that were chosen.

    Args:
        label: what people call them.
        loss: the one that they were trained with.
        digest: of the parameters and the loss: caches know the network by it.
    """

    label: str
    loss: str
    digest: str
    network: Network = field(repr=False)


def choose(label: str = "Network", second: bool = False) -> Source | None:
    """Draw the choice, and load what is chosen.

    Args:
        second: a further network beside the page's first one; none at first.

    Returns:
        None where nothing is chosen, or it cannot be loaded; the page then says why.
    """
    suffix = "2" if second else ""
    asked = _asked(suffix)
    files, runs = _choices(asked)
    if not files and not runs:
        _invite()
        return None
    labels = {token: path.stem for token, path in files.items()}
    labels |= {token: f"Run {run_choice(run)}" for token, run in runs.items()}
    if asked is None and not second:
        asked = _first(labels)
        _note(asked, suffix)
    if asked is not None and asked not in labels:
        st.info(_missing(asked))
    key = f"source{suffix}"
    st.session_state[key] = asked if asked in labels else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        token = st.selectbox(
            label,
            list(labels),
            key=key,
            format_func=lambda token: labels.get(token, token),
            placeholder="Choose a saved model or a run",
            on_change=lambda: _note(st.session_state[key], suffix),
        )
        epoch = _epoch(runs[token], suffix) if token in runs else None
    if token is None:
        return None
    try:
        if token in files:
            return from_file(files[token])
        run = runs[token]
        final = lab.service().parameters_file(run.id)
        if epoch is None and final:
            return from_file(final, f"Run #{run.number}")
        return _from_replay(run, epoch)
    except ValueError as error:
        st.error(literal(str(error)))
        return None


def from_file(path: Path, label: str = "") -> Source:
    """Return the network of a file, parameters or a whole model; read once, and again when the file has changed.

    Args:
        label: the file's name unless given.

    Raises:
        ValueError: in one sentence, if no network can be read from it.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ValueError(f"The file {path.name} cannot be read: {error.strerror}.") from None
    return replace(_read(path, status.st_size, status.st_mtime_ns), label=label or path.stem)


def from_bytes(content: bytes, label: str) -> Source:
    """Return the network of a file's content.

    Raises:
        CheckpointError: in one sentence, if no network can be read from it.
    """
    network, metadata = checkpoints.load_parameters(content)
    return from_network(network, label, checkpoints.trained_loss(metadata))


def from_network(network: Network, label: str, loss: str = "cross_entropy") -> Source:
    """Return a network as pages know it."""
    digest = hashlib.sha256(loss.encode())
    for parameter in network.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    return Source(label, loss, digest.hexdigest(), network)


@st.cache_resource(max_entries=256, show_spinner=False)
def _read(path: Path, size: int, modified: int) -> Source:
    return from_bytes(read_ordinary(path, checkpoints.LARGEST_CHECKPOINT), path.stem)


def _choices(asked: str | None) -> tuple[dict[str, Path], dict[str, Run]]:
    """The saved models' files, and the latest runs and the one asked for, by token."""
    files = {f"{MODEL}:{path.stem}": path for path in checkpoints.list_models()}
    runs = {f"{RUN}:{run.id}": run for run in lab.service().runs(LATEST) if _has_parameters(run)}
    if asked and asked.startswith(f"{RUN}:") and asked not in runs:
        run = lab.service().run(asked.partition(":")[2])
        if run and _has_parameters(run):
            runs[asked] = run
    return files, runs


def _has_parameters(run: Run) -> bool:
    return run.step > 0 and run.state not in (states.QUEUED, states.RUNNING)


def _epoch(run: Run, suffix: str) -> int | None:
    """Draw the choice of a run's epoch: None is the run's end."""
    last = -(-run.step // run.config.span.steps_per_epoch)
    name, key = EPOCH + suffix, f"source{suffix}.epoch"
    asked = st.query_params.get(name, "")
    st.session_state[key] = next((epoch for epoch in range(last) if str(epoch) == asked), last)
    chosen = st.select_slider(
        "After epoch",
        range(last + 1),
        key=key,
        format_func=lambda epoch: "the end" if epoch == last else str(epoch),
        on_change=lambda: _note_epoch(name, st.session_state[key], last),
        width=260,
    )
    return None if chosen == last else chosen


def _from_replay(run: Run, epoch: int | None) -> Source | None:
    """The parameters after an epoch, or at the end; while they are replayed, how far that is."""
    try:
        trajectory = waiting.show(lab.service().trajectory(run.id))
    except ValueError as error:
        st.info(fields.explain(error))
        return None
    if trajectory is None:
        return None
    wanted = run.step if epoch is None else epoch * run.config.span.steps_per_epoch
    step, flat = trajectory.nearest(wanted)
    if trajectory.message:
        st.caption(trajectory.message)
    if step != wanted:
        st.caption(f"Not every step of a replay is kept: this is step {step:,}, the nearest to step {wanted:,}.")
    label = f"Run #{run.number}" if epoch is None else f"Run #{run.number}, epoch {epoch}"
    return from_network(from_flat(flat), label, run.config.loss)


def _invite() -> None:
    with st.container(border=True):
        st.markdown("#### There is no network yet")
        st.markdown("Train one, which takes seconds, and it can be chosen here.")
        st.page_link("views/train/page.py", label="Train a network", icon=":material/play_arrow:")


def _first(labels: Mapping[str, str]) -> str:
    """What is shown to someone who has not chosen: their own run, the reference model, or the latest run."""
    own, reference = f"{RUN}:{mine.id if (mine := starting.last()) else None}", f"{MODEL}:reference"
    latest = next((token for token in labels if token.startswith(RUN)), next(iter(labels)))
    return own if own in labels else reference if reference in labels else latest


def _asked(suffix: str) -> str | None:
    """The token of what the address asks for."""
    return next(
        (f"{kind}:{st.query_params[kind + suffix]}" for kind in KINDS if kind + suffix in st.query_params), None
    )


def _note(token: str | None, suffix: str) -> None:
    """Put the choice into the address."""
    for name in (MODEL, RUN, EPOCH):
        st.query_params.pop(name + suffix, None)
    if token:
        kind, _, value = token.partition(":")
        st.query_params[kind + suffix] = value


def _note_epoch(name: str, epoch: int, last: int) -> None:
    if epoch == last:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(epoch)


def _missing(token: str) -> str:
    if token.startswith(RUN):
        return "This link names a run that this lab does not have, or one that still trains. Choose another network."
    return "This link names a saved model that this lab does not have. Choose another network."
