"""The cluster from a terminal: ``python -m core.runs.cluster check`` tells what the lab sees of it."""

import argparse
import os
import sys

from core.runs.cluster import settings
from core.runs.pool import worker_count


def main() -> int:
    """Check the cluster of ``DESCENT_CLUSTER``; return 0 if all is well, 1 if a node is not, 2 without any."""
    parser = argparse.ArgumentParser(prog="python -m core.runs.cluster", description=__doc__)
    parser.add_argument("command", choices=["check"])
    parser.parse_args()
    try:
        address, size = settings.address(), worker_count()
        os.environ.update(settings.environment())
        # Only now: Ray reads its environment when it is imported.
        from core.runs.cluster import check, connection

        connection.connect(address, size)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    well = True
    for good, sentence in check.report():
        print(sentence, flush=True)
        well = well and good
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
