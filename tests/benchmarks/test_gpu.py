"""The command that nobody here can run on a device: its proofs, with the CPU in the place of one."""

import subprocess
import sys

import pytest
import torch

from benchmarks import gpu
from core import paths
from core.training.config import RunConfig
from core.training.network import HandGradient


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_without_a_device_it_says_so_and_ends_well():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu"], cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "This machine has no CUDA device: nothing was proved or timed on a GPU.\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", gpu.PROOFS)
def test_a_device_that_computes_as_the_cpu_passes(name):
    assert list(gpu.PROOFS[name]("cpu")) == []


def test_a_device_that_computes_otherwise_fails(monkeypatch):
    def run(config: RunConfig, steps: int, stops: tuple[int, ...] = ()):
        return real(
            config if config.device == "cpu" else RunConfig(**{**config.to_dict(), "seed": 1, "device": "cpu"}), 2
        )

    real = gpu.run
    monkeypatch.setattr(gpu, "run", run)
    (failure,) = gpu._against_cpu("cuda", "adam", gpu.NEAR)
    assert failure.startswith("adam is off by ")


@pytest.mark.slow
def test_the_dense_gradient_that_a_device_takes_trains_as_the_compiled_one(monkeypatch):
    """The path of every other device, on the CPU in its place: the same proofs hold between the two."""
    made = []
    monkeypatch.setattr("core.training.stepper.steps_by_ink", lambda device: False)
    monkeypatch.setattr("core.training.trainer.steps_by_ink", lambda device: False)
    monkeypatch.setattr("core.training.stepper.HandGradient", lambda *a: made.append(a) or HandGradient(*a))
    dense = {
        name: gpu.run(RunConfig(optimizer=name, epochs=1, validation_split=gpu.SMALL), 10) for name in ("adam", "muon")
    }
    assert len(made) == 2
    monkeypatch.undo()
    for name, (_, events) in dense.items():
        _, compiled = gpu.run(RunConfig(optimizer=name, epochs=1, validation_split=gpu.SMALL), 10)
        assert gpu.losses(events) == pytest.approx(gpu.losses(compiled), rel=1e-4 if name == "adam" else 5e-2)
