"""Pickles are never opened; the two lines that answer them save a file that comes in. Run in a process of its own."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from core.models import formats
from core.models.formats.pickles import PickleError
from tests.core.models.formats.conftest import same
from tests.waiting import LIMIT


class Perceptron:
    """As scikit-learn's MLPClassifier keeps its parameters."""

    def __init__(self, arrays) -> None:
        self.coefs_ = [arrays["0.weight"].T, arrays["2.weight"].T]
        self.intercepts_ = [arrays["0.bias"], arrays["2.bias"]]


def remedy(name: str) -> str:
    with pytest.raises(PickleError) as refusal:
        formats.read(name, b"never looked at")
    error = refusal.value
    ending = "." + name.rpartition(".")[2].lower()
    assert error.reason.startswith(f"A {ending} file is a pickle, which runs code as it is opened, so the lab never")
    assert len(error.remedy.splitlines()) == 2
    # In a terminal all of it is one line.
    assert "\n" not in str(error) and str(error).startswith(error.reason)
    return error.remedy


def run(lines: str, folder, file: str):
    subprocess.run([sys.executable, "-c", lines], cwd=folder, check=True, timeout=LIMIT)
    return formats.read(file, (folder / file).read_bytes())[0]


def plain(network):
    module = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    module.load_state_dict(network.state_dict())
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["net.pt", "net's.PTH", "pytorch_model.bin", "last.ckpt"])
@pytest.mark.parametrize(
    "saved",
    [
        lambda module: module.state_dict(),
        lambda module: module,
        lambda module: {"epoch": 3, "model_state_dict": module.state_dict(), "optimizer_state_dict": {}},
    ],
    ids=["parameters", "module", "checkpoint"],
)
def test_the_two_lines_save_what_torch_saved(saved, name, network, tmp_path):
    torch.save(saved(plain(network)), tmp_path / name)
    assert same(run(remedy(name), tmp_path, f"{name.rpartition('.')[0]}.safetensors"), network)


def joined(module):
    """The module with its parameters in one piece of memory."""
    vector = torch.nn.utils.parameters_to_vector(module.parameters()).detach()
    torch.nn.utils.vector_to_parameters(vector, module.parameters())
    return module


OPTIMIZER = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
CHECKPOINTS = {
    # Lightning names the parameters after the attribute that holds the network.
    "lightning": lambda module: {
        "epoch": 3, "pytorch-lightning_version": "2.5.0", "optimizer_states": [OPTIMIZER], "lr_schedulers": [],
        "state_dict": {f"model.{name}": tensor for name, tensor in module.state_dict().items()},
    },
    "model": lambda module: {"model": module.state_dict(), "optimizer": OPTIMIZER, "args": {"lr": 0.1}},
    "net": lambda module: {"net": module.state_dict(), "acc": 98.1, "epoch": 3},
    "a module under a key": lambda module: {"model": module, "epoch": 3},
    "other things between": lambda module: {**module.state_dict(), "epoch": 3, "classes": list(range(10))},
    "parameters that train": lambda module: dict(module.named_parameters()),
    "parts of one vector": lambda module: joined(module).state_dict(),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("saved", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_the_two_lines_save_what_training_scripts_keep(saved, network, tmp_path):
    torch.save(saved(plain(network)), tmp_path / "last.ckpt")
    assert same(run(remedy("last.ckpt"), tmp_path, "last.safetensors"), network)


LONG = "epoch=12-val_loss=0.0712-" + "run of the fourteenth with other pixels " * 4 + "\u202e\u00e9"


@pytest.mark.slow
@pytest.mark.parametrize("name", [f"{LONG}.ckpt", f"{LONG}.pkl", "it's.pt"])
def test_the_two_lines_have_the_whole_name(name, network, arrays, tmp_path):
    if name.endswith(".pkl"):
        (tmp_path / name).write_bytes(pickle.dumps(dict(arrays)))
        assert same(run(remedy(name), tmp_path, f"{LONG}.npz"), network)
        return
    torch.save(plain(network).state_dict(), tmp_path / name)
    assert same(run(remedy(name), tmp_path, f"{name.rpartition('.')[0]}.safetensors"), network)


@pytest.mark.slow
@pytest.mark.parametrize("saved", [list, dict, tuple], ids=["list", "dict", "tuple"])
def test_the_two_lines_save_arrays(saved, network, arrays, tmp_path):
    content = dict(arrays) if saved is dict else saved(arrays.values())
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(content))
    assert same(run(remedy("net.pkl"), tmp_path, "net.npz"), network)


@pytest.mark.slow
def test_the_two_lines_save_a_perceptron_of_scikit_learn(network, arrays, tmp_path):
    module = "class Perceptron: pass\n"
    (tmp_path / "sklearn_like.py").write_text(module)
    perceptron = Perceptron(arrays)
    Perceptron.__module__, Perceptron.__qualname__ = "sklearn_like", "Perceptron"
    sys.modules["sklearn_like"] = sys.modules[__name__]
    try:
        (tmp_path / "net.pickle").write_bytes(pickle.dumps(perceptron))
    finally:
        del sys.modules["sklearn_like"]
    assert same(run(remedy("net.pickle"), tmp_path, "net.npz"), network)


@pytest.mark.parametrize("name", ["x.pt", "X.PTH", "x.pkl", "x.pickle", "x.bin", "x.ckpt", "x.joblib"])
def test_every_ending_is_answered(name):
    assert remedy(name)


@pytest.mark.parametrize(
    "name", ["a" * 5000 + ".pt", "\0" * 100 + ".pt", "..\\x'); import os; ('.pt", "\"'.pkl", "\0\u202e.bin", ".pt"]
)
def test_a_name_is_a_text_in_the_lines_and_nothing_else(name, tmp_path):
    lines = remedy(name)
    compile(lines, "remedy", "exec")
    assert lines.replace("\n", "").isprintable() and len(lines) < 1500
    assert "import os" not in lines.replace(repr("x'); import os; ('.pt"), "").replace(
        repr("x'); import os; ('.safetensors"), ""
    )


def test_arrays_of_numpy_are_no_pickle(arrays):
    with pytest.raises(formats.CheckpointError, match="A file's name must end in"):
        formats.read("x.npy", np.zeros(3).tobytes())
