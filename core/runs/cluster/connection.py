"""Joining a Ray cluster, or starting one that begins and ends with this process."""

import contextlib
import os
import socket
import subprocess
import sys
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from core.files import shortened
from core.runs.cluster import settings

#: Bytes of the own cluster's object store: a few checkpoints, the largest of which have 128 MiB. Taken as needed.
_STORE = 512 * 1024 * 1024
#: For an answer at an address, and for one of the cluster there.
_REACH_SECONDS, _PROBE_SECONDS = 5.0, 30.0
#: Lists a cluster's nodes; exits with 3 if the cluster asks for another token.
_REFUSED = 3
_PROBE = f"""
import sys
from ray._raylet import GcsClient
from ray.exceptions import AuthenticationError
try:
    GcsClient(address=sys.argv[1]).get_all_node_info(timeout=10)
except AuthenticationError:
    sys.exit({_REFUSED})
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
        _look(address)
        ray.init(address=address, **quiet)
    except (ray.exceptions.RayError, OSError, RuntimeError, AssertionError) as error:
        raise ValueError(f"The Ray cluster at {address} cannot be joined: {reason(error)}.") from None


def _look(address: str) -> None:
    """Look at a cluster before it is joined: Ray retries for a minute or two what cannot succeed, and says less.

    Raises:
        OSError: if nothing answers there, or what answers has another token, or none.
    """
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS).close()
    except OSError:
        raise ConnectionError("nothing answers at this address") from None
    if _probe(address, dict(os.environ)) == _REFUSED:
        raise ConnectionError("its token is not the one of this machine (RAY_AUTH_TOKEN, or ~/.ray/auth_token)")
    stranger = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    if _probe(address, {**stranger, "RAY_AUTH_MODE": "disabled"}) == 0:
        raise PermissionError(f"it asks for no token, so {settings.OPEN}")


def _probe(address: str, environment: dict[str, str]) -> int | None:
    """Return the status with which the probe ends in this environment; None if it does not end."""
    command = [sys.executable, "-c", _PROBE, address]
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(
            command, env=environment, capture_output=True, timeout=_PROBE_SECONDS, check=False
        ).returncode
    return None


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
