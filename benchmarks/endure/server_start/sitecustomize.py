"""Python's start in the lab under attack, whose ``PYTHONPATH`` has this folder.

On SIGUSR1 it writes to the log what each of its threads does.

libfaketime 0.9.10 takes the monotonic moment until which Python from 3.11 on sleeps for one of the turned clock, and
``time.sleep`` then fails with EINVAL (its issue 426). A wait without anything to wait for has no such moment.
"""

import faulthandler
import os
import select
import signal
import time
from functools import partial

faulthandler.register(signal.SIGUSR1)
if "FAKETIME_TIMESTAMP_FILE" in os.environ:
    time.sleep = partial(select.select, (), (), ())  # type: ignore[assignment]
