"""Workers on a Ray cluster, behind the seam of core.runs.workers: the scheduler does not know where its workers are.

The lab's server never imports Ray: ``pool`` speaks through pipes to ``driver``, a process that joins the cluster and
keeps an ``actor`` on each of its GPUs and CPUs. Files travel with the messages (``frames``), and only the server writes
the lab's home.
"""
