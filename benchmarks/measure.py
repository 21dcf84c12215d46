"""Common parts of the benchmarks: the machine in one line, interleaved repeats, medians."""

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from core.compiled import VERSION


def machine() -> str:
    """Processor, cores and versions, for the log."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = f"{len(names)} x {names[0]}" if names else model
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, numba {VERSION}"
    return f"{model}, {torch.get_num_threads()} threads, {versions}"


def interleaved(variants: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Each variant's figures from ``repeats`` rounds; every round runs all of them in turn.

    A first round warms up and is not counted, so that a slow phase of the machine affects all alike.
    """
    figures: dict[str, list[float]] = {name: [] for name in variants}
    for counted in [False] + [True] * repeats:
        for name, variant in variants.items():
            figure = variant()
            if counted:
                figures[name].append(figure)
    return figures


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Return the work as a variant: its figure is the seconds that it takes."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def median_and_range(figures: list[float], digits: int = 3) -> str:
    return f"{statistics.median(figures):.{digits}f} ({min(figures):.{digits}f} to {max(figures):.{digits}f})"


def paired_ratio(above: list[float], below: list[float]) -> str:
    """Return the median over the rounds of one variant's figure divided by another's."""
    return f"{statistics.median(a / b for a, b in zip(above, below, strict=True)):.2f}"
