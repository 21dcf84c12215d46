"""Background work with progress, cancel and a result keyed by what it was made from.

``registry`` has the jobs, one at a time per kind; ``process`` runs one in a process of its own that speaks JSON lines.
What a job computes stays with its trade: replays and diagnoses in core.runs, landscapes in core.landscape.
"""

from core.jobs.registry import Cancelled, Job, Jobs, Kind, Report, Status

__all__ = ["Cancelled", "Job", "Jobs", "Kind", "Report", "Status"]
