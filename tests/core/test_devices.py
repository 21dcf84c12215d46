import os
import platform
import subprocess
import sys

import pytest
import torch

from core import devices
from core.paths import ROOT


def test_cpu_is_always_there():
    assert devices.resolve("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(False, False, "cpu"), (False, True, "mps"), (True, False, "cuda"), (True, True, "cuda")]
)
def test_auto_is_the_best_there_is(monkeypatch, cuda, mps, best):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert devices.resolve("auto") == torch.device(best)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1", "mps"])
def test_a_device_that_is_not_there_is_refused(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError) as refusal:
        devices.resolve(name)
    assert str(refusal.value) == f"device must be one that this machine has, got device = {name}."


def test_the_second_of_one_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert devices.resolve("cuda:0") == torch.device("cuda:0")
    with pytest.raises(ValueError, match="got device = cuda:1"):
        devices.resolve("cuda:1")


def test_threads_sleep_while_they_wait_unless_the_operator_says_otherwise():
    for given, expected in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
        environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | given
        command = [sys.executable, "-c", "import os, core; print(os.environ['OMP_WAIT_POLICY'])"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


MEMORY = """
import ctypes, sys, torch
from core import devices
class Sizes(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]
ask = ctypes.CDLL("libc.so.6").mallinfo2
ask.restype = Sizes
if sys.argv[1:]:
    devices.return_large_memory()
torch.empty(24_000_000, dtype=torch.uint8)
before = ask().hblkhd
kept = torch.empty(16_000_000, dtype=torch.uint8)
print(ask().hblkhd - before >= 16_000_000)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other systems have other memory")
@pytest.mark.parametrize(("arguments", "own"), [([], "False\n"), (["call"], "True\n")])
def test_large_memory_is_the_systems_own_also_after_larger_was_freed(arguments: list[str], own: str) -> None:
    told = subprocess.run([sys.executable, "-c", MEMORY, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == own, told.stderr
