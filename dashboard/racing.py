"""Several runs as one picture: started together, found again by the address, drawn as lines."""

from collections.abc import Sequence

import streamlit as st

from core.config import RunConfig
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
        lab.service().stop(run_id)


def lines(runs: Sequence[Run]) -> list[Line]:
    """A line a lane, named by what sets it apart; an optimizer's own colour where optimizers race."""
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
