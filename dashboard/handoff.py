"""Settings carried from one page to another."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.training.config import RunConfig
from dashboard import forms

_FOR_SURFACES, _FOR_RACE = "handoff.surfaces", "handoff.race"
_BESIDE = "handoff.beside"
#: Values of the Sweep page's address that show its race of one setting.
RACE = {"kind": "race"}


def begins(picture: str) -> bool:
    """Return True if the page begins to show this picture: the form beside it then gets the picture's settings.

    Args:
        picture: the ids of its runs, "" if there is none.
    """
    new = picture not in ("", st.session_state.get(_BESIDE))
    st.session_state[_BESIDE] = picture
    return new


def started(picture: str) -> None:
    """Note that this picture is of runs that were started from the form, which stays as it is."""
    st.session_state[_BESIDE] = picture


def to_train(config: RunConfig, parent: str | None = None) -> None:
    """Open the Train page with these settings in its form.

    Args:
        parent: the id of the run that was forked.
    """
    forms.fill(config, parent=parent)
    # Streamlit clears no values of the address that are a widget's, but replaces them.
    st.switch_page("views/train/page.py", query_params={})


def to_surfaces(config: RunConfig) -> None:
    """Leave ``config`` for the Surfaces page."""
    st.session_state[_FOR_SURFACES] = config.to_dict()


def to_race(base: RunConfig, knob: str, values: Sequence[Any]) -> None:
    """Leave a race for the Sweep page, and put the settings that its runs share into the form.

    Args:
        knob: the varied setting, one of ``race.KNOBS``.
        values: of the setting; each counts once.
    """
    forms.fill(base)
    st.session_state[_FOR_RACE] = knob, list(dict.fromkeys(values))


def take_race() -> tuple[str, list[Any]] | None:
    """Take the varied setting and the values that were left for a race; None if none were."""
    left: tuple[str, list[Any]] | None = st.session_state.pop(_FOR_RACE, None)
    return left


def take_surfaces() -> RunConfig | None:
    """Take the config that was left for the Surfaces page; None if none was."""
    values = st.session_state.pop(_FOR_SURFACES, None)
    return RunConfig.from_dict(values) if values else None
