"""The Surfaces page: every first-order optimizer walking on a two-parameter loss."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.surfaces import Surface, Walk
from dashboard import fields, freezing, handoff
from dashboard.components.player.surface import csv_of, scene_of, surface_player
from dashboard.views.surfaces import controls, settings, walks
from dashboard.views.surfaces.closer import STEP, closer_look
from dashboard.views.surfaces.document import document
from dashboard.views.surfaces.walks import Scene

PLAYER = "surface-player"


def _starts_set() -> None:
    controls.STATE["starts"] = settings.starts_text(st.session_state[PLAYER].starts or [])


def _step_chosen() -> None:
    controls.STATE["step"] = str(max(1, int(st.session_state[PLAYER].inspect or 1)))
    controls.STATE["tab"] = STEP


def _about(surface: Surface) -> None:
    stable = surface.largest_stable_rate()
    # In a flatter one it settles at larger rates too.
    where = "sharpest minimum" if len(surface.minima) > 1 else "minimum"
    limit = f"Gradient descent settles in the {where} only below a rate of {stable:.2g}." if np.isfinite(stable) else ""
    words = " ".join(filter(None, (surface.help, limit)))
    st.caption(f"$f(x, y) = {surface.expression.latex}$" + (f" · {words}" if words else ""))


def _downloads(scene: Scene, walked: Walk, picture: dict[str, Any]) -> None:
    name = scene.surface.label.lower().replace(" ", "-")
    with st.container(horizontal=True):
        freezing.download(partial(document, scene, picture), f"{name}.html", "surfaces.page")
        st.download_button(
            "Paths, CSV",
            lambda: csv_of(scene.configs, scene.starts, walked),
            f"{name}.csv",
            "text/csv",
            on_click="ignore",
        )


def page() -> None:
    controls.welcome()
    try:
        scene = controls.controls()
    except ValueError as error:
        st.error(fields.explain(error), icon=":material/edit:")
        return
    if config := controls.carried(scene):
        handoff.to_train(config)
    if not scene.configs:
        st.info("Choose at least one optimizer.")
        return
    _about(scene.surface)
    walked = walks.walk(scene)
    picture = scene_of(scene.surface, scene.name, scene.configs, scene.starts, walked)
    surface_player({**picture, "autoplay": True}, PLAYER, _starts_set, _step_chosen)
    _downloads(scene, walked, picture)
    closer_look(scene)
    # Behind the visitor's own picture: other functions are likely to come next.
    walks.warm_all(tuple(controls.FIRST_PICTURE))


page()
