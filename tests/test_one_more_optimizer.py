"""An optimizer is one row: with two more rows, and no other line, everything in the lab works with them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: All that a commit with two more optimizers holds.
ROWS = '''

class _Lion(Optimizer):
    """Lion, which torch.optim does not have."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                p.mul_(1.0 - lr * decay).sub_(torch.sign(m.lerp(p.grad, 1.0 - beta1)), alpha=lr)
                m.lerp_(p.grad, 1.0 - beta2)


OPTIMIZERS["heavy_ball"] = OptimizerSpec(
    label="Heavy ball",
    year=1964,
    source="Polyak, Some methods of speeding up the convergence of iteration methods, 1964",
    formula=r"v_t = 0.95\\, v_{t-1} + g_t, \\qquad \\theta_t = \\theta_{t-1} - \\eta\\, v_t",
    help="Momentum of a fixed weight.",
    lr=0.01,
    build=_plain(torch.optim.SGD, fused_on=("cpu", "cuda"), momentum=0.95),
    rule=partial(rules.sgd, momentum=0.95),
    explain=explanations.momentum,
)
OPTIMIZERS["lion"] = OptimizerSpec(
    label="Lion",
    year=2023,
    source="Chen et al., Symbolic Discovery of Optimization Algorithms, 2023",
    formula=r"\\theta_t = \\theta_{t-1} - \\eta\\, \\mathrm{sign}(\\beta_1 m_{t-1} + (1-\\beta_1)\\, g_t)",
    help="Steps by the sign of a momentum.",
    lr=3e-4,
    build=_plain(_Lion),
    hyperparameters=(
        Hyperparameter("betas", (0.9, 0.99), "How slowly the momentum forgets.", low=0.0, high=1.0, open_high=True),
    ),
    weight_decay="decoupled",
)
'''
#: The checks of the two rows, and the tests that a new row must not turn red.
CHECKS = (
    "tests/dashboard/one_more_optimizer.py",
    "tests/core/optimizers",
    "tests/core/surfaces/test_descent.py",
    "tests/core/training/test_trainer.py",
    "tests/core/analysis/test_weight_step.py",
    "tests/dashboard/test_run_curves.py",
    "tests/test_docs.py",
)
CHOSEN = "one_more_optimizer or heavy_ball or lion or test_table or every_rule or test_run_curves or test_docs and row"


@pytest.mark.slow
def test_an_optimizer_is_one_row(tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    for part in ("core", "dashboard", "scripts", "tests", "benchmarks"):
        # With the compiled code beside it, of which that of the files that stay as they are is used.
        shutil.copytree(ROOT / part, lab / part)
    for name in ("pyproject.toml", "README.md", "app.py"):
        shutil.copy(ROOT / name, lab / name)
    (lab / "data").symlink_to(ROOT / "data")
    with (lab / "core" / "optimizers" / "table.py").open("a") as table:
        table.write(ROWS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-k", CHOSEN, *CHECKS], cwd=lab, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
