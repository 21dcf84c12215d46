"""Starting runs from a page: one, or a group that belongs together."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from core import compiled
from core.models.checkpoints import Checkpoint
from core.runs import states
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import lab, notices, visitors

#: The latest runs of all visitors among which a visitor's own are looked for.
RECENT = 200
_CLICK, _LAST, _SLOWER = "starting.click", "starting.last", "starting.slower"


def run(
    config: RunConfig,
    name: str = "",
    *,
    parent: str | None = None,
    start: Checkpoint | None = None,
    tags: Iterable[str] = (),
) -> str | None:
    """Start one run of this visitor's; a double click starts it once.

    Args:
        parent: the run that it goes on from, or is a fork of.
        start: the checkpoint to go on from.
        tags: for people.

    Returns:
        its id, or None if it was refused, which a notice then says.
    """
    ids: list[str] = []
    if not notices.attempt(lambda: ids.append(_submit(config, name, parent, start, tuple(tags)))):
        return None
    st.session_state[_LAST] = ids[0]
    return ids[0]


def branch(run: Run, step: int, changes: Callable[[], Mapping[str, Any]]) -> str | None:
    """Start a branch of a run, as ``Service.branch`` does; a double click starts it once.

    Args:
        changes: returns the changed settings; may raise what it is refused with.

    Returns:
        its id, or None if it was refused, which a notice then says.
    """
    ids: list[str] = []

    def submit() -> None:
        you = visitors.visitor()
        ids.append(lab.service().branch(run.id, step, changes(), you.id, you.name, click=_click(run.id, str(step))))

    if not notices.attempt(submit):
        return None
    st.session_state[_LAST] = ids[0]
    return ids[0]


def group(configs: Sequence[RunConfig], tag: str = "") -> list[str]:
    """Start these runs in this order; a double click starts them once.

    Returns:
        their ids; empty if they were refused, which a notice then says: all are started or none.
    """
    ids: list[str] = []

    def submit() -> None:
        you, tags = visitors.visitor(), (tag,) if tag else ()
        ids.extend(lab.service().submit_group(configs, you.id, you.name, tags=tags, click=_click(*tags)))

    notices.attempt(submit)
    return ids


def going(runs: Iterable[Run]) -> list[Run]:
    """Select the runs that train or wait: while there are any, a page starts no more of them."""
    return [run for run in runs if run.state in (states.QUEUED, states.RUNNING)]


def last() -> Run | None:
    """Return the single run that this session started last."""
    run_id = st.session_state.get(_LAST)
    return lab.service().run(run_id) if run_id else None


def last_before(run: Run) -> Run | None:
    """Return the visitor's own latest run that was started before this one, of any session; None if there is none."""
    you = visitors.visitor()
    own = (other for other in lab.service().runs(RECENT) if other.owner == you.id and other.step)
    return next((other for other in own if other.number < run.number), None)


def _submit(config: RunConfig, name: str, parent: str | None, start: Checkpoint | None, tags: tuple[str, ...]) -> str:
    you = visitors.visitor()
    return lab.service().submit(
        config, name, you.id, you.name, parent=parent, start=start, tags=tags, click=_click(*tags)
    )


def _click(*tags: str) -> str:
    # The service takes the same settings with the same token within a second for one click. The tags are a part of
    # it, since the race that follows a search may have the very settings of one of its runs; so is a branch's place.
    return " ".join([st.session_state.setdefault(_CLICK, secrets.token_hex(8)), *tags])


def show_speed() -> None:
    """Say why runs wait while the lab compiles, and once in a session that training is slow without compiled steps."""
    if lab.service().compiling:
        _show_compiling()
    if not compiled.AVAILABLE and not st.session_state.get(_SLOWER):
        st.session_state[_SLOWER] = True
        st.toast("Training takes about three times as long here: numba is not installed.", icon=":material/speed:")


@st.fragment(run_every=1.0)
def _show_compiling() -> None:
    if lab.service().compiling:
        st.info(
            "Compiling the training step for this machine, once. Runs begin when it is done, in some ten seconds.",
            icon=":material/hourglass_top:",
        )
    else:
        st.rerun()
