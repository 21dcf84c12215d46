"""Sources of the digit: a canvas to draw on, a picture file, or the camera."""

from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from core.handwriting.photographs import TooLargeError, find_digit, read_canvas, read_image
from core.handwriting.preprocessing import Steps, steps
from dashboard import fields
from dashboard.uploads import upload
from dashboard.views.draw.answer import found_html

SIDE = 280
CANVAS = "draw.canvas"
DRAW, FILE, CAMERA = "Draw", "Picture", "Camera"
ICONS = {DRAW: ":material/draw:", FILE: ":material/image:", CAMERA: ":material/photo_camera:"}
THINNEST_PEN, PEN, WIDEST_PEN = 6, 18, 36
#: Strokes and picture of the canvas's last message, and the first stroke that Undo or Clear has taken away since.
NOTHING: dict[str, Any] = {"objects": [], "png": None, "gone": None}


def choose() -> str:
    """Draw the choice of a source, and return it."""
    # Browsers open the camera only for secure pages: HTTPS, or this computer.
    address = urlsplit(st.context.url or "")
    cameras = [CAMERA] if address.scheme == "https" or address.hostname in ("localhost", "127.0.0.1", "::1") else []
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


def canvas() -> Steps | None:
    """Draw the canvas, Undo and Clear; return the preprocessed drawing, if there is ink."""
    # Its import registers a component, which raises where no Streamlit server runs, as in tests.
    from streamlit_drawable_canvas import st_canvas

    kept = st.session_state.setdefault("draw.kept", dict(NOTHING))
    if CANVAS not in st.session_state:
        # The canvas was not on the page for a while: nothing of it is on its way, and it comes back with its drawing.
        kept["gone"] = None
        if kept["objects"]:
            _put(kept["objects"], kept["png"])
    drawing = st_canvas(
        stroke_width=st.session_state.get("draw.pen", PEN),
        stroke_color="#FFFFFF",
        background_color="#000000",
        initial_drawing=st.session_state.get("draw.start"),
        width=SIDE,
        height=SIDE,
        return_image_data=True,
        key=CANVAS,
    )
    objects = (drawing.json_data or {}).get("objects", [])
    if drawing.image_bytes is not None and not _is_late(objects, kept):
        kept.update(objects=objects, png=drawing.image_bytes, gone=None)
    with st.container(horizontal=True, width=SIDE):
        empty = not kept["objects"]
        st.button("Undo", icon=":material/undo:", on_click=_undo, disabled=empty, width="stretch")
        st.button("Clear", icon=":material/delete:", on_click=_clear, disabled=empty, width="stretch")
    if not kept["objects"] or not kept["png"]:
        return None
    picture = read_canvas(kept["png"], SIDE)
    return steps(picture, paper=0) if picture is not None and picture.any() else None


def tools() -> None:
    """Draw the choice of the pen's width."""
    st.slider("Pen, in pixels", THINNEST_PEN, WIDEST_PEN, PEN, key="draw.pen", width=SIDE, persist_state="session")


def picture(source: str) -> Steps | None:
    """Draw a picture file's or the camera's field; return the preprocessed digit, if there is one."""
    if source == CAMERA:
        file = st.camera_input("One digit, large in the picture")
    else:
        file = upload(
            "A picture of one digit",
            ["png", "jpg", "jpeg"],
            "Take a PNG or a JPEG of at most 10 MB.",
            ("draw-found", "draw-answer", "draw-steps", "draw-others"),
            help="PNG or JPEG, dark on light or light on dark. On a phone, this offers its camera too.",
        )
    if file is None:
        return None
    try:
        way = _find(file.getvalue())
    except ValueError as error:
        st.error(_kindly(error), icon=":material/image_not_supported:")
        return None
    with st.container(key="draw-found"):
        st.html(found_html(way, SIDE))
    return way


def _put(objects: list[Any], png: bytes | None = None) -> None:
    """Show these strokes on the canvas; the count makes it draw them even if they are the same as before."""
    kept = st.session_state["draw.kept"]
    count = st.session_state.get("draw.start", {}).get("count", 0) + 1
    st.session_state["draw.start"] = {"objects": objects, "count": count}
    gone = kept["objects"][len(objects)] if len(kept["objects"]) > len(objects) else kept["gone"]
    kept.update(objects=objects, png=png, gone=gone)


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
        return "Nothing stands out from the paper here. Take a picture of one digit, large and in the middle."
    return fields.explain(error)


@st.cache_data(max_entries=16, show_spinner="Looking for the digit")
def _find(content: bytes) -> Steps:
    """Find the digit; raise ValueError, in one sentence, if there is none."""
    return find_digit(read_image(content))
