"""Waiting for content: the one time limit of the suite, and the one loop that polls."""

import time
from collections.abc import Callable
from typing import Any

#: Seconds until a test gives up. Generous, for a busy machine: waiting for what comes costs nothing.
LIMIT = 300.0


def wait_for(look: Callable[[], Any], wanted: Callable[[Any], Any] = bool, limit: float = LIMIT) -> Any:
    """Poll ``look`` until its result is ``wanted``, and return that result.

    Raises:
        AssertionError: after ``limit`` seconds, with the last result.
    """
    deadline = time.monotonic() + limit
    while not wanted(result := look()):
        assert time.monotonic() < deadline, f"waited in vain; last result: {result}"
        time.sleep(0.01)
    return result
