"""Sources of the digits: a canvas to draw on, a picture file, or the camera."""

from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from core.handwriting.canvas import PEN, SIDE, THINNEST_PEN, WIDEST_PEN, digits_drawn, read_strokes
from core.handwriting.photographs import ENDINGS, TooLargeError, find_digits, read_image
from core.handwriting.preprocessing import Steps
from dashboard import fields
from dashboard.uploads import upload
from dashboard.views.draw.answer import found_html
from dashboard.views.draw.phone import LOCAL

CANVAS = "draw.canvas"
DRAW, FILE, CAMERA = "Draw", "Picture", "Camera"
ICONS = {DRAW: ":material/draw:", FILE: ":material/image:", CAMERA: ":material/photo_camera:"}
#: Side in screen pixels of a picture with the digits that were found in it.
FOUND_SIDE = 280
#: Strokes of the canvas's last message, and the first stroke that Undo or Clear has taken away since.
NOTHING: dict[str, Any] = {"objects": [], "gone": None}


def choose() -> str:
    """Draw the choice of a source, and return it."""
    # Browsers open the camera only for secure pages: HTTPS, or this computer.
    address = urlsplit(st.context.url or "")
    cameras = [CAMERA] if address.scheme == "https" or address.hostname in LOCAL else []
    source = st.segmented_control(
        "Source",
        [DRAW, FILE, *cameras],
        default=DRAW,
        required=True,
        key="draw.source",
        label_visibility="collapsed",
        format_func=lambda source: f"{ICONS[source]} {source}",
    )
    return source or DRAW


def canvas() -> list[Steps]:
    """Draw the canvas, Undo and Clear; return the digits drawn, in the order of reading."""
    # Its import registers a component, which raises where no Streamlit server runs, as in tests.
    from streamlit_drawable_canvas import st_canvas

    kept = st.session_state.setdefault("draw.kept", dict(NOTHING))
    if CANVAS not in st.session_state:
        # The canvas was not on the page for a while: nothing of it is on its way, and it comes back with its drawing.
        kept["gone"] = None
        if kept["objects"]:
            _put(kept["objects"])
    drawing = st_canvas(
        stroke_width=st.session_state.get("draw.pen", PEN),
        stroke_color="#FFFFFF",
        background_color="#000000",
        initial_drawing=st.session_state.get("draw.start"),
        width=SIDE,
        height=SIDE,
        key=CANVAS,
    )
    objects = _objects(drawing.json_data)
    if drawing.json_data is not None and not _is_late(objects, kept):
        kept.update(objects=objects, gone=None)
    empty = not kept["objects"]
    with st.container(key="draw-invitation"):
        if empty:
            st.html('<p class="invitation">Draw a digit</p>')
    with st.container(horizontal=True, key="draw-undo"):
        st.button("Undo", icon=":material/undo:", on_click=_undo, disabled=empty, width="stretch", shortcut="Ctrl+Z")
        st.button(
            "Clear", icon=":material/delete:", on_click=_clear, disabled=empty, width="stretch", shortcut="Delete"
        )
    return digits_drawn(read_strokes(kept["objects"]))


def tools() -> None:
    """Draw the choice of the pen's width."""
    st.slider("Pen, in pixels", THINNEST_PEN, WIDEST_PEN, PEN, 2, key="draw.pen", persist_state="session")


def picture(source: str) -> list[Steps]:
    """Draw a picture file's or the camera's field; return the digits in it, in the order of reading."""
    if source == CAMERA:
        file = st.camera_input("A digit or a number, large in the picture")
    else:
        file = upload(
            "A picture of a digit or a number",
            ENDINGS,
            "Take a PNG or a JPEG of at most 10 MB.",
            ("draw-found", "draw-answer", "draw-steps", "draw-others", "draw-network"),
            help="Dark on light or light on dark, up to eight digits, in rows too. A phone offers its camera too.",
        )
    if file is None:
        return []
    try:
        ways = _find(file.getvalue())
    except ValueError as error:
        st.error(_kindly(error), icon=":material/image_not_supported:")
        return []
    with st.container(key="draw-found"):
        st.html(found_html(ways, FOUND_SIDE))
    return ways


def _objects(sent: Any) -> list[Any]:
    """Return the objects that the canvas has sent; what it can't have sent is left out."""
    objects = sent.get("objects") if isinstance(sent, dict) else None
    return [each for each in objects if isinstance(each, dict)] if isinstance(objects, list) else []


def _put(objects: list[Any]) -> None:
    """Show these strokes on the canvas; the count makes it draw them even if they are the same as before."""
    kept = st.session_state["draw.kept"]
    count = st.session_state.get("draw.start", {}).get("count", 0) + 1
    st.session_state["draw.start"] = {"objects": objects, "count": count}
    gone = kept["objects"][len(objects)] if len(kept["objects"]) > len(objects) else kept["gone"]
    kept.update(objects=objects, gone=gone)


def _is_late(objects: list[Any], kept: dict[str, Any]) -> bool:
    """Return True for a message that the canvas sent before it took the strokes away that Undo or Clear has removed.

    The last one stays until the next comes, and one may have been on its way: a stroke is sent a moment after it ends.
    """
    gone, place = kept["gone"], len(kept["objects"])
    return gone is not None and len(objects) > place and objects[place].get("path") == gone.get("path")


def _undo() -> None:
    _put(st.session_state["draw.kept"]["objects"][:-1])


def _clear() -> None:
    _put([])


def _kindly(error: ValueError) -> str:
    if "readable" in str(error):
        return "This file is not a picture that the lab can read. Take a PNG or a JPEG."
    if isinstance(error, TooLargeError):
        return "This picture has too many pixels for the lab. Take a smaller one, or cut out the digit."
    if "stands out" in str(error):
        return "No digit was found here, or more than eight. Take a picture of one or a few, large, in the middle."
    return fields.explain(error)


@st.cache_data(max_entries=16, show_spinner="Looking for digits")
def _find(content: bytes) -> list[Steps]:
    """Find the digits; raise ValueError, in one sentence, if there is none."""
    return find_digits(read_image(content))
