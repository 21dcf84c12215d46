"""Joining a Ray cluster, or starting one that begins and ends with this process."""

import os
import subprocess
import sys
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from core.files import shortened
from core.runs.cluster import settings

#: Bytes of the own cluster's object store: a few checkpoints, the largest of which have 128 MiB. Taken as needed.
_STORE = 512 * 1024 * 1024
_PROBE_SECONDS = 30.0
#: Exits with 0 if the cluster lists its nodes to a client without a token.
_PROBE = """
import sys
from ray._raylet import GcsClient
GcsClient(address=sys.argv[1]).get_all_node_info(timeout=10)
"""


def connect(address: str, size: int) -> None:
    """Join the cluster of this process's environment, which is ``settings.environment()``.

    Args:
        address: of ``settings.address``.
        size: CPUs of a cluster that is started here.

    Raises:
        ValueError: saying why it cannot be joined.
    """
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        if address == settings.OWN:
            ray.init(address="local", num_cpus=size, include_dashboard=False, object_store_memory=_STORE, **quiet)
            return
        if _is_open(address):
            raise ValueError(f"The cluster at {address} asks for no token, so {settings.OPEN}")
        ray.init(address=address, **quiet)
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, AssertionError) as error:
        raise ValueError(f"The Ray cluster at {address} cannot be joined: {reason(error)}.") from None


def _is_open(address: str) -> bool:
    """Return True if the cluster answers one who has no token."""
    stranger = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    command = [sys.executable, "-c", _PROBE, address]
    try:
        asked = subprocess.run(
            command,
            env={**stranger, "RAY_AUTH_MODE": "disabled"},
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def reason(error: Exception) -> str:
    """Return what went wrong, of Ray's many lines the last, which names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shortened(lines[-1] if lines else type(error).__name__, 300).rstrip(".")


def nodes() -> dict[str, dict[str, Any]]:
    """Return the cluster's living nodes as Ray describes them, by id."""
    return {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}


def name(node: dict[str, Any]) -> str:
    """Return a node's name for people."""
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def count(node: dict[str, Any], kind: str) -> int:
    """Return how many a node has of ``CPU`` or ``GPU``."""
    return int(node["Resources"].get(kind, 0))


def on(node_id: str) -> Any:
    """Return Ray's strategy that places an actor on this node and no other."""
    return NodeAffinitySchedulingStrategy(node_id, soft=False)
