"""How the pages word runs and figures."""

import re
from collections.abc import Sequence
from typing import Any

from torch import nn

from core.hyperparameters import number
from core.runs.store import Run
from core.sweep.race import differing
from core.training.config import RunConfig
from core.training.network import Network

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


def differences(configs: Sequence[RunConfig]) -> list[str]:
    """For each config, only the settings that are not the same in all of them; ``the same`` if nothing differs."""
    names = differing(configs)
    if not names:
        return ["the same settings"] * len(configs)
    return [" · ".join(filter(None, (setting(config, name) for name in names))) for config in configs]


def setting(config: RunConfig, name: str) -> str:
    """One field of a config in words; empty for parameters that are at their defaults."""
    value = getattr(config, name)
    if name == "optimizer":
        return config.optimizer_spec.label
    if name == "schedule":
        return config.schedule_spec.label
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {number(part)}" for key, part in value.items())
    if isinstance(value, bool):
        return name if value else f"no {name}"
    if name in _PHRASES:
        return _PHRASES[name].format(number(value))
    return f"{name.replace('_', ' ')} {number(value)}"


_PHRASES: dict[str, Any] = {
    "lr": "rate {}",
    "batch_size": "batch {}",
    "epochs": "{} epochs",
    "shuffle": "shuffled: {}",
}


def network_table() -> str:
    """The network's layers and how many parameters each has, as Markdown."""
    layers = [layer for layer in Network() if isinstance(layer, nn.Linear)]
    counts = [sum(p.numel() for p in layer.parameters()) for layer in layers]
    rows = [
        f"| {kind} | {layer.in_features} → {layer.out_features} | {count:,} |"
        for kind, layer, count in zip(("Linear, ReLU", "Linear"), layers, counts, strict=True)
    ]
    return "\n".join(
        ["| Layer | Shape | Parameters |", "|---|---|--:|", *rows, f"| **All** | | **{sum(counts):,}** |", ""]
    )
