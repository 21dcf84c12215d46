"""Pages that stand alone: the button that saves one, and runs with their curves, settings, figures and code as one.

Any page that shows runs can leave so: it gives its title, its lines and its table of figures.
"""

from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from core.models.code import write
from core.runs.store import Run
from core.sweep.race import differing
from core.training.config import RunConfig
from dashboard import branching, coding, fields, lab
from dashboard.components import chart, standalone
from dashboard.components.chart import Line
from dashboard.components.standalone import Block
from dashboard.words import date_time, in_words, run_line, run_title, settings_in_common

#: Events that viewers are sent, and that no curve shows.
_LEFT_OUT = ('"event":"Checkpointed"', '"event":"CommandApplied"', '"event":"Operated"')


def download(page: Callable[[str], str], file_name: str, key: str) -> None:
    """Draw the button that saves a page that stands alone, in the visitor's theme.

    Args:
        page: makes it of a theme, ``light`` or ``dark``; called when the button is pressed.
    """
    theme = st.context.theme.type or "light"
    st.download_button(
        "Page",
        lambda: page(theme),
        file_name,
        "text/html",
        icon=":material/html:",
        key=key,
        on_click="ignore",
        help="All this with its settings in one file: it opens without the lab, and prints.",
    )


def runs_page(
    title: str,
    about: str,
    runs: Sequence[Run],
    head: Sequence[str],
    figures: Iterable[Sequence[str]],
    theme: str,
    lines: Sequence[Line] = (),
) -> str:
    """Return a page of runs as one HTML file.

    Args:
        title: plain text.
        about: plain text below it, or "".
        runs: at least one.
        head, figures: the columns and the rows of the table of figures, each beginning with a name.
        theme: ``light`` or ``dark``.
        lines: as of ``live_chart``; without them, the page is of the first run alone.
    """
    messages = {run.id: _curve(lab.service().messages(run.id) or []) for run in runs}
    blocks: list[Block] = [
        *([standalone.text(about)] if about else []),
        chart.still(runs, lines, messages),
        standalone.heading("Figures"),
        standalone.table(head, figures),
        standalone.heading("Settings"),
        *_settings(runs),
        standalone.heading("The same in PyTorch"),
        *(
            standalone.code(run_line(run), write(coding.recipe_of_run(run)), len(runs) == 1)
            for run in runs
            if run.started
        ),
    ]
    return standalone.page(title, blocks, theme)


def about(run: Run) -> str:
    """Return what a reader should know of a run, a line each; it needs the visitor's time zone, so a page's drawing."""
    parent = lab.service().run(run.parent) if run.parent else None
    named = run_title(parent) if parent else branching.GONE
    left = "" if run.parent_step is None else f"Goes on from {named} at step {run.parent_step:,}."
    by = f"By {run.owner_name}, {date_time(run.created)}." if run.owner_name else f"{date_time(run.created)}."
    return "\n".join(filter(None, (by, left, run.notes)))


def _curve(messages: Sequence[str]) -> list[str]:
    return [message for message in messages if not any(kind in message for kind in _LEFT_OUT)]


def _settings(runs: Sequence[Run]) -> list[Block]:
    """Return the settings that the runs have in common, and a table of those in which they differ."""
    configs = [run.config for run in runs]
    if len(runs) == 1:
        return [standalone.pairs(fields.settings(configs[0]))]
    names = differing(configs)
    common, left = settings_in_common(configs), " ".join(branching.departures(runs))
    blocks: list[Block] = [
        standalone.text(words) for words in (f"In common: {common}." if common else "", left) if words
    ]
    if names:
        rows = [[run_title(run), *(_value(run.config, name) for name in names)] for run in runs]
        blocks.append(standalone.table(["Run", *map(fields.label, names)], rows))
    return blocks


def _value(config: RunConfig, name: str) -> str:
    value = getattr(config, name)
    if isinstance(value, dict):
        return ", ".join(f"{fields.label(key).lower()} {in_words(key, part)}" for key, part in value.items())
    return in_words(name, value)
