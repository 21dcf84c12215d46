"""The saved networks that answer: the lab's models, and the reference that ships with the project."""

from pathlib import Path

import streamlit as st

from core import paths
from core.models import checkpoints
from core.models.library import Library
from core.training.network import Network

REFERENCE = paths.ROOT / "models" / "reference.safetensors"


def networks() -> tuple[dict[str, Network], list[str]]:
    """Every saved network by its name, the reference first; and the names of files that hold none."""
    files = {path.stem: path for path in [REFERENCE, *checkpoints.list_models()] if path.is_file()}
    read = {name: _network(path, path.stat().st_mtime_ns) for name, path in files.items()}
    return {name: network for name, network in read.items() if network}, [
        n for n, network in read.items() if not network
    ]


@st.cache_resource(max_entries=256, show_spinner=False)
def _network(path: Path, changed: int) -> Network | None:
    """Read once, and again when the file has changed; of a whole model, its network."""
    try:
        return Library(path.parent).open(path.stem).network
    except (ValueError, OSError):
        return None
