"""Choice of a network, the same on every page: a saved model, or a run at one of its epochs. The address has it.

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
from core.runs.store import Run
from core.training.network import Network, from_flat
from dashboard import address, fields, lab, starting, waiting
from dashboard.words import literal, run_choice

#: The latest runs that can be chosen from.
LATEST = 200
KINDS = MODEL, RUN = "model", "run"
EPOCH = "epoch"


@dataclass(frozen=True)
class Source:
    """Network as pages know it.

    Args:
        label: its name for people.
        loss: name of the loss that it was trained with.
        digest: of the parameters and the loss; the key of all that is cached for it.
    """

    label: str
    loss: str
    digest: str
    network: Network = field(repr=False)


def choose(label: str = "Network", second: bool = False) -> Source | None:
    """Draw the choice, and load the chosen network.

    Args:
        second: a further network beside the page's first one; none at first.

    Returns:
        None where nothing is chosen, or it cannot be loaded; the page then says why.
    """
    suffix = "2" if second else ""
    requested = _requested(suffix)
    files, runs = _choices(requested)
    if not files and not runs:
        _invite()
        return None
    labels = {token: path.stem for token, path in files.items()}
    labels |= {token: f"Run {run_choice(run)}" for token, run in runs.items()}
    if requested is None and not second:
        requested = _first(labels)
        kind, _, value = requested.partition(":")
        address.complete(**{kind: value})
    if requested is not None and requested not in labels:
        st.info(_missing(requested))
    key = f"source{suffix}"
    st.session_state[key] = requested if requested in labels else None
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
        st.error(fields.explain(error))
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


@st.cache_resource(max_entries=64, show_spinner=False)
def _read(path: Path, size: int, modified: int) -> Source:
    return from_bytes(read_ordinary(path, checkpoints.LARGEST_CHECKPOINT), path.stem)


def _choices(requested: str | None) -> tuple[dict[str, Path], dict[str, Run]]:
    """Return the saved models' files, and the latest runs with the requested one; both by token."""
    files = {f"{MODEL}:{path.stem}": path for path in checkpoints.list_models()}
    runs = {f"{RUN}:{run.id}": run for run in lab.service().runs(LATEST) if _has_parameters(run)}
    if requested and requested.startswith(f"{RUN}:") and requested not in runs:
        run = lab.service().run(requested.partition(":")[2])
        if run and _has_parameters(run):
            runs[requested] = run
    return files, runs


def _has_parameters(run: Run) -> bool:
    return run.step > 0 and not run.going


def _epoch(run: Run, suffix: str) -> int | None:
    """Draw the choice of a run's epoch: None is the run's end."""
    last = -(-run.step // run.config.span.steps_per_epoch)
    name, key = EPOCH + suffix, f"source{suffix}.epoch"
    requested = address.get(name)
    st.session_state[key] = next((epoch for epoch in range(last) if str(epoch) == requested), last)

    def write() -> None:
        chosen = st.session_state[key]
        address.put(**{name: None if chosen == last else str(chosen)})

    chosen = st.select_slider(
        "After epoch",
        range(last + 1),
        key=key,
        format_func=lambda epoch: "the end" if epoch == last else str(epoch),
        on_change=write,
        width=260,
    )
    return None if chosen == last else chosen


def _from_replay(run: Run, epoch: int | None) -> Source | None:
    """Return the network after an epoch, or at the end; while the run is replayed, draw the progress."""
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
        st.caption(literal(trajectory.message))
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
    """Token of the first choice: the visitor's own run, the reference model, or the latest run."""
    own, reference = f"{RUN}:{mine.id if (mine := starting.last()) else None}", f"{MODEL}:reference"
    latest = next((token for token in labels if token.startswith(RUN)), next(iter(labels)))
    return own if own in labels else reference if reference in labels else latest


def _requested(suffix: str) -> str | None:
    """Token of the network that the address names."""
    return next((f"{kind}:{value}" for kind in KINDS if (value := address.get(kind + suffix))), None)


def _note(token: str | None, suffix: str) -> None:
    """Put the choice into the address, without an epoch."""
    kind, _, value = (token or "").partition(":")
    chosen = {f"{name}{suffix}": value if name == kind else None for name in KINDS}
    address.put(**chosen, **{EPOCH + suffix: None})


def _missing(token: str) -> str:
    if token.startswith(RUN):
        return "This link names a run that this lab does not have, or one that still trains. Choose another network."
    return "This link names a saved model that this lab does not have. Choose another network."
