"""Saved networks that answer: the lab's models, and the reference that ships with the project."""

from core import paths
from core.models import checkpoints
from core.training.network import Network
from dashboard import sources

REFERENCE = paths.ROOT / "models" / "reference.safetensors"


def networks() -> tuple[dict[str, Network], list[str]]:
    """Return every saved network by its name, the reference first; and the names of files that hold none."""
    files = {path.stem: path for path in [REFERENCE, *checkpoints.list_models()] if path.is_file()}
    found, damaged = {}, []
    for name, path in files.items():
        try:
            found[name] = sources.from_file(path).network
        except ValueError:
            damaged.append(name)
    return found, damaged
