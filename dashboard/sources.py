"""The choice of a network, the same on every page: a saved model, or a run. The address holds it.

``?model=NAME`` or ``?run=ID``; a second choice on one page has ``model2`` and ``run2``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from core import checkpoints
from core.network import Network
from core.runs.store import Run
from dashboard import lab
from dashboard.words import percent, run_label

#: The latest runs that can be chosen from.
LATEST = 200
KINDS = MODEL, RUN = "model", "run"


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
    labels = {**{token: path.stem for token, path in files.items()}, **{token: _named(runs[token]) for token in runs}}
    if asked is None and not second:
        asked = _first(labels)
        _note(asked, suffix)
    if asked is not None and asked not in labels:
        st.info(_missing(asked))
    key = f"source{suffix}"
    st.session_state[key] = asked if asked in labels else None
    token = st.selectbox(
        label,
        list(labels),
        key=key,
        format_func=lambda token: labels.get(token, token),
        placeholder="Choose a saved model or a run",
        on_change=lambda: _note(st.session_state[key], suffix),
    )
    if token is None:
        return None
    path = files[token] if token in files else lab.service().parameters_file(runs[token].id)
    if path is None:
        st.info("This run ended before it had parameters to keep. Choose another one.")
        return None
    return _load(path, labels[token])


def _choices(asked: str | None) -> tuple[dict[str, Path], dict[str, Run]]:
    """The saved models' files and the runs that are over, by token; an older run too, if it is the one asked for."""
    files = {f"{MODEL}:{path.stem}": path for path in checkpoints.list_models()}
    runs = {f"{RUN}:{run.id}": run for run in lab.service().runs(LATEST) if run.over}
    if asked and asked.startswith(f"{RUN}:") and asked not in runs:
        run = lab.service().run(asked.partition(":")[2])
        if run and run.over:
            runs[asked] = run
    return files, runs


def _invite() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("#### There is no network yet")
        st.markdown("Train one, which takes seconds, and it can be chosen here.")
        st.page_link("views/train.py", label="Train a network", icon=":material/play_arrow:")


def _first(labels: Mapping[str, str]) -> str:
    """What is shown to someone who has not chosen: their own run, the reference model, or the latest run."""
    own, reference = f"{RUN}:{st.session_state.get('train.mine')}", f"{MODEL}:reference"
    latest = next((token for token in labels if token.startswith(RUN)), next(iter(labels)))
    return own if own in labels else reference if reference in labels else latest


def _asked(suffix: str) -> str | None:
    """The token of what the address asks for."""
    return next(
        (f"{kind}:{st.query_params[kind + suffix]}" for kind in KINDS if kind + suffix in st.query_params), None
    )


def _note(token: str | None, suffix: str) -> None:
    """Put the choice into the address."""
    for kind in KINDS:
        if kind + suffix in st.query_params:
            del st.query_params[kind + suffix]
    if token:
        kind, _, value = token.partition(":")
        st.query_params[kind + suffix] = value


def _missing(token: str) -> str:
    if token.startswith(RUN):
        return "This link names a run that this lab does not have, or one that is not over. Choose another network."
    return "This link names a saved model that this lab does not have. Choose another network."


def _named(run: Run) -> str:
    result = "" if run.test_accuracy is None else f" · {percent(run.test_accuracy)}"
    return f"Run {run.number} · {run_label(run)}{result}"


def _load(path: Path, label: str) -> Source | None:
    try:
        network, metadata = checkpoints.load_parameters(path)
    except checkpoints.CheckpointError as error:
        st.error(str(error))
        return None
    loss = checkpoints.trained_loss(metadata)
    digest = hashlib.sha256(loss.encode())
    for parameter in network.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    return Source(label, loss, digest.hexdigest(), network)
