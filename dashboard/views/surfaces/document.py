"""Walks on a surface as a page that stands alone."""

from typing import Any

from core.hyperparameters import number
from dashboard import fields
from dashboard.components import standalone
from dashboard.components.player.surface import still
from dashboard.views.surfaces.settings import starts_text
from dashboard.views.surfaces.walks import Scene
from dashboard.words import in_words


def document(scene: Scene, picture: dict[str, Any], theme: str) -> str:
    """Return the walks as one HTML file: the player with its table of results, and the settings.

    Args:
        picture: what the player shows.
    """
    settings = {"Steps": f"{scene.steps:,}", "Starts": starts_text(scene.starts)}
    if scene.noise:
        settings |= {"Gradient noise": number(scene.noise), "Seed of the noise": str(scene.seed)}
    first = scene.configs[0]
    if first.schedule != "constant":
        settings["Schedule"] = first.schedule_spec.label
    rows = []
    for config in scene.configs:
        values = config.optimizer_spec.values(config.optimizer_params)
        own = ", ".join(f"{fields.label(name).lower()} {in_words(name, value)}" for name, value in values.items())
        rows.append((config.optimizer_spec.label, number(float(f"{config.lr:.3g}")), own))
    return standalone.page(
        f"Walks on {scene.surface.label}",
        [
            standalone.text(f"f(x, y) = {scene.surface.formula}\n{scene.surface.help}".strip()),
            still(picture),
            standalone.heading("Settings"),
            standalone.pairs(settings),
            standalone.table(("Optimizer", "Learning rate", "Parameters"), rows),
        ],
        theme,
    )
