from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.runs.trajectories import Trajectory


@pytest.mark.parametrize(("asked", "found"), [(0, 0), (4, 0), (6, 10), (10, 10), (99, 30)])
def test_the_nearest_point_is_read_alone(tmp_path: Path, asked: int, found: int) -> None:
    steps, rows = torch.tensor([0, 10, 30]), torch.arange(15.0).view(3, 5)
    save_file({"steps": steps, "parameters": rows}, tmp_path / "some.safetensors")
    step, row = Trajectory("ready", 1.0, path=tmp_path / "some.safetensors").nearest(asked)
    assert step == found and torch.equal(row, rows[steps.tolist().index(found)])
