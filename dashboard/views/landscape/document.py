"""A landscape as a page that stands alone."""

from core.landscape.study import Result
from dashboard.components import figure, standalone
from dashboard.components.player.landscape import scene_of, still
from dashboard.views.landscape import plots
from dashboard.views.landscape.controls import LOSS_LABELS, PART_LABELS, PLANE_LABELS
from dashboard.words import loss, percent

TITLE, LINE_TITLE = "A loss landscape", "Loss and accuracy along a line"
_HEAD = ("At the end", "Loss", "Loss on the plane", "Distance from it", "Accuracy")


def document(result: Result, theme: str) -> str:
    """Return the result as one HTML file: its picture, its settings, and the figures of its runs and models."""
    study, line = result.study, result.study.plane == "line"
    settings = {
        "Plane": PLANE_LABELS[study.plane],
        "Images": f"{study.images:,} {PART_LABELS[study.part]}",
        "Loss": LOSS_LABELS[study.loss],
    }
    if not line:
        settings["Grid"] = f"{study.size} x {study.size}"
    if study.plane == "random":
        settings["Seed"] = str(study.seed)
    if study.plane == "pca":
        settings |= {
            "Movement in the plane": percent(result.explained, 1),
            "Of random walks": percent(result.baseline, 1),
        }
    ends = ((path.true[-1], path.shown[-1], path.distance[-1], path.accuracy[-1]) for path in result.paths)
    rows = [
        (path.label, loss(true), loss(shown), f"{distance:.3g}", percent(accuracy))
        for path, (true, shown, distance, accuracy) in zip(result.paths, ends, strict=True)
    ]
    names = " to ".join(path.label for path in result.paths)
    picture = figure.still(plots.along_line(result), LINE_TITLE, names) if line else still(scene_of(result, 1))
    notes = sorted({path.about.get("note", "") for path in result.paths} - {""})
    return standalone.page(
        LINE_TITLE if line else TITLE,
        [
            picture,
            standalone.heading("Figures"),
            standalone.table(_HEAD, rows),
            *map(standalone.text, notes),
            standalone.heading("Settings"),
            standalone.pairs(settings),
        ],
        theme,
    )
