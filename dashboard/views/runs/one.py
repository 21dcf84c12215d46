"""One run: its curves, settings, history, and the actions on it."""

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from core.hyperparameters import number
from core.models import checkpoints
from core.runs import states
from core.runs.history import History
from core.runs.store import Run
from dashboard import address, branching, coding, fields, handoff, lab, labelling, operating
from dashboard.components.chart import live_chart
from dashboard.views.runs import actions, rows
from dashboard.words import STATE_COLORS, clock_time, config_in_full, date_time, in_words, literal, run_title

#: Events of the run's story; the others are of its curves.
_STORY = ("State", "Operated", "CommandApplied", "Resumed")


def show(run_id: str) -> None:
    run = lab.service().run(run_id)
    if st.button("All runs", icon=":material/arrow_back:", type="tertiary"):
        actions.go()
    if run is None:
        st.info("This lab does not have the run that this link names. It may have been deleted.")
        return
    st.subheader(f"#{run.number} {literal(run.name or run.config.optimizer_spec.label)}", anchor=False)
    _byline(run)
    if run.deleted is not None:
        actions.in_the_bin(run)
    stage, about = st.columns([0.64, 0.36], gap="large")
    with stage:
        live_chart([run], "", key="run.live")
        if run.deleted is None:
            _operate(run)
    with about:
        _settings(run)
        _labels(run)
        _family(run)
        _story(run)
        _environment(run)


def _byline(run: Run) -> None:
    parts = [config_in_full(run.config)]
    if run.owner_name:
        parts.append(f"by {run.owner_name}")
    parts.append(date_time(run.created))
    if not run.exact:
        parts.append("resumed, not bit-exact")
    tags = "".join(f" :gray-badge[{literal(tag)}]" for tag in (*branching.marks(run), *run.tags))
    st.caption(literal(" · ".join(parts)) + tags)


def _operate(run: Run) -> None:
    operating.controls(run, key="run")
    with st.container(horizontal=True, key="run.actions"):
        alone = "" if run.plain else " They alone do not give this run's figures."
        help = f"Opens the Train page with these settings.{alone}"
        if st.button("Train with this", icon=":material/replay:", help=help):
            handoff.to_train(run.config)
        if st.button(
            "Fork", icon=":material/call_split:", help="The same, to change one thing; the new run links here."
        ):
            handoff.to_train(run.config, run.id)
        if branch := branching.what_if(run, "run"):
            actions.go(compare=f"{run.id},{branch}")
        if (run.going or run.state == states.PAUSED) and operating.operable([run]):
            st.button(
                "Cancel" if run.state == states.QUEUED else "Stop",
                icon=":material/stop:",
                on_click=actions.command,
                args=([run.id], "stop"),
                help="What was trained is kept.",
            )
        actions.downloads([run.id], "run.export")
        actions.page_download([run], "run")
        coding.run_as_code(run, "run")
        _file(run, "Parameters", lab.service().parameters_file, "The network alone; opens in plain PyTorch.")
        _file(run, "Checkpoint", lab.service().checkpoint_file, "All of the run: it can go on from this file.")
        if actions.deletable([run]):
            st.button(
                "Delete", icon=":material/delete:", on_click=actions.delete, args=([run.id],), help="Into the bin."
            )


def _file(run: Run, label: str, find: Callable[[str], Path | None], help: str) -> None:
    if find(run.id):
        st.download_button(
            label,
            operating.file_of(run.id, find),
            file_name=f"run-{run.number}-{label.lower()}{checkpoints.SUFFIX}",
            mime="application/octet-stream",
            icon=":material/download:",
            key=f"run.{label}",
            on_click="ignore",
            help=help,
        )


def _settings(run: Run) -> None:
    st.markdown("##### Settings")
    _pairs(fields.settings(run.config))


def _environment(run: Run) -> None:
    if run.environment:
        with st.expander("Trained on"):
            _pairs(
                {
                    fields.label(name): in_words(name, value)
                    for name, value in run.environment.items()
                    if value is not None
                }
            )


