"""The popover "What if, from here": a run is left at one of its steps, with one setting changed; and where a run has
left its settings, in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.hyperparameters import number
from core.optimizers import OPTIMIZERS
from core.runs import branching
from core.runs.store import Run
from core.training.config import LR, SHUFFLE, parse_batch_size
from dashboard import fields, lab, starting
from dashboard.words import in_words, run_line

#: A run whose row is gone, for those that left it.
GONE = "a run that was deleted"
Changes = Callable[[], Mapping[str, Any]]
_LABELS = {"lr": "Learning rate", "optimizer": "Optimizer", "batch_size": "Batch size", "shuffle": "Order"}


def what_if(run: Run, key: str) -> str | None:
    """Draw the popover of a run that can be left; return the id of the branch if one has just been started.

    Args:
        key: a prefix for the keys of the widgets.
    """
    if run.going or run.started is None or not run.step or not branching.places(run):
        return None
    with st.popover("What if, from here", icon=":material/alt_route:", key=f"{key}.branch"):
        st.markdown("Go on from any step of this run with one thing changed. Both curves are then drawn together.")
        # A run has widgets of its own: their bounds and first values are its.
        key = f"{key}.branch.{run.id}"
        changed = st.segmented_control(
            "Change", _LABELS, format_func=_LABELS.__getitem__, default="lr", key=f"{key}.what"
        )
        changed = changed or "lr"
        changes = _value(run, changed, f"{key}.{changed}")
        step = _step(run, changed, key)
        if step is None:
            st.caption("No epoch begins where this run could be left, and this setting can change between epochs only.")
            return None
        if st.button("Branch", type="primary", icon=":material/alt_route:", key=f"{key}.go", width="stretch"):
            branch = starting.branch(run, step, changes)
            if branch is None:
                # The sentence that says why stands above the page.
                st.rerun()
            return branch
    return None


def marks(run: Run) -> list[str]:
    """Return in a few words each how a run has left its settings, so that they alone do not give its figures."""
    words = []
    if run.parent_step is not None:
        parent = lab.service().run(run.parent) if run.parent else None
        words.append(f"branch of {f'#{parent.number}' if parent else GONE}")
    elif run.first_step:
        words.append("goes on from a saved model")
    return [*words, "rate set by hand"] if run.rate_by_hand else words


def origin(run: Run, parent: Run | None) -> str:
    """Return a sentence on where a run with a parent comes from.

    Args:
        parent: None if it is gone.
    """
    named = f"run {run_line(parent)}" if parent else GONE
    if run.parent_step is None:
        return f"A fork of {named}."
    if not parent:
        return f"A branch of {named}, which it left at step {run.parent_step:,}."
    return f"Goes on from {named} at step {run.parent_step:,}, up to which it is trained again first."


def departures(runs: Sequence[Run]) -> list[str]:
    """Return a sentence for each of the runs that has left another one of them."""
    numbers = {run.id: run.number for run in runs}
    return [
        f"#{run.number} leaves #{numbers[run.parent]} at step {run.parent_step:,}."
        for run in runs
        if run.parent in numbers and run.parent_step is not None
    ]


def _value(run: Run, changed: str, key: str) -> Changes:
    """Draw the field of the new value."""
    config, label = run.config, f"New {_LABELS[changed].lower()}"
    if changed == "optimizer":
        names = [
            name
            for name, spec in OPTIMIZERS.items()
            if name != config.optimizer and (config.batch_size == "full" or not spec.full_batch_only)
        ]
        optimizer = st.selectbox(label, names, format_func=lambda name: OPTIMIZERS[name].label, key=key)
        st.caption(f"With its own learning rate, {number(OPTIMIZERS[optimizer].lr)}, and a state that begins afresh.")
        return lambda: {"optimizer": optimizer}
    if changed == "shuffle":
        others = [choice for choice in SHUFFLE.choices or () if choice != config.shuffle]
        order = st.selectbox("Shuffled", others, format_func=lambda choice: in_words("shuffle", choice), key=key)
        _go_on()
        return lambda: {"shuffle": order}
    if changed == "batch_size":
        size = 64 if config.batch_size == "full" else 4 * config.images_per_step
        text = st.text_input(label, str(min(size, config.images_per_epoch)), key=key, help=f"Now {config.batch_size}.")
        _go_on()
        return lambda: {"batch_size": parse_batch_size(text)}
    text = st.text_input(
        label, number(config.lr / 10), key=key, help=f"Now {number(config.lr)}. {fields.help_text(LR)}"
    )
    _go_on()
    return lambda: {"lr": LR.parse(text)}


def _go_on() -> None:
    st.caption("The optimizer's state and the schedule go on.")


def _step(run: Run, changed: str, key: str) -> int | None:
    """Draw the choice of the step; return None if there is none."""
    per_epoch, epochs = run.config.span.steps_per_epoch, run.config.epochs
    starts, steps = branching.epoch_starts(run), branching.places(run)
    middle = starts[len(starts) // 2] if starts else steps[len(steps) // 2]
    if changed in branching.BETWEEN_EPOCHS:
        if not starts:
            return None
        first, last, middle = (step // per_epoch + 1 for step in (starts[0], starts[-1], middle))
        epoch = _choice("From the beginning of epoch", first, last, middle, f"{key}.epoch")
        return (epoch - 1) * per_epoch
    step = _choice("From step", steps[0], steps[-1], middle, f"{key}.step")
    st.caption(f"In epoch {step // per_epoch + 1} of {epochs}.")
    return step


def _choice(label: str, low: int, high: int, first: int, key: str) -> int:
    if low == high:
        st.markdown(f"{label} {first:,}")
        return first
    return st.slider(label, low, high, first, key=key)
