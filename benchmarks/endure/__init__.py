"""Endurance of the lab under many visitors and attacks at once: ``python -m benchmarks.endure``."""
