"""``python -m core sweep``: a sweep to its end, one that was left, and refusals."""

import json
import os
import signal

import pytest

from core.cli import sweep
from core.cli.main import main

ARGUMENTS = ["--epochs", "1", "--batch-size", "512", "--validation-split", "0.9", "--threads", "1", "--json"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DESCENT_WORKERS", "1")
    return tmp_path / "home"


def said(capsys, *arguments):
    assert main(["sweep", *ARGUMENTS, *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    return lines[:-1], json.loads(lines[-1])


@pytest.mark.slow
def test_a_grid_and_the_same_command_again(home, capsys):
    lines, answer = said(capsys, "--vary", "lr=0.0001,0.01", "--vary", "schedule=constant,cosine")
    assert lines[0].startswith("4 runs, about ") and lines[0].endswith(" s on 1 worker.")
    assert [line.split(":")[0] for line in lines[1:]] == ["Trial 1", "Trial 2", "Trial 3", "Trial 4"]
    assert list(answer) == ["best", "trials", "importance", "seconds"]
    tried = {(trial["config"]["lr"], trial["config"]["schedule"]) for trial in answer["trials"]}
    assert tried == {(rate, schedule) for rate in (0.0001, 0.01) for schedule in ("constant", "cosine")}
    assert {(trial["state"], trial["epochs"]) for trial in answer["trials"]} == {("finished", 1)}
    accuracies = [trial["validation_accuracy"] for trial in answer["trials"]]
    assert answer["best"]["validation_accuracy"] == max(accuracies) > 0.7 and answer["best"]["config"]["lr"] == 0.01
    assert list(answer["importance"]) == ["lr", "schedule"] and sum(answer["importance"].values()) == pytest.approx(1)
    lines, again = said(capsys, "--vary", "lr=0.0001,0.01", "--vary", "schedule=constant,cosine")
    assert lines == ["The same sweep has finished before; these are its results."]
    assert again["trials"] == answer["trials"]


@pytest.mark.slow
def test_interrupted_it_goes_on_with_the_same_command(home, capsys, monkeypatch):
    show = sweep._show

    def interrupting(found, fresh):
        show(found, fresh)
        if found.done:
            os.kill(os.getpid(), signal.SIGINT)

    vary = ["--vary", "lr=0.001:0.1:log", "--sampler", "random", "--trials", "6", "--seed", "4"]
    monkeypatch.setattr(sweep, "_show", interrupting)
    _, answer = said(capsys, *vary)
    first = [trial for trial in answer["trials"] if trial["state"] == "finished"]
    assert 1 <= len(first) < 6
    monkeypatch.setattr(sweep, "_show", show)
    lines, answer = said(capsys, *vary)
    assert lines[0].startswith("Goes on with the same sweep, of which ")
    assert len(answer["trials"]) == 6 and {trial["state"] for trial in answer["trials"]} == {"finished"}
    assert all(trial in answer["trials"] for trial in first)
    assert answer["trials"][0]["config"]["seed"] == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "vary must be given, as NAME=VALUE,VALUE or NAME=LOW:HIGH, got vary = nothing."),
        (["--vary", "lr=0.1"], "lr must be varied over 2 to 100 values, got 1."),
        (["--vary", "lr=a,b"], "lr must be a number in (0, 1000], got lr = a."),
        (
            ["--vary", "lr=1,2", "--sampler", "a"],
            "sampler must be one of grid, random, tpe, sobol, got sampler = a.",
        ),
        (["--vary", "lr=1,2", "--trials", "0"], "trials must be a whole number in [1, 10000], got trials = 0."),
        (["--vary", "lr=1,2", "--minutes", "0"], "minutes must be a number in (0, 10080], got minutes = 0."),
        (["--vary", "lr=1,2", "--seeds", "11"], "seeds must be a whole number in [1, 10], got seeds = 11."),
        (
            ["--vary", "lr=1,2", "--validation-split", "0"],
            "validation_split must leave validation images, since they choose the best settings.",
        ),
        (
            ["--vary", "lr=1,2", "--device", "cuda:99"],
            "device must be one that this machine has, got device = cuda:99.",
        ),
        (["--vary", "device=cpu,cuda:99"], "device must be one that this machine has, got device = cuda:99."),
        (["--vary", "seed=1,2", "--seeds", "2"], "seeds must be 1 when the seed itself is varied, got seeds = 2."),
    ],
)
def test_bad_input_is_one_line(home, capsys, arguments, sentence):
    assert main(["sweep", *arguments]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", sentence + "\n")
    assert not home.exists()


@pytest.mark.slow
def test_a_sweep_that_failed_says_why_and_is_tried_again_by_the_same_command(home, capfd, monkeypatch):
    vary = ["sweep", *ARGUMENTS, "--vary", "lr=0.001,0.01", "--device", "cuda:99"]
    with monkeypatch.context() as patched:
        patched.setattr(sweep, "_check_devices", lambda _: None)
        sentence = "device must be one that this machine has, got device = cuda:99."
        for line in ("2 runs, about ", "Goes on with the same sweep, of which 0 of 2 trials are done."):
            assert main(vary) == 1
            said = capfd.readouterr()
            lines = said.out.splitlines()
            assert lines[0].startswith(line)
            assert [text.partition(": ")[2] for text in lines[1:-1]] == [
                f"validation accuracy no accuracy with lr {rate}, failed after 0 epochs: {sentence}"
                for rate in (0.001, 0.01)
            ]
            assert json.loads(lines[-1])["best"] is None
            assert said.err == f"No trial has finished. {sentence}\n"


@pytest.mark.slow
def test_a_sweep_of_which_all_diverge_has_status_1(home, capsys):
    given = [
        "--vary",
        "lr=1000,900",
        "--optimizer",
        "sgd",
        "--weight-decay",
        "0.1",
        *ARGUMENTS[:-1],
        "--batch-size",
        "16",
    ]
    assert main(["sweep", *given]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "No trial has finished."
    assert said.err.startswith("The loss stopped being finite at step ") and said.err.count("\n") == 1
