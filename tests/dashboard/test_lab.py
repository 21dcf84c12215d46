"""The start of the lab, where it cannot start."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from streamlit import config
from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner, ScriptRunnerEvent

from dashboard import lab
from dashboard.assets import PATHS

ROOT = Path(__file__).resolve().parents[2]
START = """
import asyncio, gc, sys
from pathlib import Path
from core import data
from dashboard import lab
load = data.load
data.load = lambda: load(Path(sys.argv[1]))
async def main():
    async with lab.lifespan(None):
        print("started", gc.get_freeze_count())
asyncio.run(main())
"""


def start(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", START, str(folder)]
    places = {**os.environ, "DESCENT_HOME": str(folder / "home"), **environment}
    return subprocess.run(command, cwd=ROOT, env=places, capture_output=True, text=True, check=False)


def test_a_damaged_data_file_ends_the_start_with_one_sentence(tmp_path):
    for file in (ROOT / "data" / "mnist").glob("*.gz"):
        content = file.read_bytes()
        (tmp_path / file.name).write_bytes(content[:100] if "t10k-labels" in file.name else content)
    ended = start(tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"The data file {tmp_path / 't10k-labels-idx1-ubyte.gz'} cannot be read; put")
    assert ended.stderr.count("\n") == 1


def test_a_senseless_worker_count_ends_the_start_with_one_sentence():
    ended = start(ROOT / "data" / "mnist", DESCENT_WORKERS="none", DESCENT_HOME=os.devnull + "/home")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1


def test_a_look_for_garbage_leaves_out_what_the_lab_consists_of(tmp_path):
    ended = start(ROOT / "data" / "mnist", DESCENT_HOME=str(tmp_path))
    assert ended.returncode == 0
    assert int(ended.stdout.split()[-1]) > 100_000


def test_a_drawing_is_not_followed_by_a_look_for_garbage(monkeypatch):
    looks: list[int] = []
    monkeypatch.setattr(script_runner, "gc", SimpleNamespace(collect=looks.append))
    context = SimpleNamespace(has_script_started=False)
    for _ in range(3):
        ScriptRunner._on_script_finished(MagicMock(), context, ScriptRunnerEvent.SHUTDOWN, True, None)
    assert looks == []
    monkeypatch.setitem(config._config_options, "runner.postScriptGC", SimpleNamespace(value=True))
    ScriptRunner._on_script_finished(MagicMock(), context, ScriptRunnerEvent.SHUTDOWN, True, None)
    assert looks == [2]


def test_there_is_no_service_before_the_start():
    lab.stop()
    with pytest.raises(RuntimeError, match=r"The lab is not running: start it with"):
        lab.service()


def test_no_visitor_waits_for_the_imports_of_another():
    """In a process of its own: what pages import, each of their modules, is there before the first visit."""
    program = (
        "import ast, sys\n"
        "from pathlib import Path\n"
        "import app\n"
        "from dashboard import lab, views\n"
        "lab.import_pages()\n"
        "pages = sorted(Path(views.__path__[0]).glob('*/page.py'))\n"
        "needed = [node.module for page in pages for node in ast.walk(ast.parse(page.read_text()))\n"
        "          if isinstance(node, ast.ImportFrom)]\n"
        "print(len(pages), [name for name in needed if name not in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"{len(PATHS) + 1} []", done.stderr
