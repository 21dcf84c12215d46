import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys, core
for module in pkgutil.walk_packages(core.__path__, "core."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            assert error.name == "ray" and module.name.startswith("core.runs.cluster."), module.name
assert "core.training.trainer" in sys.modules
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"streamlit", "plotly", "dashboard"}))
"""

CODE = """
import sys, torch
from core.models import code
from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
for name, spec in OPTIMIZERS.items():
    spec.create([torch.nn.Parameter(torch.zeros(4, 4))], lr=0.01)
    assert "torch.optim" in code.optimizers.calls(RunConfig.recommended(name))[0].code
print(*sorted({"torch._dynamo", "sympy"} & set(sys.modules)))
"""


def test_core_imports_nothing_of_the_browsers_side():
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout.strip()) == (0, ""), answer.stderr


def test_optimizers_and_runs_as_code_import_no_compiler():
    answer = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout.strip()) == (0, ""), answer.stderr
