"""All sweeps of the lab, newest first; without any, the invitation to a good first one."""

from collections.abc import Sequence

import streamlit as st

from core.sweep import view
from core.sweep.view import Summary
from dashboard import address, lab
from dashboard.views.sweep import form
from dashboard.views.sweep.wording import COLORS, size, title
from dashboard.words import counted, date_time, duration, literal

SHOWN = 50
#: Seconds between two drawings: while a sweep runs, and otherwise, since others may start one.
POLL_SECONDS, WATCH_SECONDS = 2.0, 3.0
#: In the session: True once all are to be shown.
_ALL = "sweeps.all"


def show() -> None:
    """Draw the list, which follows all sweeps."""
    around = _around(lab.sweeps().summaries())
    some, running = around
    if some:
        st.markdown("#### Sweeps")
    else:
        _invitation()
    address.fragment(POLL_SECONDS if running else WATCH_SECONDS)(_list)(around)
    if some:
        _first()


def _around(sweeps: Sequence[Summary]) -> tuple[bool, bool]:
    """Return what the page around the list depends on: whether there are sweeps, and whether one of them runs."""
    return bool(sweeps), any(sweep.state == view.RUNNING for sweep in sweeps)


def _list(around: tuple[bool, bool]) -> None:
    sweeps = lab.sweeps().summaries()
    if _around(sweeps) != around:
        st.rerun()
    limit = len(sweeps) if st.session_state.get(_ALL) else SHOWN
    for summary in sweeps[:limit]:
        with st.container(border=True, gap="xsmall", key=f"sweep-{summary.id}"):
            # Not in a callback: a fragment's draws the fragment alone.
            if st.button(f"**{literal(title(summary))}**", key=f"open.{summary.id}", type="tertiary"):
                address.only(sweep=summary.id)
                st.rerun()
            st.markdown(f":{COLORS[summary.state]}-badge[{summary.state}] :small[{literal(_line(summary))}]")

    if len(sweeps) > limit:
        st.button(f"Only the latest {limit} are shown. Show all", type="tertiary", on_click=_show_all)


def _show_all() -> None:
    st.session_state[_ALL] = True


def _line(summary: Summary) -> str:
    settings = summary.settings
    budget = [counted(settings.trials, "setting")] if settings.trials else []
    budget += [f"{settings.minutes:g} min"] if settings.minutes else []
    seeds = [f"{settings.seeds} seeds"] if settings.seeds > 1 else []
    by = [f"by {summary.owner_name}"] if summary.owner_name else []
    return " · ".join([*budget, *seeds, duration(summary.seconds), *by, date_time(summary.created)])


def _invitation() -> None:
    with st.container(border=True, key="sweep-invitation"):
        st.markdown("#### See the whole map")
        st.markdown(
            "Which learning rate goes with which batch size? One click trains every combination, two epochs each, and "
            "the map fills while you watch: the ridge of the best rates, and the cliff where training diverges."
        )
        _first()


def _first() -> None:
    settings = form.first_map()
    st.button(
        "Map learning rate x batch size",
        icon=":material/grid_on:",
        type="primary" if not lab.sweeps().summaries() else "secondary",
        help=f"Adam, two epochs: {literal(size(lab.sweeps().estimate(settings), settings))}.",
        on_click=form.begin,
        args=(settings,),
    )
