"""Train, measure and save the digit network: PyTorch without a user interface.

For a notebook or a script::

    from core import RunConfig, Trainer, evaluate, load_mnist

    trainer = Trainer(RunConfig(optimizer="adam", lr=1e-3, epochs=1))
    for event in trainer.events():
        ...
    print(evaluate(trainer.network, load_mnist().test).accuracy)

Each folder here says in its own first lines what belongs there.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Read once, when torch is loaded. Its threads else spin while they wait for each other, on cores that other runs need:
# benchmarks.threads shows what that costs.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from core.analysis.evaluation import Evaluation, evaluate
    from core.data import load as load_mnist
    from core.models.checkpoints import load_checkpoint, load_parameters, save_checkpoint, save_parameters
    from core.optimizers import OPTIMIZERS
    from core.training.commands import Pause, SetLearningRate, Stop
    from core.training.config import RunConfig
    from core.training.network import Network
    from core.training.schedules import SCHEDULES
    from core.training.trainer import Trainer, train

__all__ = [
    "OPTIMIZERS", "SCHEDULES", "Evaluation", "Network", "Pause", "RunConfig", "SetLearningRate", "Stop", "Trainer",
    "evaluate", "load_checkpoint", "load_mnist", "load_parameters", "save_checkpoint", "save_parameters", "train",
]  # fmt: skip

_MODULES = {
    "core.analysis.evaluation": ("Evaluation", "evaluate"),
    "core.models.checkpoints": ("load_checkpoint", "load_parameters", "save_checkpoint", "save_parameters"),
    "core.optimizers": ("OPTIMIZERS",),
    "core.training.commands": ("Pause", "SetLearningRate", "Stop"),
    "core.training.config": ("RunConfig",),
    "core.training.network": ("Network",),
    "core.training.schedules": ("SCHEDULES",),
    "core.training.trainer": ("Trainer", "train"),
}
_HOMES = {name: (module, name) for module, names in _MODULES.items() for name in names}
_HOMES["load_mnist"] = ("core.data", "load")


def __getattr__(name: str) -> Any:
    # Imported on first use: the process that reads HDF5 files from outside has no memory for torch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
