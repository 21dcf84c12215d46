"""A Ray cluster whose nodes are processes of this machine: ``python nodes.py``.

It writes a line of JSON for its head, which has no CPU for others, and one for each node that a line of stdin asks for
by its number of CPUs. The cluster ends with stdin.
"""

import json
import sys
import time

from ray._private import services
from ray.cluster_utils import Cluster

from tests.waiting import LIMIT

look = services.get_node


def get_node(*arguments):
    """Wait for a node as long as a busy machine takes; Ray gives up after 30 seconds."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return look(*arguments)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


services.get_node = get_node

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
node = cluster.head_node
while True:
    raylet = node.all_processes["raylet"][0].process.pid
    print(json.dumps({"address": cluster.address, "raylet": raylet}), flush=True)
    if not (line := sys.stdin.readline()):
        break
    node = cluster.add_node(num_cpus=int(line))
