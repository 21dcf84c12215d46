"""Metadata of the library's files: JSON values from outside, of which only what is known and valid is kept."""

import contextlib
import math
import re
from collections.abc import Mapping
from typing import Any

from core.files import harmless
from core.training.config import RunConfig

#: Most characters of the texts that say whose a model is, where it comes from and what it is for.
LONGEST = {"notes": 2000, "owner": 80, "owner_id": 16, "origin": 1000}


def known(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that are understood and valid: config, metrics, environment, history and run."""
    valid: dict[str, Any] = {}
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        valid["config"] = RunConfig.from_dict(metadata["config"]).to_dict()
    metrics, environment, history = (metadata.get(key) for key in ("metrics", "environment", "history"))
    step = as_dict(metrics).get("step")
    valid["metrics"] = {"step": step} if _is_number(step) and isinstance(step, int) else {}
    valid["metrics"] |= {
        key: figure
        for key in ("test_loss", "test_accuracy")
        if _is_number(figure := as_dict(metrics).get(key)) and isinstance(figure, float)
    }
    if environment and all(isinstance(value, str) or _is_number(value) for value in as_dict(environment).values()):
        valid["environment"] = environment
    if isinstance(history, list) and all(
        isinstance(epoch, dict) and all(value is None or _is_number(value) for value in epoch.values())
        for epoch in history
    ):
        valid["history"] = history
    if re.fullmatch("[0-9a-f]{1,64}", str(metadata.get("run", ""))):
        valid["run"] = metadata["run"]
    return valid


def shown_texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return notes, owner, the owner's id and origin, printable and cut to the length that they may have."""
    return {key: harmless(str(metadata.get(key, ""))[:most]) for key, most in LONGEST.items()}


def checked_texts(**texts: str) -> dict[str, str]:
    """Return the texts, printable.

    Raises:
        ValueError: for one that is too long.
    """
    for name, text in texts.items():
        if len(text) > LONGEST[name]:
            raise ValueError(f"{name} must be at most {LONGEST[name]} characters, got {len(text)}.")
    return {name: harmless(text) for name, text in texts.items()}


def as_dict(value: Any) -> dict[str, Any]:
    """Return the value if it is a dictionary, else an empty one."""
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> bool:
    # An int too large for a float must not raise here, as it would in isfinite.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -math.inf < value < math.inf
