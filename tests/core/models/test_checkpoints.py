import json
import struct
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save

from core import paths
from core.hyperparameters import InvalidValue
from core.models.checkpoints import (
    Checkpoint,
    CheckpointError,
    list_models,
    load_parameters,
    save_parameters,
    trained_loss,
)
from core.training.config import RunConfig
from core.training.network import Network, flatten
from core.training.trainer import Trainer


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "parameters.safetensors"
    save_parameters(Network(3), path, {"config": {"loss": "mse"}, "metrics": {"test_accuracy": 0.97}})
    return path


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCENT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def tensors(**changed):
    return {**Network(0).state_dict(), **changed}


def test_round_trip_is_bit_equal_and_keeps_the_metadata(saved):
    for source in (saved, saved.read_bytes()):
        network, metadata = load_parameters(source)
        for name, tensor in Network(3).state_dict().items():
            assert torch.equal(network.state_dict()[name], tensor)
        assert metadata["config"] == {"loss": "mse"}
        assert metadata["metrics"] == {"test_accuracy": 0.97}
        assert metadata["format_version"] == 2
        assert metadata["dataset"]["sha256"]["train-images-idx3-ubyte"].startswith("ba891046")
        assert trained_loss(metadata) == "mse"


def test_a_network_whose_parameters_are_views_of_one_vector_can_be_saved(tmp_path):
    network = Network(5)
    flatten(network)
    save_parameters(network, tmp_path / "p.safetensors", {})
    loaded, _ = load_parameters(tmp_path / "p.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), network.parameters(), strict=True))


def test_plain_pytorch_can_load_the_file(saved):
    from safetensors.torch import load_file

    plain = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    plain.load_state_dict(load_file(saved))
    images = torch.rand(4, 784)
    assert torch.equal(plain(images), Network(3)(images))


def test_a_file_without_metadata_loads():
    _, metadata = load_parameters(save(tensors()))
    assert metadata == {}
    assert trained_loss(metadata) == "cross_entropy"


@pytest.mark.parametrize("metadata", [{"config": "text"}, {"config": {"loss": 3}}, {}])
def test_the_loss_is_cross_entropy_unless_the_metadata_say_mse(metadata):
    assert trained_loss(metadata) == "cross_entropy"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            save(tensors(extra=torch.zeros(3))),
            "The file has a tensor extra of shape 3 besides the network's four: the lab takes 784-128-10",
        ),
        (save({"0.weight": torch.zeros(128, 784)}), "The file holds a 784-128 network, and the lab takes 784-128-10"),
        (save(tensors(**{"2.bias": torch.zeros(11)})), "The file lacks the output layer's biases, 10: the lab takes"),
        (
            save(tensors(**{"2.bias": torch.zeros(10, dtype=torch.int8)})),
            "The tensor 2.bias must be of type float32, float16, bfloat16 or float64, got int8",
        ),
        (
            save(tensors(**{"2.bias": torch.full((10,), float("nan"))})),
            "The tensor 2.bias must be finite, but has NaN or infinite values.",
        ),
        (save(tensors())[:1000], "This is not a readable safetensors file"),
        (b"", "This is not a readable safetensors file"),
        (b"\x80\x04pickle" * 10, "This is not a readable safetensors file"),
        (struct.pack("<Q", 2**63) + b"{}", "This is not a readable safetensors file"),
        (bytes(5 * 1024 * 1024), "A parameter file must have at most 4194304 bytes, got 5242880 bytes."),
    ],
)
def test_anything_else_is_refused_with_its_reason(content, sentence):
    with pytest.raises(CheckpointError, match=sentence):
        load_parameters(content)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing.safetensors cannot be read: No such file or directory."):
        load_parameters(tmp_path / "nothing.safetensors")


def test_no_models_folder_is_no_models(models):
    assert list_models() == []


def test_the_models_folder_is_the_projects_unless_said_otherwise(monkeypatch):
    monkeypatch.delenv("DESCENT_MODELS", raising=False)
    assert paths.models() == paths.ROOT / "models"


def test_the_header_is_readable_text(saved):
    content = saved.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    described = json.loads(content[8 : 8 + length])["__metadata__"]
    assert described["architecture"] == '"784-128-10, ReLU, softmax"'


@pytest.fixture
def early(mnist):
    """A run at the end of its patience after four of its nine epochs, one step each."""
    trainer = Trainer(RunConfig(batch_size="full", epochs=9, patience=2, validation_split=0.99), mnist)
    trainer.pause_at = 4
    list(trainer.events())
    state = trainer.state()
    for point, loss in zip(state["history"], (2.0, 1.0, 1.0, 1.5), strict=True):
        point[1] = loss
    return Checkpoint(trainer.config, state, {"environment": "here"})


def test_a_run_that_stopped_early_goes_on_without_patience(early, mnist):
    on = early.continued(6)
    assert on == replace(early.config, epochs=6, patience=0)
    trainer = Trainer(on, mnist)
    trainer.restore(early.state)
    *_, finished = trainer.events()
    assert finished.step == 6


def test_a_run_with_patience_left_keeps_it_and_goes_to_its_own_end(early):
    early.state["history"][-1][1] = 0.5
    assert early.continued() == early.config
    assert early.continued(7) == replace(early.config, epochs=7)


def test_a_device_that_is_not_there_is_replaced(early):
    there = replace(early, config=replace(early.config, device="cuda:99"))
    assert there.continued(6).device == "auto"


@pytest.mark.parametrize(
    ("epochs", "sentence"),
    [
        (
            None,
            "epochs must be given to go on from a run that stopped early, after 4 of its 9 epochs (patience = 2), "
            "got epochs = nothing.",
        ),
        (4, "epochs must be more than the 4 that the file's run has been through, got epochs = 4."),
        (1001, "epochs must be a whole number in [1, 1000], got epochs = 1001."),
    ],
)
def test_nothing_left_to_train_is_refused(early, epochs, sentence):
    with pytest.raises(InvalidValue) as refusal:
        early.continued(epochs)
    assert str(refusal.value) == sentence


def test_a_state_that_is_none_of_its_run_is_refused_before_it_is_continued(early):
    with pytest.raises(ValueError, match=r"step must be a whole number in \[0, 9\], got step = 4\.5\."):
        replace(early, state={**early.state, "step": 4.5}).continued(6)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ("x", "it is not known where it was trained before"),
        ([1], "it is not known where it was trained before"),
        ({"torch": "\x1b[31m" + "9" * 500}, f"torch was �[31m{'9' * 95}… and is 2"),
    ],
)
def test_a_strange_place_of_training_is_said_in_few_words(early, environment, words):
    checkpoint = replace(early, metadata={"environment": environment})
    assert checkpoint.changes(early.config, {"torch": "2"}) == words
