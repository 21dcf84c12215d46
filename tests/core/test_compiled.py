"""Compiled functions, their code on disk, and the lab without them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.compiled import AVAILABLE

ROOT = Path(__file__).resolve().parents[2]
TRAIN = """
import sys
import torch
{before}
from core import compiled, devices
devices.prepare_cpu(1)
from core.training.config import RunConfig
from core.training.trainer import Trainer
trainer = Trainer(RunConfig(epochs=1, validation_split=0.968, device="cpu"))
trainer.pause_at = 5
losses = [loss for event in trainer.events() if hasattr(event, "losses") for loss in event.losses]
Trainer(trainer.config).restore(trainer.state())
assert "torch._dynamo" not in sys.modules, "torch.compile's import takes a second, and nothing uses it"
print(compiled.AVAILABLE, *losses)
"""


def train(folder, before="", **environment):
    """(whether compiled, the losses) of five steps in a process of its own that runs the lab in ``folder``."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN.format(before=before)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    available, *losses = done.stdout.split()
    return available == "True", [float(loss) for loss in losses]


def copy(folder):
    """A lab whose code on disk is not there yet."""
    shutil.copytree(ROOT / "core", folder / "core", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").symlink_to(ROOT / "data")
    return folder


@pytest.mark.slow
def test_without_numba_torch_computes_the_same(tmp_path):
    available, losses = train(copy(tmp_path), "import sys; sys.modules['numba'] = None")
    assert not available and len(losses) == 5
    if AVAILABLE:
        assert train(ROOT)[1] == pytest.approx(losses, rel=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not AVAILABLE, reason="numba is not installed")
@pytest.mark.parametrize("refusal", ["no folder", "full disk"])
def test_where_code_cannot_be_kept_each_process_compiles_for_itself(tmp_path, refusal):
    """Root may write into any folder, so the refusals are put into the functions that find one and write."""
    before = {
        "no folder": "from numba.core import caching; caching._CacheLocator.ensure_cache_path = lambda self: 1 / 0\n"
        "def refused(self): raise PermissionError(13, 'no')\ncaching._CacheLocator.ensure_cache_path = refused",
        "full disk": "from numba.core import caching\n"
        "def refused(self, *a): raise OSError(28, 'full')\ncaching.IndexDataCacheFile.save = refused",
    }[refusal]
    available, losses = train(copy(tmp_path), before)
    assert available and losses == train(ROOT)[1]
    assert not list(tmp_path.rglob("*.nbc"))


@pytest.mark.slow
@pytest.mark.skipif(not AVAILABLE, reason="numba is not installed")
def test_code_on_disk_is_of_the_files_that_it_was_compiled_from(tmp_path):
    """Steps of the network call rules of another file."""
    lab = copy(tmp_path)
    _, before = train(lab)
    assert train(lab)[1] == before
    rules = lab / "core" / "optimizers" / "weightwise.py"
    text = rules.read_text()
    assert text.count("return theta - size * direction") == 1
    rules.write_text(text.replace("return theta - size * direction", "return theta + size * direction"))
    _, after = train(lab)
    # The object's own step is the first: what the compiled ones changed is seen from the third loss on.
    assert after[:2] == before[:2] and after[2] > before[2]
