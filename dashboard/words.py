"""How the pages word runs and figures."""

import re

from core.hyperparameters import number
from core.runs.store import Run

#: The colour of a state's badge, in Streamlit's names.
STATE_COLORS = {
    "queued": "orange",
    "running": "blue",
    "paused": "orange",
    "finished": "green",
    "stopped": "gray",
    "diverged": "red",
    "failed": "red",
    "interrupted": "orange",
}


def percent(share: float) -> str:
    """A share from 0 to 1, to two decimals of a percent."""
    return f"{100 * share:.2f} %"


def run_label(run: Run) -> str:
    """The run's name, or what sets it apart: ``Adam · 0.001 · batch 64 · Cosine``."""
    if run.name:
        return run.name
    config = run.config
    parts = [config.optimizer_spec.label, number(config.lr), f"batch {config.batch_size}"]
    if config.schedule != "constant":
        parts.append(config.schedule_spec.label)
    return " · ".join(parts)


def literal(text: str) -> str:
    """Plain text that Streamlit's Markdown shows as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def stacked(formula: str) -> str:
    """A formula with each of its equations on a line of its own, so that it fits a narrow card."""
    equations = formula.replace(r", \qquad ", r", \quad ").split(r", \quad ")
    return r"\begin{gathered}" + r" \\[0.4em] ".join(equations) + r"\end{gathered}"
