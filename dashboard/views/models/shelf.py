"""Library as cards, and the bin."""

from html import escape

import streamlit as st

from core.models.library import WHOLE, Model
from dashboard import address, confusion, notices, testing
from dashboard.views.models import pictures
from dashboard.words import counted, date_time, literal, percent, size

#: Cards drawn at once; every one has to be tested once.
SHOWN = 12
KIND_BADGES = {WHOLE: ":violet-badge[whole model]"}


def shelf() -> None:
    models = sorted(pictures.library().models(), key=lambda model: -model.modified)
    st.markdown(f"#### Library{f' · {len(models)}' if models else ''}")
    if not models:
        st.info("Nothing is saved yet. Save the parameters of a run above, or load a file.", icon=":material/inbox:")
        return
    wanted = ""
    if len(models) > SHOWN:
        wanted = st.text_input("Search", key="models.search", placeholder="a name, an owner, an optimizer or a note")
    matches = [model for model in models if all(word in _text(model) for word in wanted.lower().split())]
    shown = st.session_state.setdefault("models.shown", SHOWN)
    if not matches:
        st.caption("No models match.")
    with st.grid(min_column_width=290):
        for model in matches[:shown]:
            _card(model)
    if len(matches) > shown:
        st.button(f"Show {min(SHOWN, len(matches) - shown):,} more", on_click=_more)


def _card(model: Model) -> None:
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.button(
                f"**{literal(model.name)}**",
                key=f"models.open.{model.name}",
                type="tertiary",
                icon=":material/open_in_full:",
                icon_position="right",
                help="Open it: figures, downloads, notes, rename, delete.",
                on_click=show,
                args=(model.name,),
            )
            if model.kind in KIND_BADGES:
                st.markdown(KIND_BADGES[model.kind], width="content")
        if not (source := pictures.source_or_error(model)):
            return
        report = testing.report_of(source)
        accuracy = percent(report.evaluation.accuracy)
        notes = f'<div class="notes">{escape(model.notes)}</div>' if model.notes else ""
        st.html(
            f'<div class="model-card"><div class="top">{confusion.table(report.confusion, numbers=False)}'
            f'<div><div class="figure">{accuracy}</div><div class="quiet">of 10,000 test digits</div>'
            f'<div class="quiet">{escape(trained(model))}</div></div></div>'
            f'{pictures.units(source)}<div class="quiet">{escape(provenance(model))}</div>{notes}</div>'
        )


def show(name: str | None) -> None:
    """Open a model, or with None the whole library; in a callback."""
    address.put(model=name)


def trained(model: Model) -> str:
    """Optimizer, rate and batch size of its run."""
    if model.config is None:
        return ""
    config = model.config
    return f"{config.optimizer_spec.label}, rate {config.lr:g}, batch {config.batch_size}"


def provenance(model: Model) -> str:
    """Origin, owner, time and size."""
    origin, owner = (f"From {model.origin}" if model.origin else ""), (f"by {model.owner}" if model.owner else "")
    parts = [origin, owner, date_time(model.modified), size(model.size)]
    return " · ".join(part for part in parts if part)


def bin() -> None:
    library = pictures.library()
    deleted = library.deleted()
    if not deleted:
        return
    own = [model for model in deleted if not library.refusal(model)]
    with st.expander(f"Bin · {len(deleted)}", icon=":material/delete:"):
        for model in deleted:
            with st.container(horizontal=True, vertical_alignment="center"):
                if model in own:
                    st.button(
                        "Restore",
                        key=f"models.restore.{model.name}",
                        icon=":material/restore_from_trash:",
                        on_click=_restore,
                        args=(model.name,),
                    )
                    st.markdown(f"{literal(model.name)} · {size(model.size)}")
                else:
                    st.markdown(literal(library.refusal(model)))
        if own:
            with st.popover("Empty the bin", icon=":material/delete_forever:"):
                which = "" if len(own) == len(deleted) else " that you may delete"
                st.markdown(f"This deletes {counted(len(own), 'model')}{which} for everyone. This can't be undone.")
                st.button("Delete for good", type="primary", on_click=_empty_bin, args=(own,))


def _restore(name: str) -> None:
    def restore() -> None:
        model = pictures.library().restore(name)
        notices.say(f"{literal(model.name)} is back in the library.")

    notices.attempt(restore)


def _empty_bin(shown: list[Model]) -> None:
    notices.attempt(lambda: pictures.library().empty_bin(shown))


def _more() -> None:
    st.session_state["models.shown"] += SHOWN


def _text(model: Model) -> str:
    return f"{model.name} {model.owner} {model.notes} {model.origin} {trained(model)} {model.kind}".lower()
