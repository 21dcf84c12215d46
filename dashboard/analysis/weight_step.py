"""One step in numbers: the update rule of a run with the numbers of one of its steps put in."""

import json
from collections.abc import Sequence

import streamlit as st

from core.analysis.weight_step import WeightStep, weight_step
from core.hyperparameters import Hyperparameter
from core.runs.store import Run
from core.training.commands import Plan
from core.training.config import RunConfig
from dashboard import fields, lab
from dashboard.words import differences

STEP = Hyperparameter("step", 1, "Counted from 1.", low=1, high=10**9)


def step_in_numbers(configs: Sequence[RunConfig], key: str, names: Sequence[str] = (), run: Run | None = None) -> None:
    """Draw the update rule of one of the configs with the numbers of one of its steps.

    Args:
        key: prefix of this page's widgets.
        names: of the configs; their differences unless given.
        run: of the only config, which may have rates set by hand, and may have gone on from another run.
    """
    first = run.first_step + 1 if run else 1
    plan = tuple(lab.service().history(run.id).plan) if run else ()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        config = configs[0]
        if len(configs) > 1:
            names = names or differences(configs)
            place = st.selectbox("Run", range(len(configs)), format_func=names.__getitem__, key=f"{key}.run", width=260)
            config = configs[place]
        fields.limit(f"{key}.step", config.span.steps)
        text = st.text_input(
            "Step",
            str(first),
            key=f"{key}.step",
            help=f"Counted from 1; the last is {config.span.steps:,}.",
            width=110,
        )
    try:
        step = int(str(STEP.parse(text or str(first))))
        result = _step(json.dumps(config.to_dict()), step, plan, run.id if run else "")
    except ValueError as error:
        st.info(fields.explain(error))
        return
    if result is None:
        st.info(f"The run ended before step {step}: there is no step to show.")
        return
    st.latex(r"\small\begin{aligned}" + r" \\[0.5em] ".join(result.step.lines) + r"\end{aligned}")
    (unit, pixel), (digit, hidden) = result.weights
    st.caption(
        f"Step {step:,}, whose batch had a loss of {result.loss:.4f}. Above, the weight from pixel {pixel % 28 + 1} of "
        f"row {pixel // 28 + 1} to hidden unit {unit + 1}; below, the one from unit {hidden + 1} to digit {digit}: "
        "of each layer the weight with the largest gradient at this step. Read off the torch.optim object's own state."
    )


@st.cache_data(max_entries=256, show_spinner="Training up to this step")
def _step(config: str, step: int, plan: Plan, run_id: str) -> WeightStep | None:
    start = lab.service().start_state(run_id) if run_id else None
    return weight_step(RunConfig.from_dict(json.loads(config)), step, plan, start)
