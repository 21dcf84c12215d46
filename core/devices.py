"""Which torch device a run uses, and how a process uses its CPU."""

import platform
from typing import Any

import torch


def prepare_cpu(threads: int) -> None:
    """Set this process up to train on the CPU, before it has computed anything: its threads, and no denormals.

    Adam's running means of pixels that are hardly ever inked shrink into denormal numbers, on which the processor
    is many times slower; flushed to zero, they cost nothing (benchmarks/denormals.py).
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def resolve(name: str) -> torch.device:
    """The device of a name as in ``RunConfig.device``; ``"auto"`` is the best one there is.

    Raises:
        ValueError: if this machine does not have it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(name)
    there = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }[device.type]
    if (device.index or 0) >= there:
        raise ValueError(f"device must be one that this machine has, got device = {name}.")
    return device


def environment(device: torch.device) -> dict[str, Any]:
    """What, besides the config, decides the bits of a run: hardware, versions, threads. JSON values."""
    cuda = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "device": str(device),
        "hardware": cuda or f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
    }


def changes(before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    """What differs between the environment of a checkpoint and this one, in words; "" if nothing does."""
    if before is None:
        return "it is not known where it was trained before"
    return ", ".join(f"{key} was {before.get(key)} and is {now[key]}" for key in now if before.get(key) != now[key])
