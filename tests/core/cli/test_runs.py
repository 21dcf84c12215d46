"""``python -m core runs``, beside a server and without one."""

import json
import os

import pytest

from core.cli.main import main
from core.runs.service import Service
from core.runs.store import Store
from core.training.config import RunConfig


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A lab with three runs, the last of which waits."""
    folder = tmp_path / "home"
    monkeypatch.setenv("DESCENT_HOME", str(folder))
    store = Store(folder / "lab.sqlite")
    for run_id, state in (("a" * 16, "finished"), ("b" * 16, "stopped"), ("c" * 16, "queued")):
        store.add(run_id, RunConfig(epochs=1), 1000.0, state, name=f"run {run_id[0]}", owner_name="Ada")
        (folder / "files" / run_id).mkdir(parents=True)
    store.update("a" * 16, best_validation_accuracy=0.975, test_accuracy=0.97, seconds=2.0)
    body = {"event": "StepsDone", "first_step": 0, "losses": [2.0], "learning_rates": [0.1], "images_per_second": 1.0}
    store.append("a" * 16, 0, json.dumps(body), 1001.0)
    store.close()
    return folder


def said(capsys, *arguments):
    assert main(["runs", *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys, *arguments):
    assert main(["runs", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1
    return told.err.strip()


def test_list(home, capsys):
    lines = said(capsys, "list").splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["#3", "#2", "#1"]
    assert "97.50%" in lines[3] and "97.00%" in lines[3] and "a" * 16 in lines[3]
    assert len(said(capsys, "list", "--limit", "1").splitlines()) == 2
    assert [run["number"] for run in json.loads(said(capsys, "list", "--json"))] == [3, 2, 1]
    assert said(capsys, "list", "--bin") == "No runs.\n"


def test_what_controls_a_terminal_is_not_printed(home, capsys):
    store = Store(home / "lab.sqlite")
    # As labs before kept it.
    store.update("a" * 16, name="a\x1b[31m\n#9", owner_name="\x9b2J", notes="one\nstate: failed\x1b")
    store.close()
    table, shown = said(capsys, "list"), said(capsys, "show", "1")
    exported = said(capsys, "export", "1")
    assert all((line + "x").isprintable() for text in (table, shown, exported) for line in text.splitlines())
    assert len(table.splitlines()) == 4 and "a�[31m�#9" in table and "a�[31m" in exported
    assert shown.count("\nstate: ") == 1 and "notes: one\n  state: failed�\n" in shown


@pytest.mark.parametrize("name", ["1", "#1", "a" * 16])
def test_show_by_number_or_id(home, capsys, name):
    told = json.loads(said(capsys, "show", name, "--json"))
    assert (told["number"], told["name"], told["config"]["epochs"]) == (1, "run a", 1)
    assert "points" not in told
    assert "owner_name: Ada" in said(capsys, "show", name).splitlines()


def test_show_and_export_say_where_a_run_left_its_parent(home, capsys):
    store = Store(home / "lab.sqlite")
    store.update("b" * 16, parent="a" * 16, parent_step=1, first_step=1)
    body = {"event": "StepsDone", "first_step": 1, "losses": [1.5], "learning_rates": [0.1], "images_per_second": 1.0}
    store.append("b" * 16, 0, json.dumps(body), 1001.0)
    store.close()
    shown = said(capsys, "show", "2").splitlines()
    assert f"parent: {'a' * 16}" in shown and "parent_step: 1" in shown
    (exported,) = json.loads(said(capsys, "export", "2", "--format", "json"))
    assert (exported["parent"], exported["parent_step"], exported["first_step"]) == ("a" * 16, 1, 1)
    head, first = said(capsys, "export", "2").splitlines()
    assert head.endswith(",parent,parent_step") and first.endswith(f",{'a' * 16},1")


def test_export_to_stdout_and_to_a_file(home, capsys, tmp_path):
    lines = said(capsys, "export", "1").splitlines()
    assert lines[1].startswith(f"{'a' * 16},1,run a,0,2.0,0.1,")
    path = tmp_path / "out" / "runs.json"
    assert said(capsys, "export", "--format", "json", "--output", str(path)) == f"Exported 3 runs to {path}.\n"
    assert [run["number"] for run in json.loads(path.read_text())] == [1, 2, 3]


def test_delete_puts_into_the_bin_and_for_good_removes_the_files(home, capsys):
    assert said(capsys, "delete", "1", "#1") == "Put into the bin: 1 run.\n"
    assert [run["number"] for run in json.loads(said(capsys, "list", "--bin", "--json"))] == [1]
    assert (home / "files" / ("a" * 16)).exists()
    assert said(capsys, "delete", "1", "2", "--for-good") == "Removed 2 runs.\n"
    assert [run["number"] for run in json.loads(said(capsys, "list", "--json"))] == [3]
    assert [folder.name for folder in (home / "files").iterdir()] == ["c" * 16]


def test_a_waiting_run_is_not_deleted_nor_what_is_named_beside_it(home, capsys):
    assert refused(capsys, "delete", "1", "3") == "A run must not wait in the queue to be deleted, but run #3 does."
    assert len(json.loads(said(capsys, "list", "--json"))) == 3


def test_a_run_that_is_not_there(home, capsys):
    sentence = "run must be the number or id of one that the lab has, got run = 9."
    for action in ("show", "export", "delete"):
        assert refused(capsys, action, "9") == sentence


def test_a_home_without_runs_is_not_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DESCENT_HOME", str(tmp_path / "nowhere"))
    for arguments in (["list"], ["export"], ["delete", "1"]):
        assert refused(capsys, *arguments).endswith("lab.sqlite could not be opened: there are no runs.")
    assert not (tmp_path / "nowhere").exists()


def test_beside_a_server_runs_are_read_but_not_deleted(home, capsys):
    service = Service(home, workers=1, threads=1)
    try:
        assert "#1" in said(capsys, "list")
        assert said(capsys, "export", "1").count("\n") == 2
        sentence = f"A server has the lab in {home}: delete the runs on its Runs page, or stop the server first."
        assert refused(capsys, "delete", "1") == sentence
        assert service.run("a" * 16).deleted is None
    finally:
        service.close()


def test_a_run_as_code(home, capsys, tmp_path):
    def code(*arguments):
        status = main(["code", *arguments])
        return status, *capsys.readouterr()

    status, text, _ = code("1")
    assert status == 0
    compile(text, "run.py", "exec")
    assert text.startswith('"""Run #1 of Descent Lab') and "losses[0], 2.0" in text
    assert code("a" * 16)[1] == text
    path = tmp_path / "run.ipynb"
    assert code("1", "--as", "notebook", "--output", str(path))[1] == f"Wrote 1 to {path} (Notebook).\n"
    assert json.loads(path.read_text())["nbformat"] == 4
    assert code("9")[::2] == (2, "run must be a run's number or id, or a model's name, got run = 9.\n")
    assert code("reference")[::2] == (2, "reference does not say how it was trained.\n")


@pytest.mark.parametrize("command", [["code", "1"], ["runs", "export"]])
def test_a_pipe_is_never_replaced_by_a_file(command, home, capsys, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert main([*command, "--output", str(pipe)]) == 2
    assert capsys.readouterr().err == f"output must be the path of a file, got output = {pipe}.\n"
    assert pipe.is_fifo()
