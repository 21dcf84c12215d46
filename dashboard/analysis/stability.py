"""Stability and layers: the diagnoses of a run, made in the background when a person asks for them."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.analysis.diagnostics import LAYERS, Diagnosis, diagnosed_steps
from core.analysis.sharpness import SAMPLE
from core.jobs import Job
from core.runs.diagnoses import Diagnoses
from core.runs.store import Run
from dashboard import lab, plots, run_curves, waiting
from dashboard.colors import HUES
from dashboard.components.figure import show_figure
from dashboard.words import config_in_full

#: Seconds of one core per diagnosed point (benchmarks/diagnoses.py).
POINT_SECONDS = 0.08
#: Of a figure, CSS pixels.
HEIGHT = 210


def diagnoses(run: Run) -> Diagnoses:
    """Return the diagnoses of a run; empty unless somebody has had it measured as it is now."""
    job = _job(run)
    return (job and job.status().done and job.status().result) or ()


def section(run: Run | None) -> None:
    """Draw the button that measures, the progress, or the diagnoses."""
    job = _job(run) if run and run.over else None
    if not run or not job:
        st.caption("Train a network first; when the run is over, it can be measured from its first step to its last.")
        return
    if not job.status().started:
        _invitation(run, job)
        return
    result = waiting.show(job)
    if not job.status().done:
        st.button("Cancel", on_click=job.cancel)
    if result:
        _show(run, result)


def _job(run: Run) -> Job[Diagnoses] | None:
    try:
        return lab.service().diagnoses(run.id)
    except ValueError:
        # It has not taken a step, or somebody has just deleted it.
        return None


def _invitation(run: Run, job: Job[Diagnoses]) -> None:
    curves = run_curves.curves(run)
    points = len(diagnosed_steps(run.config, curves.last_step))
    st.caption(
        f"Replays the run and measures it at {points} points on {SAMPLE:,} training images: sharpness of the loss, "
        "lengths of gradients and of steps, dead units. Training is not slowed; this takes about "
        f"{(curves.seconds or 0) + POINT_SECONDS * points:.0f} s of one core."
    )
    st.button("Measure", icon=":material/monitor_heart:", on_click=job.start)


def _show(run: Run, points: Sequence[Diagnosis]) -> None:
    curves = run_curves.curves(run)
    steps = np.array([point.step for point in points], dtype=float)
    rates = np.interp(steps, curves.steps, curves.rates)
    st.markdown(verdict(run.config.optimizer, points, rates))
    figures = diagnosis_figures(points, rates)
    for row in range(0, len(figures), 2):
        for column, (title, figure) in zip(st.columns(2), figures[row : row + 2], strict=True):
            with column:
                st.markdown(f"**{title}**")
                show_figure(figure, title, key=f"diagnosis.{title}", settings=config_in_full(run.config))


def verdict(optimizer: str, points: Sequence[Diagnosis], rates: np.ndarray) -> str:
    """Compare the learning rate with the threshold 2 / sharpness, in words.

    Args:
        rates: (n,) the learning rate at each diagnosis.
    """
    last, rate = points[-1], float(rates[-1])
    beyond = [point.step for point, r in zip(points, rates, strict=True) if r > point.largest_stable_rate]
    unknown = [point.step for point in points if np.isnan(point.sharpness)]
    if beyond:
        said = (
            f"At {len(beyond)} of {len(points)} points, first at step {beyond[0]:,}, the rate exceeds "
            "2 / sharpness: plain gradient descent must bounce there."
        )
    elif unknown:
        said = f"At {len(unknown)} of {len(points)} points, first at step {unknown[0]:,}, the loss is not finite."
    else:
        said = "The rate stays below 2 / sharpness at every point: plain gradient descent would be stable here."
    if np.isnan(last.sharpness):
        return f"{said} At the end the loss has no sharpness to compare the rate of **{rate:.3g}** with."
    limit = last.largest_stable_rate
    stable = f"rates up to **{limit:.3g}** are stable" if np.isfinite(limit) else "every rate is stable"
    # For plain gradient descent the threshold is a theorem.
    plain = "" if optimizer == "sgd" else " Other optimizers have other limits; for them it is a guide."
    return (
        f"{said} At the end the sharpness is **{last.sharpness:.3g}**, so {stable}; the rate is **{rate:.3g}**.{plain}"
    )


def diagnosis_figures(diagnoses: Sequence[Diagnosis], rates: np.ndarray) -> list[tuple[str, go.Figure]]:
    """Plot the diagnoses over the steps, one figure per quantity, each with its title.

    Args:
        rates: (n,) the learning rate at each diagnosis.
    """
    steps = np.array([d.step for d in diagnoses])
    ratios = [d.update_ratios or (np.nan, np.nan) for d in diagnoses]
    return [
        (
            "Sharpness, and 2 / learning rate",
            _curves(
                steps,
                {
                    "sharpness": np.array([d.sharpness for d in diagnoses]),
                    "2 / rate": 2 / np.where(rates > 0, rates, np.nan),
                },
                dashed="2 / rate",
            ),
        ),
        ("Dead hidden units, of 128", _curves(steps, {"dead": np.array([d.dead for d in diagnoses])}, log=False)),
        (
            "Length of the gradient",
            _curves(steps, {name: np.array([d.gradient_norms[i] for d in diagnoses]) for i, name in enumerate(LAYERS)}),
        ),
        (
            "Length of a step / length of the weights",
            _curves(steps, {name: np.array([ratio[i] for ratio in ratios]) for i, name in enumerate(LAYERS)}),
        ),
    ]


def _curves(steps: np.ndarray, curves: Mapping[str, np.ndarray], dashed: str = "", log: bool = True) -> go.Figure:
    figure = go.Figure()
    for (name, values), color in zip(curves.items(), HUES, strict=False):
        figure.add_scatter(
            x=steps,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2, "dash": "dash" if name == dashed else "solid"},
            marker={"size": 5},
            hovertemplate="%{y:.3~g}",
        )
    figure.update_xaxes(title={"text": "step", "standoff": 2}, tickformat=",d", nticks=6)
    figure.update_yaxes(tickformat="~g", rangemode="tozero", nticks=3 if log else 5, type="log" if log else "linear")
    return plots.framed(figure, HEIGHT, hovermode="x unified", legend=plots.LEGEND_ABOVE, showlegend=len(curves) > 1)
