"""The terminal, as a person at one sees it: what is printed, where, and the exit status."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from core import ink, paths
from core.cli.main import main
from core.models.checkpoints import load_checkpoint, load_parameters
from core.models.formats import READABLE, write
from core.training.config import RunConfig
from core.training.trainer import Trainer
from tests.reference import accuracies, percent


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "adam.safetensors"
    assert main(["train", "--epochs", "1", "--json", "--threads", "1", "--save", str(path)]) == 0
    return path


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
def test_train_prints_one_json_object_last(capsys, tmp_path):
    path = tmp_path / "model.safetensors"
    assert main(["train", "--epochs", "2", "--seed", "3", "--json", "--threads", "1", "--save", str(path)]) == 0
    result = last_json(capsys)
    assert set(result) == {
        "test_accuracy",
        "test_loss",
        "validation_accuracy",
        "seconds_per_epoch",
        "images_per_second",
        "reason",
        "device",
    }
    trainer = Trainer(RunConfig(epochs=2, seed=3))
    *_, epoch, finished = trainer.events()
    assert result["test_accuracy"] == finished.test_accuracy
    assert result["test_loss"] == finished.test_loss
    assert result["validation_accuracy"] == epoch.validation_accuracy
    assert len(result["seconds_per_epoch"]) == 2
    assert result["reason"] == "finished"
    saved, metadata = load_parameters(path)
    assert all(torch.equal(a, b) for a, b in zip(saved.parameters(), trainer.network.parameters(), strict=True))
    assert metadata["config"] == trainer.config.to_dict()


def test_evaluate_gives_the_figures_of_the_run(model, capsys):
    assert main(["evaluate", str(model), "--json"]) == 0
    result = last_json(capsys)
    _, metadata = load_parameters(model)
    assert {"step": 750, **result} == metadata["metrics"]


def test_predict_reads_pictures_of_any_size_dark_or_light(model, mnist, capsys, tmp_path):
    digit = mnist.test.images[0].numpy().reshape(28, 28)
    light = tmp_path / "light.png"
    dark = tmp_path / "dark.png"
    Image.fromarray(digit).resize((280, 280)).save(light)
    Image.fromarray(255 - np.kron(digit, np.ones((5, 5), dtype=np.uint8))).save(dark)
    assert main(["predict", str(model), str(light), str(dark), "--json"]) == 0
    answers = last_json(capsys)
    assert [a["path"] for a in answers] == [str(light), str(dark)]
    assert [a["digit"] for a in answers] == [7, 7]
    assert [(a["sure"], a["note"]) for a in answers] == [(True, "")] * 2
    assert sum(answers[0]["probabilities"]) == pytest.approx(1)


def test_the_recommended_rate_is_taken_unless_one_is_given(capsys):
    assert main(["train", "--optimizer", "sgd", "--batch-size", "full", "--epochs", "1", "--threads", "1"]) == 0
    assert "SGD, 48000 training and 12000 validation images, 1 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--lr", "0"], "lr must be a number in (0, 1000], got lr = 0."),
        (["--lr", "-1"], "lr must be a number in (0, 1000], got lr = -1."),
        (["--lr", "nan"], "lr must be a number in (0, 1000], got lr = nan."),
        (["--lr", "1e9"], "lr must be a number in (0, 1000], got lr = 1e9."),
        (["--batch-size", "0"], "batch_size must be a whole number in [1, 60000] or full, got batch_size = 0."),
        (["--batch-size", "60001"], "batch_size must be a whole number in [1, 60000] or full, got batch_size = 60001."),
        (["--epochs", "0"], "epochs must be a whole number in [1, 1000], got epochs = 0."),
        (["--validation-split", "1"], "validation_split must be a number in [0, 1), got validation_split = 1."),
        (["--param", "betas=1,1"], "betas must be 2 numbers in [0, 1), got betas = 1,1."),
        (["--param", "speed=1"], "optimizer adam has no parameter speed; its parameters: betas, eps, amsgrad."),
        (["--schedule-param", "end"], "schedule_param must be NAME=VALUE, got schedule_param = end."),
        (["--device", "tpu"], "device must be one of auto, cpu, cuda, cuda:N, mps, got device = tpu."),
        (["--threads", "0"], "threads must be a whole number in [1, 1024], got threads = 0."),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_status_2(arguments, sentence, capsys):
    assert main(["train", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err == sentence + "\n"
    assert captured.out == ""


@pytest.mark.parametrize("name", ["optimizer", "schedule"])
def test_an_unknown_name_is_answered_with_the_known_ones(name, capsys):
    assert main(["train", f"--{name}", "nonsense"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{name} must be one of ")
    assert error.endswith(f"got {name} = nonsense.\n")


def test_an_unknown_option_is_one_line_too(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", "--nonsense"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "Arguments must be among those in --help, got --nonsense.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--threads", "x"], "threads must be a whole number in [1, 1024], got threads = x."),
        (["train", "--batch-size=²"], "batch_size must be a whole number in [1, 60000] or full, got batch_size = ²."),
        (["train", "--lr", "-1e-3"], "lr must be a number in (0, 1000], got lr = -1e-3."),
        (["train", "--lr", "-inf"], "lr must be a number in (0, 1000], got lr = -inf."),
        (["train", "--device="], "device must be one of auto, cpu, cuda, cuda:N, mps, got device = nothing."),
        (["train", "--save="], "save must be the path of a file, got save = nothing."),
        (["train", "--save", "/"], "save must be the path of a file, got save = /."),
        (["train", "--param"], "--param must be followed by a value, got nothing."),
        (["train", "--augment=yes"], "--augment must be given without a value, got yes."),
        (["train", "--epoch", "3"], "Arguments must be among those in --help, got --epoch 3."),
        (["evaluate"], "model must be given, got nothing."),
        (["evaluate", ""], "model must be the path of a file, got model = nothing."),
        (["cook"], "command must be one of train, sweep, evaluate, predict, models, runs, code, got command = cook."),
        (["models", "buy"], "command must be one of list, show, export, import, got command = buy."),
        (["runs", "list", "--limit", "x"], "limit must be a whole number in [1, 1000000], got limit = x."),
        (["runs", "export", "--format", "xml"], "format must be one of csv, json, got format = xml."),
    ],
)
def test_every_command_refuses_in_the_same_style(arguments, sentence, capsys):
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = ended.code
    captured = capsys.readouterr()
    assert (status, captured.out, captured.err) == (2, "", sentence + "\n")


def test_a_missing_model_and_a_bad_picture_are_named_and_the_others_answer(model, mnist, capsys, tmp_path):
    assert main(["evaluate", str(tmp_path / "no.safetensors")]) == 2
    assert "no.safetensors cannot be read" in capsys.readouterr().err
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"bad")
    good = tmp_path / "good.png"
    seven = Image.fromarray(np.kron(mnist.test.images[0].numpy().reshape(28, 28), np.ones((5, 5), dtype=np.uint8)))
    seven.save(good)
    assert main(["predict", str(model), str(bad), str(good), str(tmp_path / "none.png"), "--json"]) == 1
    printed = capsys.readouterr()
    first, second, third = json.loads(printed.out.splitlines()[-1])
    sentence = f"image must be a readable picture file, got {bad}."
    assert first == {"path": str(bad), "digit": None, "error": sentence}
    assert second["digit"] == 7
    assert third["digit"] is None and "none.png" in third["error"]
    assert printed.err.splitlines()[0] == sentence


def test_several_digits_are_each_answered_in_their_boxes(model, mnist, capsys, tmp_path):
    page = Image.new("L", (900, 400), 255)
    for place, index in enumerate((0, 2, 1)):
        digit = Image.fromarray(255 - mnist.test.images[index].numpy().reshape(28, 28)).resize((224, 224))
        page.paste(digit, (40 + 270 * place, 90))
    page.save(tmp_path / "712.png")
    assert main(["predict", str(model), str(tmp_path / "712.png"), "--json"]) == 0
    (answer,) = last_json(capsys)
    assert answer["digit"] is None and "probabilities" not in answer
    assert [digit["digit"] for digit in answer["digits"]] == [7, 1, 2]
    for place, digit in enumerate(answer["digits"]):
        left, top, right, bottom = digit["box"]
        assert 40 + 270 * place <= left < right <= 264 + 270 * place and 90 <= top < bottom <= 314
        assert set(digit) == {"digit", "probabilities", "sure", "note", "box"}
    assert main(["predict", str(model), str(tmp_path / "712.png")]) == 0
    assert "712.png: 7 (" in capsys.readouterr().out


def test_predict_and_evaluate_take_every_format_of_the_library(model, capsys, tmp_path):
    network = load_parameters(model)[0]
    for format in READABLE:
        path = tmp_path / f"model{format.suffix}"
        path.write_bytes(write(format, network, {}))
        assert main(["evaluate", str(path), "--json"]) == 0
        assert last_json(capsys)["test_accuracy"] > 0.9


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCENT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.mark.slow
def test_a_cosine_of_another_length_is_not_called_bit_exact(tmp_path, capsys):
    whole = tmp_path / "whole.safetensors"
    small = ["train", "--threads", "1", "--validation-split", "0.98", "--schedule"]
    for schedule, how in (
        ("cosine", "not bit-exact: epochs were 1 and are 3, and Cosine sets other rates for another length."),
        ("step", "bit-exact."),
    ):
        assert main([*small, schedule, "--epochs", "1", "--save-whole", str(whole)]) == 0
        assert main(["train", "--resume", str(whole), "--threads", "1", "--epochs", "3"]) == 0
        assert f"Goes on after step 19 of 57, {how}" in capsys.readouterr().out


@pytest.mark.slow
def test_what_cannot_act_is_noted_before_the_run(capsys):
    assert main(["train", "--threads", "1", "--validation-split", "0.98", "--epochs", "3", "--warmup-steps", "99"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == (
        "Note: The warm-up of 99 steps is longer than the run of 57: the learning rate never rises above 0.00058."
    )


@pytest.mark.slow
def test_a_resumed_whole_model_ends_like_the_run_that_was_never_left(tmp_path, capsys):
    train = ["train", "--seed", "7", "--threads", "1"]
    full, half, rest = (tmp_path / f"{name}.safetensors" for name in ("full", "half", "rest"))
    assert main([*train, "--epochs", "2", "--save", str(full)]) == 0
    assert main([*train, "--epochs", "1", "--save-whole", str(half)]) == 0
    resume = ["train", "--resume", str(half), "--threads", "1"]
    assert main([*resume, "--epochs", "2", "--save", str(rest)]) == 0
    assert "Goes on after step 750 of 1500, bit-exact." in capsys.readouterr().out
    (a, _), (b, _) = load_parameters(full), load_parameters(rest)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    for arguments, sentence in (
        (resume, "epochs must be more than the 1 that the file's run has been through, got epochs = 1."),
        ([*resume, "--lr", "3"], "--lr must not be given with --resume: the file has the settings of its run."),
        ([*resume, "--optimizer", "adam"], "--optimizer must not be given with --resume"),
        (["train", "--resume", str(full)], "This file holds parameters alone, not a whole run."),
        (["train", "--resume", str(tmp_path / "no")], "no cannot be read: No such file or directory."),
    ):
        assert main(arguments) == 2
        assert sentence in capsys.readouterr().err


@pytest.fixture(scope="module")
def stopped_early(tmp_path_factory):
    """A whole model of a run whose patience was over before its sixty epochs."""
    path = tmp_path_factory.mktemp("whole") / "early.safetensors"
    settings = "--lr 0.05 --batch-size 192 --validation-split 0.968 --patience 1 --epochs 60 --threads 1"
    assert main(["train", *settings.split(), "--save-whole", str(path)]) == 0
    return path


def test_a_whole_model_that_stopped_early_goes_on_as_far_as_is_asked(stopped_early, capsys):
    through = load_checkpoint(stopped_early).state["epoch"]
    resume = ["train", "--resume", str(stopped_early), "--threads", "1", "--json"]
    assert main([*resume, "--epochs", str(through + 2)]) == 0
    output = capsys.readouterr().out
    assert "Stopped early" not in output
    assert len(json.loads(output.splitlines()[-1])["seconds_per_epoch"]) == 2
    assert json.loads(output.splitlines()[-1])["validation_accuracy"] > 0.1


def test_a_whole_model_with_nothing_left_to_train_is_refused(stopped_early, capsys):
    through = load_checkpoint(stopped_early).state["epoch"]
    resume = ["train", "--resume", str(stopped_early)]
    for arguments, sentence in (
        (
            resume,
            f"epochs must be given to go on from a run that stopped early, after {through} of its 60 epochs "
            "(patience = 1), got epochs = nothing.",
        ),
        (
            [*resume, "--epochs", str(through)],
            f"epochs must be more than the {through} that the file's run has been through, got epochs = {through}.",
        ),
        (
            [*resume, "--epochs", "1"],
            f"epochs must be more than the {through} that the file's run has been through, got epochs = 1.",
        ),
        ([*resume, "--epochs", "1001"], "epochs must be a whole number in [1, 1000], got epochs = 1001."),
    ):
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("", sentence + "\n")


def test_models_are_imported_listed_shown_and_exported(model, library, tmp_path, capsys):
    assert main(["models", "list"]) == 0
    assert capsys.readouterr().out == "No model is saved yet.\n"
    assert main(["models", "import", str(model), "--name", "mine", "--notes", "hello", "--json"]) == 0
    imported = last_json(capsys)
    assert (imported["name"], imported["notes"], imported["step"]) == ("mine", "hello", 750)
    assert main(["models", "show", "mine", "--json"]) == 0
    assert last_json(capsys) == imported
    assert main(["models", "show", "mine"]) == 0
    assert "notes          hello" in capsys.readouterr().out
    for suffix in (".npz", ".weights.h5", ".onnx", ".png", ".safetensors"):
        assert main(["models", "export", "mine", str(tmp_path / f"out{suffix}")]) == 0
        assert (tmp_path / f"out{suffix}").stat().st_size > 1000
    assert main(["models", "import", str(tmp_path / "out.npz")]) == 0
    capsys.readouterr()
    assert main(["models", "list", "--json"]) == 0
    listed = last_json(capsys)
    assert [one["name"] for one in listed] == ["mine", "out"]
    assert listed[0]["test_accuracy"] == listed[1]["test_accuracy"]


def test_a_network_of_another_convention_is_imported_as_it_is_or_converted(model, library, tmp_path, capsys):
    tensors = load_file(paths.ROOT / "models" / "reference.safetensors")
    tensors["0.bias"] += tensors["0.weight"].sum(1)
    tensors["0.weight"] *= -1
    save_file({name: tensor.double() for name, tensor in tensors.items()}, tmp_path / "dark.safetensors")
    right, as_is = map(percent, accuracies())
    figures = (
        f"As it is, the network reads {as_is} of the test digits; given what it was trained on, pixels from 0 to 1, "
        f"dark on light, it reads {right}."
    )
    assert main(["models", "import", str(tmp_path / "dark.safetensors")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"Saved as dark, from the file dark.safetensors, converted from float64: test accuracy {as_is}.",
        figures,
        "Import it with --convert to fold that in.",
    ]
    assert main(["models", "import", str(tmp_path / "dark.safetensors"), "--convert", "--name", "light"]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("Saved as light, from ") and first.endswith(f"test accuracy {right}.")
    assert (second, third) == (figures, "That is folded into its layers.")
    assert main(["models", "import", str(tmp_path / "dark.safetensors"), "--name", "again", "--json"]) == 0
    conventions = last_json(capsys)["conventions"]
    assert (conventions["accuracy"], conventions["as_is"]) == accuracies()
    assert conventions["sentence"] == figures
    assert main(["models", "import", str(model), "--name", "own", "--convert", "--json"]) == 0
    assert "conventions" not in last_json(capsys)


def test_a_pickle_is_answered_with_its_remedy(model, library, tmp_path, capsys):
    (tmp_path / "net.pt").write_bytes(b"never opened")
    assert main(["models", "import", str(tmp_path / "net.pt")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("A .pt file is a pickle, which runs code as it is opened, so the lab never opens one.")
    assert "save_file(" in told and "torch.load('net.pt'" in told and told.count("\n") == 1


def test_models_says_in_a_line_what_is_wrong(model, library, tmp_path, capsys):
    assert main(["models", "import", str(model), "--name", "mine"]) == 0
    (tmp_path / "link.safetensors").symlink_to(model)
    (tmp_path / "bad.npz").write_bytes(b"x")
    for arguments, sentence in (
        (["show", "no"], "There is no saved model called no."),
        (["show", "../x"], "There is no saved model called ../x."),
        (["import", str(model), "--name", "mine"], "name must be one that no saved model has, got name = mine."),
        (["import", str(model), "--name", "../x"], "name must be 1 to 64 letters"),
        (["import", str(tmp_path / "link.safetensors")], "must be a file itself, got a link."),
        (["import", str(tmp_path / "bad.npz")], "This is not a readable NPZ file: File is not a zip file."),
        (["import", "a" * 5000], "cannot be read: File name too long."),
        (["export", "mine", str(tmp_path / "x.pt")], "A file's name must end in"),
        (["export", "mine", str(model)], "path must be of a file that is not there yet"),
    ):
        assert main(["models", *arguments]) == 2
        told = capsys.readouterr().err
        assert sentence in told and told.count("\n") == 1 and len(told) < 400


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--save folder", "save must be the path of a file, got save = folder."),
        ("--save-whole folder", "save_whole must be the path of a file, got save_whole = folder."),
        ("--save file/x", "save must be in a folder that can be written to, got save = file/x."),
        ("--save /proc/x", "save must be in a folder that can be written to, got save = /proc/x."),
        ("--save x --save-whole folder/../x", "--save and --save-whole must be two different files, got x for both."),
        # Its own commands would call it a pickle.
        ("--save net.pt", "save must end in .safetensors, got save = net.pt."),
        ("--save-whole half-way", "save_whole must end in .safetensors, got save_whole = half-way."),
        (
            "--save-whole models/reference.safetensors",
            "save_whole must be another path than that of the model that comes with the lab, "
            "got save_whole = models/reference.safetensors.",
        ),
    ],
)
def test_train_checks_where_it_will_save_before_the_first_step(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESCENT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(Trainer, "events", lambda self: pytest.fail("it trains"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    assert main(["train", *arguments.split()]) == 2
    assert capsys.readouterr().err == sentence + "\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_train_never_saves_over_the_model_that_comes_with_the_lab(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("DESCENT_MODELS", str(tmp_path))
    monkeypatch.setattr(Trainer, "events", lambda self: pytest.fail("it trains"))
    assert main(["train", "--save", str(paths.ROOT / "models" / "reference.safetensors")]) == 2
    assert "save must be another path than that of the model" in capsys.readouterr().err


@pytest.mark.parametrize("compiles", [True, False])
def test_the_first_run_on_a_machine_says_what_it_waits_for(compiles, capsys, monkeypatch):
    monkeypatch.setattr(ink, "compiles", lambda: compiles)
    assert main(["train", "--optimizer", "sgd", "--batch-size", "full", "--epochs", "1", "--threads", "1"]) == 0
    assert ("\nCompiling the training step for this machine, once: " in capsys.readouterr().out) is compiles


def test_a_reader_who_has_enough_ends_it_without_a_word():
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "core", "models", "list"]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("arguments", [["models", "list"], ["models", "--help"]])
def test_a_full_disk_behind_the_output_is_one_sentence(arguments):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "core", *arguments]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, check=False)
    assert (ended.returncode, ended.stderr) == (2, b"The output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_output_ends_no_run(closed, tmp_path):
    path = tmp_path / "net.safetensors"
    run = f"-m core train --train-images 640 --epochs 1 --threads 1 --save {path} {closed}>&-"
    ended = subprocess.run(f"'{sys.executable}' {run}", shell=True, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr, path.exists()) == (0, b"", True)


@pytest.mark.parametrize("rate", ["0.1", "1000"])
def test_no_line_is_printed_behind_the_bar(rate, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    run = ["train", "--optimizer", "sgd", "--weight-decay", "1", "--lr", rate, "--train-images", "640", "--epochs", "1"]
    assert main(run) == 0
    lines = [line.rpartition("\r\x1b[K")[2] for line in screen.getvalue().split("\n")]
    assert any(line.startswith("SGD, 640 training") for line in lines) and not [line for line in lines if "░" in line]
