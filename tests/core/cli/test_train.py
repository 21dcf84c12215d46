import json

from core.cli.main import main
from core.models.checkpoints import load_parameters


def test_a_diverged_run_is_not_saved_as_a_whole_model(tmp_path, capsys):
    parameters, whole = tmp_path / "parameters.safetensors", tmp_path / "whole.safetensors"
    settings = "--optimizer sgd --lr 1000 --weight-decay 10 --validation-split 0.9 --epochs 1 --threads 1"
    assert main(["train", *settings.split(), "--save", str(parameters), "--save-whole", str(whole)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"Not saved to {whole}: the run diverged, so training cannot go on from it." in lines
    assert not whole.exists()
    assert load_parameters(parameters)[1]["metrics"]["step"] == 0


def test_images_per_second_are_of_the_steps_without_the_reading_of_the_validation_images(capsys):
    assert main(["train", "--validation-split", "0.9", "--epochs", "2", "--threads", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["images_per_second"] > 12_000 / sum(result["seconds_per_epoch"])
