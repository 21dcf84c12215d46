"""The learning-rate finder on a page: the loss against the rate for the form's settings, and rates for the form."""

import hashlib
import json

import streamlit as st

from core.analysis.lr_finder import RateCurve, find_learning_rate
from core.models import checkpoints
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import charts, fields, forms, lab

FIRST, THIS = "From the first weights", "From this run's network"
RESULT = "lr-finder.result"


def section(form: forms.Form, run: Run | None) -> None:
    """Draw the button that searches, and the latest result if it is of these settings."""
    st.caption(
        "A copy trains for up to 200 steps while its learning rate grows from far too small to far too large. Where "
        "the loss falls fastest is a good rate; the rate at the lowest loss is about ten times too large. No run "
        "changes (Smith 2017)."
    )
    parameters = lab.service().parameters_file(run.id) if run and run.over else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = FIRST
        if parameters:
            start = st.segmented_control("Start", [FIRST, THIS], default=FIRST, key="range.start") or FIRST
        pressed = st.button("Find a learning rate", icon=":material/speed:", disabled=not form.config)
    if not form.config:
        return
    content = parameters.read_bytes() if parameters and start == THIS else b""
    key = _key(form.config, content)
    if pressed:
        try:
            with st.spinner("Trying learning rates"):
                st.session_state[RESULT] = (key, _find(form.config, content))
        except ValueError as error:
            st.info(fields.explain(error))
            return
    result_key, result = st.session_state.get(RESULT, ("", None))
    if result and result_key == key:
        _show(result)


def _key(config: RunConfig, content: bytes) -> str:
    """All that the result depends on: the settings but the rate and the schedule, and the network's bytes."""
    settings = {**config.to_dict(), "lr": 0, "epochs": 0, "schedule": "", "schedule_params": {}}
    return json.dumps(settings) + hashlib.sha256(content).hexdigest()


def _find(config: RunConfig, content: bytes) -> RateCurve:
    return find_learning_rate(config, checkpoints.load_parameters(content)[0] if content else None)


def _show(result: RateCurve) -> None:
    figure = charts.rate_curve(result)
    st.plotly_chart(figure, config={"displayModeBar": False}, key="range", alt="Loss against learning rate")
    if result.steepest is None or result.tenth is None:
        st.caption("The loss never fell, so there is no rate to suggest.")
        return
    with st.container(horizontal=True):
        for rate, reason in ((result.steepest, "steepest descent"), (result.tenth, "a tenth of the minimum's")):
            label = f"Take {rate:g}, {reason}"
            st.button(label, key=f"take.{reason}", icon=":material/edit_note:", on_click=_take, args=(rate,))


def _take(rate: float) -> None:
    forms.put("lr", float(f"{rate:g}"))
