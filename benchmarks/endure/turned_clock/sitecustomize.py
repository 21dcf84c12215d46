"""Python's start under libfaketime, whose ``PYTHONPATH`` has this folder.

libfaketime 0.9.10 takes the monotonic moment until which Python from 3.11 on sleeps for one of the turned clock, and
``time.sleep`` then fails with EINVAL (its issue 426). A wait without anything to wait for has no such moment.
"""

import select
import time
from functools import partial

time.sleep = partial(select.select, (), (), ())  # type: ignore[assignment]
