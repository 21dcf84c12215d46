"""Starting runs from a page: one, or a group that belongs together."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from core import compiled
from core.models.checkpoints import Checkpoint
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import address, lab, notices, visitors

#: The latest runs of all visitors among which a visitor's own are looked for.
RECENT = 200
_CLICK, _LAST, _SLOWER = "starting.click", "starting.last", "starting.slower"
#: In the session: the runs that answered the last start, since they have the same settings.
_SAME = "starting.same"
#: Runs that are named one by one.
NAMED = 4


def run(
    config: RunConfig,
    name: str = "",
    *,
    parent: str | None = None,
    start: Checkpoint | None = None,
    tags: Iterable[str] = (),
    again: bool = False,
) -> str | None:
    """Start one run of this visitor's, or find the one that has the same settings; a double click starts it once.

    Args:
        parent: the run that it goes on from, or is a fork of.
        start: the checkpoint to go on from.
        tags: for people.
        again: train it whether this machine has finished its settings or not.

    Returns:
        its id, or None if it was refused, which a notice then says.
    """
    ids: list[str] = []

    def submit() -> None:
        # A run that goes on from a checkpoint is not its settings alone.
        twin = None if again or start else lab.service().twin(config)
        ids.append(twin.id if twin else _submit(config, name, parent, start, tuple(tags), again))
        _answered([twin] if twin else [])
        if not twin:
            st.session_state[_LAST] = ids[0]

    return ids[0] if notices.attempt(submit) else None


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
        ids.append(
            lab.service().branch(
                run.id, step, changes(), you.id, you.name, click=_click(run.id, str(step), again=False)
            )
        )

    if not notices.attempt(submit):
        return None
    st.session_state[_LAST] = ids[0]
    return ids[0]


def group(configs: Sequence[RunConfig], tag: str = "", *, again: bool = False) -> list[str]:
    """Start these runs in this order, but those of which the lab has a run of the same settings.

    A double click starts them once.

    Args:
        again: train all of them.

    Returns:
        their ids; empty if they were refused, which a notice then says: all are started or none.
    """
    ids: list[str] = []

    def submit() -> None:
        you, tags = visitors.visitor(), (tag,) if tag else ()
        # A whole class starts the same group at once: whose runs train already will do.
        twins = [None if again else lab.service().twin(config, going=True) for config in configs]
        new = [config for config, twin in zip(configs, twins, strict=True) if not twin]
        service = lab.service()
        started = (
            service.submit_group(new, you.id, you.name, tags=tags, click=_click(*tags, again=again)) if new else []
        )
        fresh = iter(started)
        ids.extend(twin.id if twin else next(fresh) for twin in twins)
        _answered([twin for twin in twins if twin])

    notices.attempt(submit)
    return ids


def trained_before(shown: Sequence[Run], again: Callable[[], None]) -> None:
    """Say which of these runs answered the last start, and draw the button that trains them again.

    Args:
        again: called by the button, before the page is drawn.
    """
    if same := _same(shown):
        st.caption(f":material/equal: Same settings as {_names(same)}: training again gives the same figures.")
        st.button("Train again", icon=":material/restart_alt:", type="tertiary", on_click=again)


def group_again(shown: Sequence[Run], tag: str = "") -> list[str]:
    """Train those of these runs again that answered the last start; as ``group``.

    Returns:
        the ids of all, the new ones in the others' places.
    """
    same = _same(shown)
    fresh = iter(group([run.config for run in same], tag, again=True))
    new = {run.id: run_id for run, run_id in zip(same, fresh, strict=False)}
    return [new.get(run.id, run.id) for run in shown] if new else []


def _answered(twins: Sequence[Run]) -> None:
    """Keep the runs that answered a start, and say so at once."""
    st.session_state[_SAME] = {run.id for run in twins}
    if twins:
        notices.say(f"Same settings as {_names(twins)}.")


def _same(shown: Iterable[Run]) -> list[Run]:
    known = st.session_state.get(_SAME, set())
    return [run for run in shown if run.id in known]


def _names(runs: Sequence[Run]) -> str:
    names = [f"#{run.number}" for run in runs]
    if len(names) > NAMED:
        names[NAMED - 1 :] = [f"{len(names) - NAMED + 1} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def going(runs: Iterable[Run]) -> list[Run]:
    """Select the runs that train or wait: while there are any, a page starts no more of them."""
    return [run for run in runs if run.going]


def last() -> Run | None:
    """Return the single run that this session started last."""
    run_id = st.session_state.get(_LAST)
    return lab.service().run(run_id) if run_id else None


def last_before(run: Run) -> Run | None:
    """Return the visitor's own latest run that was started before this one, of any session; None if there is none."""
    you = visitors.visitor()
    own = (other for other in lab.service().runs(RECENT) if other.owner == you.id and other.step)
    return next((other for other in own if other.number < run.number), None)


def _submit(
    config: RunConfig, name: str, parent: str | None, start: Checkpoint | None, tags: tuple[str, ...], again: bool
) -> str:
    you = visitors.visitor()
    click = _click(*tags, again=again)
    return lab.service().submit(config, name, you.id, you.name, parent=parent, start=start, tags=tags, click=click)


def _click(*tags: str, again: bool) -> str:
    # The service takes the same settings with the same token within a second for one click. The tags are a part of
    # it, since the race that follows a search may have the very settings of one of its runs; so are the button and the
    # place of a branch.
    return " ".join([st.session_state.setdefault(_CLICK, secrets.token_hex(8)), *tags, *(["again"] if again else [])])


def show_speed() -> None:
    """Say why runs wait while the lab compiles, and once in a session that training is slow without compiled steps."""
    if lab.service().compiling:
        _show_compiling()
    if not compiled.AVAILABLE and not st.session_state.get(_SLOWER):
        st.session_state[_SLOWER] = True
        st.toast("Training takes about three times as long here: numba is not installed.", icon=":material/speed:")


@address.fragment(1.0)
def _show_compiling() -> None:
    if lab.service().compiling:
        st.info(
            "Compiling the training step for this machine, once. Runs begin when it is done, in some ten seconds.",
            icon=":material/hourglass_top:",
        )
    else:
        st.rerun()
