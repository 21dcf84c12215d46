"""Several runs as one picture: started together, found again by the address, drawn as lines."""

import json
from collections.abc import Sequence

import streamlit as st

from core.config import RunConfig
from core.curves import Curves, curves_of
from core.race import lanes_of
from core.runs.store import Run
from dashboard import lab
from dashboard.colors import OPTIMIZER_COLORS, OPTIMIZER_DASHES, line_style
from dashboard.components.live_chart import Line
from dashboard.words import differences


def named(parameter: str) -> list[Run]:
    """The runs that the address names under ``parameter``, without those that this lab does not have."""
    ids = [run_id for run_id in st.query_params.get(parameter, "").split(",") if run_id]
    found = [lab.service().run(run_id) for run_id in dict.fromkeys(ids)]
    return [run for run in found if run]


def name_in_address(parameter: str, ids: Sequence[str]) -> None:
    st.query_params[parameter] = ",".join(ids)


def submit(configs: Sequence[RunConfig]) -> list[str]:
    """Start the runs in this order; returns their ids."""
    return [lab.service().submit(config) for config in configs]


def over(runs: Sequence[Run]) -> bool:
    return all(run.over for run in runs)


def stop(ids: Sequence[str]) -> None:
    for run_id in ids:
        lab.service().command(run_id, "stop")


def curves(run_id: str) -> Curves:
    """What the run has recorded so far."""
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
