"""Pickles, which run code of the file's author when they are opened: never opened here, answered with a remedy."""

from core.models.names import base
from core.models.parameters import CheckpointError

#: How the names of PyTorch's own files end, and of other pickles.
PYTORCH, OTHERS = (".pt", ".pth", ".bin", ".ckpt"), (".pkl", ".pickle", ".joblib")
#: Where training scripts keep a network's parameters, or the network itself, among other things.
KEYS = ("model_state_dict", "state_dict", "model", "net")
#: No system has a file with a longer name.
LONGEST_NAME = 255


class PickleError(CheckpointError):
    """Refusal of a pickle.

    Args:
        reason: one sentence.
        remedy: lines of Python that save the file's numbers in one that the lab reads.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(f"{reason} In Python: {'; '.join(remedy.splitlines())}")


def refuse_pickle(name: str) -> None:
    """Raise PickleError if a file of this name is a pickle; its content is not looked at."""
    name = base(name)
    ending = next((ending for ending in PYTORCH + OTHERS if name.lower().endswith(ending)), None)
    if ending is None:
        return
    if len(name) > LONGEST_NAME:
        name = f"network{ending}"
    stem = name[: -len(ending)]
    if ending in PYTORCH:
        remedy = (
            "import torch; from safetensors.torch import save_file; "
            f"saved = torch.load({name!r}, map_location='cpu', weights_only=False)\n"
            f"saved = next((saved[key] for key in {KEYS} if isinstance(saved, dict) and key in saved), saved); "
            "saved = saved.state_dict() if hasattr(saved, 'state_dict') else saved; "
            "save_file({name: tensor.detach().clone().contiguous() for name, tensor in saved.items() "
            f"if torch.is_tensor(tensor)}}, {stem + '.safetensors'!r})"
        )
    else:
        load = f"joblib.load({name!r})" if ending == ".joblib" else f"pickle.load(open({name!r}, 'rb'))"
        remedy = (
            f"import {load.partition('.')[0]}, numpy; saved = {load}\n"
            f"numpy.savez({stem + '.npz'!r}, *(saved.coefs_ + saved.intercepts_ if hasattr(saved, 'coefs_') else "
            "saved.values() if isinstance(saved, dict) else saved))"
        )
    raise PickleError(
        f"A {ending} file is a pickle, which runs code as it is opened, so the lab never opens one. "
        "If you trust it, save it anew as a file without code.",
        remedy,
    )
