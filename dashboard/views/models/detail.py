"""One model: its figures, weights and settings, and the actions on it."""

import streamlit as st

from core.models import formats
from core.models.formats import FORMATS, Format
from core.models.library import WHOLE, Library, Model
from core.models.metadata import LONGEST
from dashboard import coding, confusion, fields, notices, testing
from dashboard.views.models import pictures
from dashboard.views.models.dialogs import continue_form
from dashboard.views.models.shelf import KIND_BADGES, provenance, show, trained
from dashboard.words import literal


def detail(name: str) -> None:
    st.button("All models", icon=":material/arrow_back:", type="tertiary", on_click=show, args=(None,))
    library = pictures.library()
    try:
        model = library.model(name)
    except ValueError:
        st.info("This link names a model that this lab does not have. It may have been renamed, or lie in the bin.")
        return
    st.markdown(f"### {literal(model.name)} {KIND_BADGES.get(model.kind, '')}")
    st.caption(literal(provenance(model)))
    refusal = library.refusal(model)
    if refusal:
        st.caption(literal(refusal))
    if not (source := pictures.source_or_error(model)):
        if not refusal:
            _delete(model)
        return
    with st.container(horizontal=True, gap="medium"):
        testing.metrics(source)
        if model.step is not None:
            st.metric("Steps trained", f"{model.step:,}", width="content")
    _actions(model, changeable=not refusal)
    _downloads(library, model)
    left, right = st.columns([0.4, 0.6], gap="large")
    with left:
        st.markdown("**Confusion matrix**")
        st.html(confusion.table(testing.report_of(source).confusion))
        st.caption(confusion.LEGEND)
    with right:
        st.markdown("**Weights**")
        hidden, output = pictures.layers(source)
        st.html(
            '<div class="model-sheet"><span>Hidden layer: a tile per unit, a pixel per pixel of the digit</span>'
            f"{hidden}<span>Output layer: a tile per digit, a square per hidden unit above</span>{output}</div>"
        )
        st.caption("Blue is a positive weight, orange a negative one.")
    _about(model, changeable=not refusal)


def _actions(model: Model, changeable: bool) -> None:
    with st.container(horizontal=True):
        if model.kind == WHOLE:
            with st.popover("Continue training", icon=":material/play_arrow:", type="primary"):
                continue_form(model)
        if changeable and st.button("Rename", icon=":material/edit:"):
            _rename(model.name)
        st.button("Duplicate", icon=":material/content_copy:", on_click=_duplicate, args=(model.name,))
        if changeable:
            _delete(model)


@st.dialog("Rename", icon=":material/edit:")
def _rename(name: str) -> None:
    # In a form Enter saves, too.
    with st.form("rename", border=False):
        new = st.text_input("New name", name)
        if not st.form_submit_button("Save", type="primary"):
            return
    # The name that it has is no other model's: nothing is to be done.
    if (new or "").strip() == name or notices.attempt(lambda: show(pictures.library().rename(name, new or "").name)):
        st.rerun()
    notices.show()


def _duplicate(name: str) -> None:
    notices.attempt(lambda: show(pictures.library().duplicate(name).name))


def _delete(model: Model) -> None:
    st.button(
        "Delete",
        icon=":material/delete:",
        help="Into the bin; it can be restored.",
        on_click=_do_delete,
        args=(model.name,),
    )


def _do_delete(name: str) -> None:
    if notices.attempt(lambda: pictures.library().delete(name), f"{literal(name)} was moved to the bin."):
        show(None)


def _downloads(library: Library, model: Model) -> None:
    """Draw the downloads. Their content is made outside of the script, where nobody is the visitor."""
    st.markdown("**Download**")
    with st.container(horizontal=True):
        if model.kind == WHOLE:
            st.download_button(
                "Whole model",
                lambda: library.content(model.name),
                f"{model.name}.safetensors",
                "application/octet-stream",
                icon=":material/download:",
                on_click="ignore",
                help="All that training needs to go on exactly where it stood.",
            )
        for key, format in FORMATS.items():
            _download(library, model, key, format)
        coding.model_as_code(model, "model")
    missing = [format.missing for format in FORMATS.values() if format.missing]
    if missing:
        st.caption("  \n".join(map(literal, missing)))


def _download(library: Library, model: Model, key: str, format: Format) -> None:
    def content() -> bytes:
        opened = library.open(model.name)
        return formats.write(format, opened.network, opened.metadata)

    ending = "-parameters" if model.kind == WHOLE else ""
    st.download_button(
        "Parameters" if model.kind == WHOLE and key == "safetensors" else format.label,
        content,
        f"{model.name}{ending}{format.suffix}",
        format.mime,
        key=f"models.download.{key}",
        icon=":material/download:",
        help=format.missing or format.help,
        disabled=bool(format.missing),
        on_click="ignore",
    )


def _about(model: Model, changeable: bool) -> None:
    left, right = st.columns([0.4, 0.6], gap="large")
    with left:
        if not changeable:
            st.markdown(literal(model.notes))
        else:
            # The time makes it a new field when somebody else has changed the file.
            key = f"models.notes.{model.name}.{model.modified}"
            st.text_area(
                "Notes",
                model.notes,
                key=key,
                max_chars=LONGEST["notes"],
                placeholder="What should people know about it?",
                on_change=_note,
                args=(model.name, key),
            )
    with right:
        if model.config:
            with st.expander(f"Settings of its run · {literal(trained(model))}"):
                st.table(fields.settings(model.config), border="horizontal")


def _note(name: str, key: str) -> None:
    notices.attempt(lambda: pictures.library().note(name, st.session_state[key] or ""), "Notes saved.")
