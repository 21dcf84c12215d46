"""Several runs as one picture: started together, found again by the address, drawn as lines."""

import json
import secrets
from collections.abc import Sequence

import streamlit as st

from core.runs.curves import Curves, curves_of
from core.runs.store import Run
from core.sweep.race import lanes_of
from core.training.config import RunConfig
from dashboard import lab, visitors
from dashboard.colors import OPTIMIZER_COLORS, OPTIMIZER_DASHES, line_style
from dashboard.components.chart import Line
from dashboard.words import differences


def named(parameter: str) -> list[Run]:
    """The runs that the address names under ``parameter``, without those that this lab does not have."""
    ids = [run_id for run_id in st.query_params.get(parameter, "").split(",") if run_id]
    found = [lab.service().run(run_id) for run_id in dict.fromkeys(ids)]
    return [run for run in found if run]


def start(parameter: str, configs: Sequence[RunConfig], tag: str) -> list[str]:
    """Start the runs in this order and name them in the address under ``parameter``; a double click starts them once.

    Returns:
        their ids; empty if they could not be started, which ``trouble`` then tells.
    """
    click = st.session_state.setdefault("racing.page", secrets.token_hex(8))
    try:
        you = visitors.visitor()
        ids = [
            lab.service().submit(config, "", you.id, you.name, tags=(tag,), click=f"{click} {tag}")
            for config in configs
        ]
    except ValueError as error:
        st.session_state["racing.trouble"] = str(error)
        return []
    st.query_params[parameter] = ",".join(ids)
    return ids


def trouble() -> None:
    """Say why runs could not be started, once."""
    if sentence := st.session_state.pop("racing.trouble", ""):
        st.error(sentence)


def over(runs: Sequence[Run]) -> bool:
    return all(run.over for run in runs)


def stop(ids: Sequence[str]) -> None:
    for run_id in ids:
        lab.service().command(run_id, "stop")


def curves(run: Run) -> Curves:
    """What the run has recorded so far."""
    return _recorded(run.id, run.ended) if run.over else _read(run.id)


@st.cache_data(max_entries=64, show_spinner=False)
def _recorded(run_id: str, ended: float | None) -> Curves:
    """The curves of a run that is over since ``ended``; a resumed one is over anew, later."""
    return _read(run_id)


def _read(run_id: str) -> Curves:
    return curves_of(json.loads(message) for message in lab.service().messages(run_id) or [])


def lines(runs: Sequence[Run], names: Sequence[str] | None = None) -> list[Line]:
    """A line a lane, named by what sets it apart; an optimizer's own colour where optimizers race.

    Args:
        names: one a run, for runs that each have a line of their own and were given names.
    """
    if names is not None:
        styles = [line_style(i) for i in range(len(runs))]
        return [Line(name, (run.id,), *style) for name, run, style in zip(names, runs, styles, strict=True)]
    groups = [[runs[i] for i in group] for group in lanes_of([run.config for run in runs])]
    first = [group[0].config for group in groups]
    names = differences(first)
    names = [f"{name} ({names[:i].count(name) + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]
    optimizers = [config.optimizer for config in first]
    styles = [line_style(i) for i in range(len(groups))]
    if len(set(optimizers)) == len(optimizers):
        styles = [(OPTIMIZER_COLORS[name], OPTIMIZER_DASHES[name]) for name in optimizers]
    return [
        Line(name, tuple(run.id for run in group), color, dash)
        for name, group, (color, dash) in zip(names, groups, styles, strict=True)
    ]
