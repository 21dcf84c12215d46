import json
import struct

import pytest
import torch
from safetensors.torch import save

from core import paths
from core.models.checkpoints import CheckpointError, list_models, load_parameters, save_parameters, trained_loss
from core.training.network import Network, flatten


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
        (save(tensors(extra=torch.zeros(1))), "The file has a tensor extra, which this network does not have."),
        (save({"0.weight": torch.zeros(128, 784)}), "The file lacks the tensor"),
        (
            save(tensors(**{"2.bias": torch.zeros(11)})),
            r"The tensor 2.bias must have shape \(10,\), got \(11,\).",
        ),
        (
            save(tensors(**{"2.bias": torch.zeros(10, dtype=torch.float16)})),
            "The tensor 2.bias must be of type float32, got float16.",
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
