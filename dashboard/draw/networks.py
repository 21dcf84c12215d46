"""The saved networks that answer: the lab's models, and the reference that ships with the project."""

from pathlib import Path

import streamlit as st

from core import checkpoints, paths
from core.network import Network

REFERENCE = paths.ROOT / "models" / "reference.safetensors"


def networks() -> dict[str, Network]:
    """Every saved network by its name, the reference first; files that hold none are left out."""
    files = {path.stem: path for path in [REFERENCE, *checkpoints.list_models()] if path.is_file()}
    found = {}
    for name, path in files.items():
        network = _network(path, path.stat().st_mtime_ns)
        if network:
            found[name] = network
    return found


@st.cache_resource(max_entries=256, show_spinner=False)
def _network(path: Path, changed: int) -> Network | None:
    """Read once, and again when the file has changed."""
    try:
        return checkpoints.load_parameters(path)[0]
    except checkpoints.CheckpointError:
        return None
