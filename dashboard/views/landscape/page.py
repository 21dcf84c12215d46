"""Landscape page: the network's own loss on a plane through its parameters, and the runs' paths on it."""

import math
from collections.abc import Container
from functools import partial

import streamlit as st

from core.jobs import Status
from core.landscape.result_file import npz
from core.landscape.study import Result, Study
from core.optimizers import OPTIMIZERS
from core.runs.store import Run
from dashboard import fields, freezing, run_curves, waiting
from dashboard.components.chart import live_chart
from dashboard.components.figure import show_figure
from dashboard.components.player.landscape import landscape_player, scene_of, waiting_scene
from dashboard.views.landscape import controls, items, live, new_runs, plots, sharpness
from dashboard.views.landscape.address import key
from dashboard.views.landscape.document import LINE_TITLE, document
from dashboard.views.landscape.ready import ready
from dashboard.words import counted, literal, loss, not_here, percent

PLAYER = "landscape-player"
#: In the session: what was left of a choice, and the items of it that the lab does not have.
_GONE = "landscape.gone"
FIRST_SIGHT = (
    "A picture to begin with: {runs}, {epochs} epochs each from the same first weights, computed on {images} test "
    "images with this lab. Play it, turn it, then make your own."
)


def page() -> None:
    """Draw the page."""
    controls.start_from_address()
    known = items.choices() | _chosen()
    _say_what_is_gone(known)
    if not known:
        _welcome("No run yet")
        return
    try:
        training = _training()
        study = controls.controls(known)
    except ValueError as error:
        st.error(fields.explain(error), icon=":material/edit:")
        return
    if training:
        st.caption(
            f"{sum(run.over for run in training)} of {counted(len(training), 'run')} trained. Then their paths are "
            "replayed and the loss around them is computed, coarse at first: their landscape opens by itself."
        )
        _curves(training)
        return
    if study is None:
        _welcome("Choose a run or a model above, or begin with a race.")
        return
    _study(study)


def _curves(runs: list[Run]) -> None:
    """Draw the curves of all runs that the landscape waits for."""
    if len(runs) > 1:
        run_curves.live(runs, "", key="landscape-live")
    else:
        live_chart(runs, "", key="landscape-live")


def _welcome(title: str) -> None:
    st.markdown(f"#### {title}")
    st.markdown(
        "The loss of this network is a surface over its 101,770 parameters. This page shows a plane through it, with "
        "the paths of your runs."
    )
    st.button(
        "Race three optimizers and see their landscape",
        type="primary",
        icon=":material/landscape:",
        on_click=new_runs.race,
        help="SGD, Adagrad and Adam from the same first weights. Takes about half a minute.",
    )
    if first := ready():
        names = ", ".join(OPTIMIZERS[path.about["optimizer"]].label for path in first.paths)
        st.caption(FIRST_SIGHT.format(runs=names, epochs=new_runs.EPOCHS, images=f"{first.study.images:,}"))
        # Its runs are not in this lab: their sharpness cannot be measured.
        landscape_player({**scene_of(first, 1), "still": True}, "landscape-ready", lambda: None)
        _explained(first)


def _chosen() -> dict[str, str]:
    """Chosen runs and models, with runs that have not taken a step yet and what is too old to be offered."""
    return {item: label for item in st.session_state[key("items")] if (label := items.label(item))}


def _say_what_is_gone(known: Container[str]) -> None:
    """Say what the link names and the lab does not have, until another choice is made."""
    chosen = list(filter(None, st.session_state[key("items")]))
    kept = [item for item in chosen if item in known]
    if len(kept) < len(chosen):
        st.session_state[_GONE] = kept, [item for item in chosen if item not in known]
    kept_then, gone = st.session_state.get(_GONE, ([], []))
    if gone and kept == kept_then:
        models = sum(item.startswith("model:") for item in gone)
        st.info(not_here(len(gone) - models, models))


def _training() -> list[Run]:
    """Return the chosen runs, if one of them still trains or waits."""
    runs = [run for item in st.session_state[key("items")] if (run := items.run_of(item))]
    return runs if any(run.going for run in runs) else []


def _study(study: Study) -> None:
    watched, job = live.watched() is not None, items.job(study)
    # Below the progress bar, and not in the part of the page that is drawn at every poll.
    curves = [] if _drawable(job.status(), study) else _runs_of(study)

    def draw(status: Status[Result]) -> None:
        if _drawable(status, study) or not curves:
            _picture(status, study)
        else:
            st.progress(status.share, status.stage)
        ended = watched and live.watched() is None
        if sharpness.take_request() or ended or (curves and _drawable(status, study)):
            st.rerun()

    result = waiting.show(job, draw, poll=watched)
    if curves:
        _curves(curves)
    if result is None:
        return
    if study.plane != "line":
        _explained(result)
    _downloads(result)
    sharpness.section(result)
    if study.plane != "line":
        live.section(result)


def _drawable(status: Status[Result], study: Study) -> bool:
    """Return True once there is a picture: a line is drawn when it is done, a plane as soon as its paths are known."""
    return status.result is not None and (study.plane != "line" or status.result.done)


def _runs_of(study: Study) -> list[Run]:
    return [run for item in study.items if (run := items.run_of(item))]


def _picture(status: Status[Result], study: Study) -> None:
    """Draw the player, with preliminary results while the job runs; or the line when it is done."""
    result = status.result
    if result is None or not _drawable(status, study):
        landscape_player(waiting_scene(status.stage, status.share), PLAYER, lambda: None)
    elif study.plane == "line":
        _line(result)
    else:
        scene = scene_of(result, status.revision, status.stage, status.share, live.marker(result.plane, study.key))
        landscape_player(scene, PLAYER, lambda: sharpness.request(PLAYER))


def _line(result: Result) -> None:
    show_figure(
        plots.along_line(result),
        LINE_TITLE,
        key="along-line",
        settings=" to ".join(path.label for path in result.paths),
    )
    one, two = st.columns(2)
    for column, path in zip((one, two), result.paths, strict=True):
        column.metric(literal(path.label), percent(path.accuracy[-1]), f"loss {loss(path.true[-1])}", delta_color="off",
                      delta_arrow="off")  # fmt: skip


def _explained(result: Result) -> None:
    """Draw the explained variance beside its baseline, and a sentence on the two."""
    if result.study.plane == "pca":
        st.markdown(
            f"**This plane holds {percent(result.explained, 1)} of the movement; of random walks with steps of the "
            f"same lengths, their own plane holds {percent(result.baseline, 1)}.** Two components hold most of any "
            "long walk: only the excess over the second figure says something about these runs."
        )
    elif not math.isnan(result.explained):
        st.markdown(
            f"**This plane holds {percent(result.explained, 1)} of the movement.** The rest happens off it: the "
            "distances show how far, and the two losses how much that matters."
        )
    for note in sorted({path.about.get("note", "") for path in result.paths} - {""}):
        st.caption(literal(note))


def _downloads(result: Result) -> None:
    name = "line" if result.study.plane == "line" else "landscape"
    with st.container(horizontal=True):
        freezing.download(partial(document, result), f"{name}.html", "landscape.page")
        st.download_button(
            "Numbers, NPZ",
            lambda: npz(result),
            "landscape.npz",
            "application/octet-stream",
            on_click="ignore",
            help="Grid, paths and the plane's own vectors, for NumPy.",
        )


page()
