"""Time at which each event is sent, for ``benchmarks.cluster``.

Python runs this first in processes with this folder in ``PYTHONPATH``: so workers stamp their events, on the machine's
one monotonic clock, without a line for it in the lab.
"""

import time
from typing import Any

from core.training.events import Event

plain = Event.to_dict


def stamped(self: Event) -> dict[str, Any]:
    return {**plain(self), "sent": time.monotonic()}


Event.to_dict = stamped  # type: ignore[method-assign]
