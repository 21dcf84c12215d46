"""The learning-rate finder on a page: the loss against the rate for the form's settings, and rates for the form."""

import hashlib
import json

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.analysis.lr_finder import RateCurve, find_learning_rate
from core.models import checkpoints
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import fields, forms, lab, plots
from dashboard.colors import HUES
from dashboard.components.figure import show_figure

FIRST, THIS = "From the first weights", "From this run's network"
RESULT = "lr-finder.result"
#: Of the figure, CSS pixels.
HEIGHT = 280


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
    if not np.isfinite(result.losses[0]):
        st.caption("The loss is not a finite number at the first step, so there is no rate to suggest.")
        return
    figure = rate_figure(result)
    show_figure(figure, "Loss against learning rate", key="range")
    if result.steepest is None or result.tenth is None:
        st.caption("The loss never fell, so there is no rate to suggest.")
        return
    with st.container(horizontal=True):
        for rate, reason in ((result.steepest, "steepest descent"), (result.tenth, "a tenth of the minimum's")):
            label = f"Take {rate:g}, {reason}"
            st.button(label, key=f"take.{reason}", icon=":material/edit_note:", on_click=_take, args=(rate,))


def _take(rate: float) -> None:
    forms.put("lr", float(f"{rate:g}"))


def rate_figure(curve: RateCurve) -> go.Figure:
    """Plot loss against learning rate, the suggested rates marked."""
    figure = go.Figure()
    thin = {"width": 1, "color": HUES[0]}
    figure.add_scatter(x=curve.rates, y=curve.losses, mode="lines", line=thin, opacity=0.35, name="each step")
    figure.add_scatter(
        x=curve.rates, y=curve.smoothed, mode="lines", line={"width": 2.5, "color": HUES[0]}, name="smoothed"
    )
    marks = ((curve.steepest, "steepest", HUES[2]), (curve.tenth, "a tenth of the minimum's", HUES[1]))
    for rate, name, color in marks:
        if rate is not None:
            figure.add_vline(x=rate, line={"color": color, "width": 2, "dash": "dash"})
            # An annotation's place on a logarithmic axis is the logarithm.
            figure.add_annotation(
                x=float(np.log10(rate)),
                y=1,
                yref="paper",
                text=f" {name}: {rate:g} ",
                font={"color": color},
                showarrow=False,
                xanchor="left" if rate == max(filter(None, (curve.steepest, curve.tenth))) else "right",
                yanchor="top",
            )
    finite = curve.smoothed[np.isfinite(curve.smoothed)]
    figure.update_xaxes(
        type="log", title={"text": "learning rate (logarithmic)", "standoff": 2}, dtick=1, tickformat="~g"
    )
    figure.update_yaxes(title="loss", range=[0.6 * float(finite.min()), 1.5 * float(finite[0])], nticks=6)
    return plots.framed(figure, HEIGHT)
