"""A scene of the Surfaces page, and what is computed for it: cached for all visitors by all that it depends on."""

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import streamlit as st

from core import surfaces
from core.optimizers.step import Step
from core.surfaces import Basins, Point, Surface, Tuning, Walk
from core.surfaces.descent import DEFAULT_STEPS, noise_of
from core.training.config import RunConfig
from dashboard.views.surfaces.settings import Settings

#: A search of more steps takes seconds.
LONG = 1000


@dataclass(frozen=True)
class Scene:
    """The values of the page's controls."""

    name: str
    surface: Surface
    configs: tuple[RunConfig, ...]
    starts: tuple[Point, ...]
    steps: int
    noise: float
    seed: int


own_surface = st.cache_data(max_entries=32, show_spinner=False)(surfaces.own_surface)


_tune = st.cache_data(max_entries=64, show_spinner=False)(surfaces.tune)


def tunings(scene: Scene) -> list[Tuning]:
    """Search for each optimizer's best rate, from the surface's own start."""
    # From its own start, a rate is the surface's, and moving the start compares like with like. The search varies
    # the rate, so what it starts from must not count as another search.
    configs = tuple(replace(config, lr=1.0) for config in scene.configs)
    # Said only where it takes a while: a spinner that flashes would move the page.
    waiting = st.spinner("Searching each optimizer's best rate") if scene.steps > LONG else nullcontext()
    with waiting:
        return _tune(scene.surface, configs, scene.surface.start, scene.steps, scene.noise, scene.seed)


def at_their_best(scene: Scene, own: Settings) -> Scene:
    """Return the scene with each optimizer's best rate, except where a rate was given."""
    configs = tuple(
        config if "lr" in own.get(config.optimizer, {}) else replace(config, lr=tuning.best)
        for config, tuning in zip(scene.configs, tunings(scene), strict=True)
    )
    return replace(scene, configs=configs)


@st.cache_data(max_entries=32, show_spinner=False)
def walk(scene: Scene) -> Walk:
    """Compute the walks of the scene's optimizers from its starts."""
    return surfaces.walk(scene.surface, scene.configs, scene.starts, scene.steps, scene.noise, scene.seed)


def warm(functions: Sequence[str], optimizers: Sequence[str]) -> None:
    """Compute the first picture of each function, so that the first visitor who chooses it does not wait for it."""
    configs = tuple(RunConfig.recommended(optimizer) for optimizer in optimizers)
    for name in functions:
        surface = surfaces.SURFACES[name]
        scene = Scene(name, surface, configs, (surface.start,), DEFAULT_STEPS, 0.0, 0)
        walk(at_their_best(scene, {}))


@st.cache_resource(show_spinner=False)
def warm_all(optimizers: tuple[str, ...]) -> None:
    """Compute the first pictures of all functions in the background, once: two seconds of the processor."""
    threading.Thread(target=warm, args=(tuple(surfaces.SURFACES), optimizers), daemon=True).start()


@st.cache_data(max_entries=32, show_spinner=False)
def basins(surface: Surface, config: RunConfig, steps: int, noise: float, seed: int) -> Basins:
    """Compute the minimum that one optimizer reaches from each start of a grid."""
    return surfaces.basins(surface, config, steps, noise=noise, seed=seed)


@st.cache_data(max_entries=64, show_spinner=False)
def step_of(scene: Scene, config: RunConfig, start: int, step: int) -> Step | None:
    """One step of one walk, by the torch.optim object."""
    noise = noise_of(scene.noise, scene.seed, scene.steps, len(scene.starts))
    own = None if noise is None else noise[:, :, start : start + 1]
    return surfaces.step_in_numbers(scene.surface, config, scene.starts[start], step, scene.steps, own)
