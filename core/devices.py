"""Which torch device a run uses."""

import torch


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
