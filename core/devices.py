"""Torch devices of this machine, and the settings of a process that computes on its CPU."""

import contextlib
import ctypes
import platform
from typing import Any

import torch

from core import compiled
from core.files import shortened
from core.hyperparameters import InvalidValue

KINDS = ("cpu", "cuda", "mps")
#: Bytes from which on a piece of memory is the system's own, and the number of that setting in glibc's malloc.h.
LARGE, _MMAP_THRESHOLD = 2**20, -3


def prepare_cpu(threads: int) -> None:
    """Set this process up to train on the CPU, before it has computed anything: its threads, and no denormals.

    Adam's running means of pixels that are hardly ever inked shrink into denormal numbers, on which the processor
    is many times slower; flushed to zero, they cost nothing (benchmarks/denormals.py).
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def return_large_memory() -> None:
    """Return each large piece of this process's memory to the system once it is free, where glibc has the memory.

    It would raise ``LARGE`` to the size of whatever is freed, up to 32 MB. What is smaller stays, in a heap of each
    thread, as long as anything that came after it is in use: a server of many threads grows by it.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_MMAP_THRESHOLD, LARGE)


def is_available(name: str) -> bool:
    """Return True if this machine has the device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""
    device = torch.device(name)
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }[device.type]
    return (device.index or 0) < count


def available_kinds() -> list[str]:
    """Return the kinds of device that this machine has, ``cpu`` first."""
    return [kind for kind in KINDS if is_available(kind)]


def resolve(name: str) -> torch.device:
    """Return the device of a name as in ``RunConfig.device``; ``"auto"`` is the fastest that this machine has.

    Raises:
        InvalidValue: if this machine does not have it.
    """
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if is_available(kind))
    if not is_available(name):
        raise InvalidValue("device", "be one that this machine has", name)
    return torch.device(name)


def environment(device: torch.device) -> dict[str, Any]:
    """Return, as JSON values, what besides the config decides the bits of a run: hardware, versions, threads."""
    cuda = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "device": str(device),
        "hardware": cuda or f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "numba": compiled.VERSION if device.type == "cpu" else None,
        "python": platform.python_version(),
        "system": platform.system(),
    }


def changes(before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    """Return the differences between a checkpoint's environment and this one, in words; "" if there are none."""
    if before is None:
        return "it is not known where it was trained before"
    # What it was may be a file's own words.
    changed = (key for key in now if before.get(key) != now[key])
    return ", ".join(f"{key} was {shortened(str(before.get(key)))} and is {now[key]}" for key in changed)
