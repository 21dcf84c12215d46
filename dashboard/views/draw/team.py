"""Test set of the team: drawings to keep, every network's accuracy on them, export and import."""

import pandas as pd
import streamlit as st
from PIL import Image

from core import paths
from core.analysis.evaluation import evaluate
from core.data import Digits
from core.handwriting.drawings import Drawing, Drawings, as_digits
from dashboard import notices
from dashboard.pictures import data_url
from dashboard.views.draw.networks import networks
from dashboard.visitors import visitor
from dashboard.words import counted

SHOWN = 300


def drawings() -> Drawings:
    return Drawings(paths.home() / "drawings.sqlite")


def keep_as() -> None:
    """Draw ten buttons; each keeps the drawing under its digit."""
    st.pills(
        "Keep it for the team's test set. It is a",
        range(10),
        key="draw.label",
        on_change=_keep,
        help="Everyone's drawings together test every network, further down.",
    )
    if st.session_state.pop("draw.pressed", False):
        # The team's section, and the frame that shows notices, are drawn without this fragment.
        st.rerun(scope="app")


def _keep() -> None:
    label, way = st.session_state["draw.label"], st.session_state.get("draw.way")
    st.session_state["draw.label"] = None
    if label is None:
        return
    st.session_state["draw.pressed"] = True
    if way is None:
        several = st.session_state.get("draw.count", 0) > 1
        nothing = (
            "The test set takes one digit at a time." if several else "There is no digit yet. Draw one, then keep it."
        )
        notices.say(nothing, done=False)
    else:
        notices.attempt(lambda: drawings().keep(way, label, visitor().id), f"Kept as a {label:d}.")


@st.fragment
def team_section() -> None:
    notices.place("team")
    st.markdown("#### The team's test set")
    kept = drawings().all()
    if kept:
        saved, _ = networks()
        st.caption(f"{counted(len(kept), 'drawing')}, and how every saved network does on them.")
        table, gallery = st.columns([0.5, 0.5], gap="large")
        digits = _digits(tuple(drawing.id for drawing in kept), kept)
        accuracies = {name: evaluate(network, digits).accuracy for name, network in saved.items()}
        with table:
            _accuracies(accuracies, len(kept))
        with gallery:
            _gallery(kept)
    else:
        st.caption("Nothing is kept yet. Draw a digit and say what it is; every network is then tested on it.")
    _carry(kept)


def _accuracies(accuracies: dict[str, float], count: int) -> None:
    ordered = sorted(accuracies.items(), key=lambda item: -item[1])
    rows = [
        {"Network": name, "Right": f"{round(accuracy * count)} of {count}", "Accuracy": accuracy}
        for name, accuracy in ordered
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={"Accuracy": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
    )


def _gallery(kept: list[Drawing]) -> None:
    """Draw the newest drawings; the selected ones can be deleted."""
    shown = kept[:SHOWN]
    table = pd.DataFrame(
        {
            "Drawing": [_thumbnail(drawing) for drawing in shown],
            "It is a": [drawing.label for drawing in shown],
            "Kept": pd.to_datetime([drawing.made for drawing in shown]),
        }
    )
    # The selection is of row numbers, so it holds for these rows alone: other rows make another table.
    rows = hash(tuple(drawing.id for drawing in shown))
    chosen = st.dataframe(
        table,
        key=f"draw.gallery.{rows}",
        hide_index=True,
        row_height=48,
        height=min(280, 40 + 48 * len(shown)),
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "Drawing": st.column_config.ImageColumn(width="small"),
            "It is a": st.column_config.NumberColumn(width="small"),
            "Kept": st.column_config.DatetimeColumn(format="distance"),
        },
    )
    you = visitor()
    picked = [shown[row] for row in chosen["selection"]["rows"]]
    own = [drawing.id for drawing in picked if you.may_change(drawing.owner)]
    if own:
        label = f"Delete {counted(len(own), 'drawing')}"
        st.button(label, icon=":material/delete:", on_click=_remove, args=(own,))
    if len(own) < len(picked):
        st.caption("Only the person who kept a drawing, or the teacher, can delete it.")


def _remove(ids: list[str]) -> None:
    def remove() -> None:
        for drawing_id in ids:
            drawings().remove(drawing_id)

    notices.attempt(remove)


def _carry(kept: list[Drawing]) -> None:
    """Draw export and import."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if kept:
            st.download_button(
                "Export",
                drawings().export,
                "drawings.zip",
                "application/zip",
                icon=":material/download:",
                on_click="ignore",
            )
        with st.popover("Import", icon=":material/upload:"):
            count = st.session_state.setdefault("draw.imports", 0)
            key = f"draw.archive.{count}"
            st.file_uploader("An archive that a lab exported", type="zip", key=key, on_change=_import, args=(key,))


def _import(key: str) -> None:
    file = st.session_state[key]
    if file is None:
        return

    def take_in() -> None:
        new, known = drawings().take_in(file.getvalue(), visitor().id)
        there = f" {known} were here already." if known else ""
        notices.say(f"{counted(new, 'drawing')} imported.{there}")
        st.session_state["draw.imports"] += 1

    notices.attempt(take_in)


@st.cache_resource(max_entries=8, show_spinner=False)
def _digits(ids: tuple[str, ...], _kept: list[Drawing]) -> Digits:
    """Return the drawings of these ids as a network's input."""
    return as_digits(_kept)


def _thumbnail(drawing: Drawing) -> str:
    picture = Image.fromarray(drawing.picture)
    picture.thumbnail((44, 44), Image.Resampling.BOX)
    square = Image.new("L", (48, 48))
    square.paste(picture, ((48 - picture.width) // 2, (48 - picture.height) // 2))
    return data_url(square)