def _pairs(values: Mapping[str, str]) -> None:
    """Draw labels and values, two pairs per line where there is room."""
    cells = "".join(
        f"<div><dt>{escape(name.lower())}</dt><dd>{escape(str(value))}</dd></div>" for name, value in values.items()
    )
    st.html(f'{_STYLE}<dl class="run-pairs">{cells}</dl>')


_STYLE = """<style>
.run-pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.15rem 1.2rem;
  margin: 0 !important; padding: 0 !important; }
.run-pairs div { display: flex; justify-content: space-between; gap: 0.6rem; min-width: 0; font-size: 0.875rem;
  border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent); padding: 0.15rem 0; }
.run-pairs dt { opacity: 0.7; white-space: nowrap; }
.run-pairs dd { margin: 0; overflow-wrap: anywhere; text-align: right; font-variant-numeric: tabular-nums; }
</style>"""


def _labels(run: Run) -> None:
    """Draw the form of name, notes and tags; for those who may not edit them, the notes."""
    if not operating.operable([run]):
        if run.notes:
            with st.expander("Notes", expanded=True):
                st.text(run.notes)
        return
    known = [tag for other in rows.latest(-1) for tag in other.tags]
    stored = {"name": run.name, "notes": run.notes, "tags": run.tags}
    labelling.form("Name, notes and tags", run.id, stored, partial(actions.edit, run.id), known)


def _family(run: Run) -> None:
    """Draw links to the run that it left or was forked from, and to those that left it or were forked from it."""
    parent = lab.service().run(run.parent) if run.parent else None
    children = lab.service().children(run.id)
    if not parent and not children:
        return
    st.markdown("##### Family")
    with st.container(gap="xsmall"):
        for relation, other, child in [("from", parent, run), *(("led to", child, child) for child in children)]:
            if other:
                at = "" if child.parent_step is None else f", at step {child.parent_step:,}"
                st.button(
                    f"{relation} {literal(run_title(other))}{at} · {literal(config_in_full(other.config))}",
                    icon=":material/account_tree:",
                    type="tertiary",
                    key=f"family.{other.id}",
                    on_click=address.put,
                    kwargs={"run": other.id},
                )
    together = [other.id for other in (parent, run, *children) if other]
    if st.button("Draw these together", icon=":material/stacked_line_chart:", type="tertiary"):
        actions.go(compare=",".join(together))


def _story(run: Run) -> None:
    """Draw states and commands in order, with their times; a place in the queue only once, and so a rate that is set
    again when its step comes again."""
    lines: list[str] = []
    last = ""
    history = History()
    for event in lab.service().events(run.id, _STORY):
        planned = len(history.planned)
        history.add(event)
        again = states.sets_rate(event) and len(history.planned) == planned
        words = "" if again else _event_in_words(event)
        if words and words != last:
            lines.append(f"`{clock_time(event['at'])}` {words}")
            last = words
    if lines:
        with st.expander("What happened", expanded=True):
            st.markdown("  \n".join(lines))


def _event_in_words(event: dict[str, Any]) -> str:
    match event["event"]:
        case "State":
            state = "stalled" if event.get("stalled") else event["state"]
            badge = f":{STATE_COLORS.get(state, 'orange')}-badge[{state}]"
            return f"{badge} {literal(event.get('message') or '')}".strip()
        case "Operated":
            return f"{event['command'].replace('_', ' ')} by {literal(event['by'])}"
        case "CommandApplied" if event["command"] == "learning_rate":
            return f"learning rate {number(event['value'])} from step {event['step']:,}"
        case "CommandApplied":
            return f"{event['command']} before step {event['step']:,}"
        case "Resumed":
            how = literal(event["message"]) or ("Bit for bit." if event["exact"] else "Not bit-exact.")
            return f"goes on from step {event['step']:,}. {how}"
    return ""
