"""The README says what is so: every choice is in its tables, every command in it runs."""

import re
import shlex
from pathlib import Path

import pytest

from core.cli.main import main
from core.optimizers import OPTIMIZERS
from core.runs.store import Store
from core.training.config import RunConfig
from core.training.schedules import SCHEDULES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("key", OPTIMIZERS)
def test_every_optimizer_is_in_the_table_as_it_is(key):
    spec = OPTIMIZERS[key]
    names = ", ".join(f"`{p.name}`" for p in spec.hyperparameters) or "-"
    assert f"| {spec.label} | `{key}` | {spec.year} | {spec.lr:g} | {spec.batch_size} | {names} |" in README


@pytest.mark.parametrize("key", SCHEDULES)
def test_every_schedule_is_in_the_table_as_it_is(key):
    spec = SCHEDULES[key]
    names = ", ".join(f"`{p.name}`" for p in spec.hyperparameters) or "-"
    assert f"| {spec.label} | `{key}` | {names} |" in README


def test_every_terminal_command_runs(tmp_path, mnist_picture, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESCENT_MODELS", "models")
    monkeypatch.setenv("DESCENT_HOME", str(tmp_path / "home"))
    lab = Store(tmp_path / "home" / "lab.sqlite")
    for run_id in ("first", "second"):
        lab.add(run_id, RunConfig(), 0.0, "finished")
    lab.close()
    mnist_picture.save("photo.png")
    commands = re.findall(r"^python -m core (.+)$", README, flags=re.MULTILINE)
    assert len(commands) == 12
    for command in commands:
        assert main([*shlex.split(command)]) == 0, capsys.readouterr().err


def test_the_plain_pytorch_snippet_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--epochs", "1", "--save", "models/momentum.safetensors"]) == 0
    (snippet,) = re.findall(r"```python\n(.+?)```", README, flags=re.DOTALL)
    exec(snippet, {})


def test_every_file_that_the_documents_name_is_there():
    for document in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        text = (ROOT / document).read_text()
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / link).exists(), f"{document} links to {link}"


def test_the_tree_in_the_architecture_is_the_tree():
    """Every file and folder directly under core and dashboard stands in ARCHITECTURE.md's picture, and nothing else."""
    picture = (ROOT / "ARCHITECTURE.md").read_text().split("```")[1]
    drawn = set(re.findall(r"^  (\w+\.py|\w+/)", picture, flags=re.MULTILINE))
    packages = (ROOT / "core", ROOT / "dashboard")
    modules = {path.name for package in packages for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    folders = {f"{path.parent.name}/" for package in packages for path in package.glob("*/__init__.py")}
    assert drawn == modules | folders
