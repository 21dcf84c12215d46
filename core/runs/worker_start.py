"""Start of a worker process: ``python -m core.runs.worker_start --threads N --server PID``.

Importing torch takes seconds, in which the worker does not read its stdin yet. A server that is killed meanwhile would
leave it behind: so until the worker is ready, a thread watches the server.
"""

import argparse
import os
import threading

PERIOD_SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, required=True, help="CPU threads of this worker")
    parser.add_argument("--server", type=int, required=True, help="process id of its server")
    options = parser.parse_args()
    ready = threading.Event()
    threading.Thread(target=_watch, args=(options.server, ready), daemon=True).start()
    # Only now: this is what takes so long.
    from core.runs import worker

    worker.main(options.threads, ready.set)


def _watch(server: int, ready: threading.Event) -> None:
    while not ready.is_set():
        if os.getppid() != server:
            os._exit(1)
        ready.wait(PERIOD_SECONDS)


if __name__ == "__main__":
    main()
