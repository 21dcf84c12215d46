"""The end of the server within a bounded time, whatever its clients do.

The server waits for its clients before it stops the lab: one that stops reading, or sends half a request, would keep it
for ever. So the lab's own end begins with the signal, and the process ends at the latest ``SECONDS`` after it.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

#: Seconds from the first signal to the end of the process; runs are checkpointed before.
SECONDS = 5.0
#: A terminal that closes ends the lab as ``kill`` does. Not on every system.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))


def bound(stop: Callable[[], None], end: Callable[[int], None] = os._exit) -> None:
    """From now on, a signal that ends the server also runs ``stop``, and ends the process after ``SECONDS``.

    In the main thread, once the server has its own handlers, which are called too.

    Args:
        stop: ends the lab; called in a thread, once.
        end: of the process, with its status.
    """
    earlier = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    begun = threading.Event()

    def finish(number: int) -> None:
        threading.Thread(target=stop, daemon=True).start()
        # The server may end by itself before, and this thread with it.
        time.sleep(SECONDS)
        end(128 + number)

    def handler(number: int, frame: FrameType | None) -> None:
        if not begun.is_set():
            begun.set()
            threading.Thread(target=finish, args=(number,), daemon=True).start()
        number = number if number in earlier else signal.SIGTERM
        if callable(server := earlier[number]):  # type: ignore[index]
            server(number, frame)

    for number in SIGNALS:
        signal.signal(number, handler)
