"""The README says what is so: every choice is in its tables, every command in it runs."""

import re
import shlex
from pathlib import Path

import pytest

from core.cli.main import main
from core.runs.store import Store
from core.training.config import RunConfig
from scripts.readme import TABLES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def rows(name: str) -> list[str]:
    """The lines of one of the README's tables, without its head."""
    return README.split(f"<!-- {name} -->\n")[1].split(f"\n<!-- /{name} -->")[0].splitlines()[2:]


@pytest.mark.parametrize(("name", "row"), [(name, row) for name in TABLES for row in rows(name)])
def test_every_row_of_a_table_is_the_registrys(name: str, row: str) -> None:
    """A registry may be ahead of the README, so that a new optimizer is one row; ``scripts.readme`` brings it along."""
    _, keys, line = TABLES[name]
    key = row.split("`")[1]
    assert key in keys and row == line(key)


def test_the_tables_hold_no_row_twice_and_the_first_ones_of_the_lab() -> None:
    for name, count in (("optimizers", 16), ("schedules", 13)):
        assert len(set(rows(name))) == len(rows(name)) >= count


@pytest.mark.slow
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
    assert len(commands) == 14
    for command in commands:
        assert main([*shlex.split(command)]) == 0, capsys.readouterr().err


def test_the_plain_pytorch_snippet_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--epochs", "1", "--save", "models/momentum.safetensors"]) == 0
    (snippet,) = re.findall(r"```python\n(.+?)```", README, flags=re.DOTALL)
    exec(snippet, {})


def test_every_promise_names_a_test_or_a_command_that_is_there():
    promises = README.split("## What the lab promises\n")[1].split("\n## ")[0].strip().splitlines()[2:]
    assert len(promises) >= 12
    for promise in promises:
        folder, named = ROOT, re.findall(r"`(tests/\S+|test_\S+|python -m \S+)`", promise.split(" | ")[1])
        assert named, promise
        for name in named:
            if name.startswith("python -m "):
                assert (ROOT / name.split()[-1].replace(".", "/") / "__main__.py").exists(), promise
            else:
                # A name without a folder is in that of the one before it.
                path = ROOT / name if "/" in name else folder / name
                assert path.exists(), promise
                folder = path.parent


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
