"""The settings of the cluster, from the environment at the time of the call."""

import hashlib
import importlib.util
import os
import re
import secrets

from core.paths import ROOT

#: The value of ``DESCENT_CLUSTER`` for a cluster of this machine alone, which begins and ends with the lab.
OWN = "auto"
#: What is wrong with an open cluster, and the remedy.
OPEN = (
    "anyone who reaches it can run programs there: make a token with `ray get-auth-token --generate`, copy "
    "~/.ray/auth_token to every machine, and set RAY_AUTH_MODE=token for the lab and for each `ray start`."
)


def address() -> str:
    """Return ``DESCENT_CLUSTER``: ``OWN``, or the address of a cluster's head, host:port.

    Raises:
        ValueError: saying what is missing, if Ray is not installed or the cluster would be open to everybody.
    """
    given = os.environ.get("DESCENT_CLUSTER", "")
    if given != OWN and not re.fullmatch(r".+:\d{1,5}", given):
        raise ValueError(
            f"DESCENT_CLUSTER must be the address of a Ray cluster, as host:6379, or {OWN}, got {given or 'nothing'}."
        )
    if not installed():
        raise ValueError("DESCENT_CLUSTER needs the package ray: pip install -r requirements-cluster.txt")
    if given != OWN and os.environ.get("RAY_AUTH_MODE") != "token":
        raise ValueError(f"The lab joins no cluster without a token, since {OPEN}")
    return given


def installed() -> bool:
    """Return True if Ray can be imported."""
    return importlib.util.find_spec("ray") is not None


def version() -> str:
    """Return a digest of the lab's code: its machines must have the same."""
    hashed = hashlib.sha256()
    for path in sorted((ROOT / "core").rglob("*.py")):
        hashed.update(f"{path.relative_to(ROOT).as_posix()}\n".encode() + path.read_bytes())
    return hashed.hexdigest()


def environment() -> dict[str, str]:
    """Return the environment of the process that joins the cluster; raises as ``address``."""
    quiet = {"RAY_USAGE_STATS_ENABLED": "0"}
    if address() != OWN:
        return {**os.environ, **quiet}
    # A token that nobody else knows; and without clusters of several machines Ray binds to loopback, which it does not
    # do because that address is given.
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    return {**os.environ, **quiet, **own}
