import io
import json
import sys

import numpy as np
import pytest
from PIL import Image

from core.models import formats
from core.models.checkpoints import CheckpointError
from core.models.formats import FORMATS, READABLE, of_name
from core.paths import ROOT
from tests.core.models.formats.conftest import onnx, same

METADATA = {"config": {"loss": "mse"}, "notes": "with an ä"}


@pytest.mark.parametrize("format", READABLE, ids=lambda format: format.label)
def test_what_is_written_is_read_back_bit_by_bit(format, network):
    content = formats.write(format, network, METADATA)
    loaded, metadata = formats.read("Mine" + format.suffix.upper(), content)
    assert same(loaded, network)
    assert metadata.get("config", METADATA["config"]) == METADATA["config"]


def test_the_formats_suffixes_are_their_own_and_name_them():
    for key, format in FORMATS.items():
        assert of_name(f"a.b{format.suffix}") is FORMATS[key]
        assert formats.stem(f"a.b{format.suffix}") == "a.b"
        for suffix in format.also:
            assert of_name(f"a.b{suffix}", readable=True) is FORMATS[key]
            assert formats.stem(f"a.b{suffix}") == "a.b"
            with pytest.raises(CheckpointError, match="A file's name must end in"):
                of_name(f"a.b{suffix}")


@pytest.mark.parametrize("format", FORMATS.values(), ids=lambda format: format.label)
def test_no_file_knows_where_it_was_made(format, network):
    content = formats.write(format, network, METADATA)
    content = formats.write(format, network, METADATA)
    for place in (str(ROOT), sys.prefix, "/home/", "/tmp/", "site-packages"):
        assert place.encode() not in content


@pytest.mark.parametrize("format", [f for f in FORMATS.values() if f.package], ids=lambda format: format.label)
def test_without_its_package_a_format_says_what_to_install(format, network, arrays, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    sentence = f"{format.label} needs the package {format.package}: pip install -r requirements-formats.txt"
    assert format.missing == sentence
    with pytest.raises(CheckpointError, match=sentence):
        formats.write(format, network, {})
    if format.reads_alone:
        assert same(formats.read("x" + format.suffix, onnx(arrays))[0], network)
    elif format.read:
        with pytest.raises(CheckpointError, match=sentence):
            formats.read("x" + format.suffix, b"anything")
    requirements = (ROOT / "requirements-formats.txt").read_text()
    assert f"{format.package}==" in requirements


def test_nothing_is_missing_here():
    assert [format.missing for format in FORMATS.values()] == [""] * len(FORMATS)


def test_a_compressed_npz_and_a_fortran_array_are_read(arrays, network):
    stream = io.BytesIO()
    np.savez_compressed(stream, **{name: np.asfortranarray(array) for name, array in arrays.items()})
    loaded, _ = formats.read("x.npz", stream.getvalue())
    assert same(loaded, network)


def test_numpy_itself_reads_the_npz(arrays, network):
    with np.load(io.BytesIO(formats.write(FORMATS["npz"], network, {})), allow_pickle=False) as loaded:
        assert set(loaded) == set(arrays)
        assert all(np.array_equal(loaded[name], array) for name, array in arrays.items())


def test_the_contact_sheet_shows_every_weight_in_its_place(network):
    picture = Image.open(io.BytesIO(formats.write(FORMATS["png"], network, METADATA)))
    assert json.loads(picture.text["config"]) == METADATA["config"]
    weights = network[0].weight.detach()
    # Unit 17 is the second tile of the second row. As on every page, blue is positive and orange negative.
    left, top = 24 + 60, 24 + 34 + 60
    tile = np.asarray(picture.crop((left, top, left + 56, top + 56))).astype(int)[::2, ::2]
    warmth = tile[..., 0] - tile[..., 2]
    strong = weights[17].view(28, 28).abs().numpy() > 0.01
    assert strong.sum() > 600
    assert np.array_equal(warmth[strong] < 0, weights[17].view(28, 28).numpy()[strong] > 0)
    assert FORMATS["png"].read is None


def test_a_network_without_weights_makes_a_blank_sheet(network):
    from core.models.formats.contact_sheet import hidden_layer
    from core.training.network import Network

    blank = Network(0)
    blank.load_state_dict({name: tensor * 0 for name, tensor in blank.state_dict().items()})
    assert hidden_layer(blank).convert("RGBA").getchannel("A").getcolors() == [(956 * 476, 0)]
