"""Measurements of networks and runs: figures, comparisons, causes. Functions without state."""
