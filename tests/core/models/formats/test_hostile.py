"""Hostile files: refused in one sentence, quickly, in little memory, and nothing of them is run."""

import io
import json
import pickle
import random
import re
import resource
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import save

from core.models import formats
from core.models.checkpoints import Checkpoint, CheckpointError, save_checkpoint
from core.models.formats import FORMATS, READABLE, h5_reader, keras
from core.models.library import opened
from core.training.config import RunConfig
from core.training.network import parameter_shapes
from core.training.trainer import Trainer
from tests.core.models.formats.conftest import BUILD, PLACES, h5, npz, same
from tests.waiting import LIMIT

SUFFIXES = [format.suffix for format in READABLE]
MEGABYTE = 1024 * 1024


def refusal(suffix: str, content: bytes, name: str = "file") -> str:
    """The sentence that refuses the file, within a second of computing, however busy the machine is, and 16 MB."""
    tracemalloc.start()
    started = computed()
    with pytest.raises(CheckpointError) as caught:
        formats.read(name + suffix, content)
    assert computed() - started < 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * MEGABYTE
    sentence = str(caught.value)
    assert re.fullmatch(r"[A-Z0-9a-z][^\n]{10,400}\.", sentence), sentence
    return sentence


def computed() -> float:
    """Seconds of this process, and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def changed(arrays, **given):
    """The arrays with some replaced; None takes one out. ``w0`` stands for ``0.weight`` and so on."""
    short = {"w0": "0.weight", "b0": "0.bias", "w2": "2.weight", "b2": "2.bias"}
    replaced = {**arrays, **{short.get(name, name): array for name, array in given.items()}}
    return {name: array for name, array in replaced.items() if array is not None}


def named(suffix: str, name: str) -> str:
    return PLACES.get(name, name) if suffix == ".weights.h5" else name


WRONG = {
    "another width": ({"w2": np.zeros((10, 64), np.float32)}, "2.weight", "must have shape"),
    "a turned matrix": ({"w0": np.zeros((784, 128), np.float32)}, "0.weight", "must have shape"),
    "a flat matrix": ({"w0": np.zeros(128 * 784, np.float32)}, "0.weight", "must have shape"),
    "an empty tensor": ({"b2": np.zeros(0, np.float32)}, "2.bias", "must have shape"),
    "half precision": ({"b2": np.zeros(10, np.float16)}, "2.bias", "must be of type float32, got float16"),
    "double precision": ({"b0": np.zeros(128, np.float64)}, "0.bias", "must be of type float32, got float64"),
    "whole numbers": ({"b0": np.zeros(128, np.int32)}, "0.bias", "must be of type float32, got int32"),
    "no bias": ({"b2": None}, "2.bias", "lacks"),
    "a third layer": ({"4.weight": np.zeros((10, 10), np.float32)}, "4.weight", "The file has"),
    "another name": ({"w0": None, "fc1.weight": np.zeros((128, 784), np.float32)}, "0.weight", "."),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("case", WRONG)
def test_another_network_is_named(suffix, case, arrays):
    given, name, rule = WRONG[case]
    sentence = refusal(suffix, BUILD[suffix](changed(arrays, **given)))
    if case != "another name":
        assert named(suffix, name) in sentence
    assert rule in sentence


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(suffix, value, arrays):
    weights = arrays["2.weight"].copy()
    weights[3, 7] = value
    sentence = refusal(suffix, BUILD[suffix](changed(arrays, w2=weights)))
    assert sentence == "The tensor 2.weight must be finite, but has NaN or infinite values."


class Bomb:
    """Unpickled, it would leave a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_is_never_run(suffix, protocol, tmp_path):
    trace = tmp_path / "trace"
    refusal(suffix, pickle.dumps(Bomb(trace), protocol))
    assert not trace.exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_torch_save_is_never_run(suffix, tmp_path):
    trace, stream = tmp_path / "trace", io.BytesIO()
    torch.save({"0.weight": Bomb(trace)}, stream)
    refusal(suffix, stream.getvalue())
    assert not trace.exists()


def test_objects_in_an_npz_are_never_run(arrays, tmp_path):
    trace = tmp_path / "trace"
    sentence = refusal(".npz", npz(changed(arrays, b2=np.array([Bomb(trace)] * 10, dtype=object))))
    assert sentence == "The tensor 2.bias must be of type float32, got object."
    assert not trace.exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [50_000_000, formats.checkpoints.LARGEST_FILE + 1])
def test_a_large_file_is_refused_by_its_size(suffix, size):
    sentence = refusal(suffix, bytes(size))
    assert sentence == f"A parameter file must have at most 4194304 bytes, got {size} bytes."


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\x89PNG\r\n\x1a\n" * 9, b"PK\x03\x04" * 9, b"\x89HDF\r\n\x1a\n", b"{}"]
)
def test_scraps_are_refused(suffix, content):
    assert "not a readable" in refusal(suffix, content)


@pytest.mark.parametrize("name", ["x.pt", "x.pkl", "x.h5", "x.keras", "x.onnx", "x", "", "x.npz.exe", "\0", "a" * 5000])
def test_any_other_suffix_is_refused_shortly(name):
    sentence = refusal("", b"\x80\x04N.", name)
    assert sentence.startswith("A file's name must end in .safetensors, .weights.h5 or .npz, got ")
    assert len(sentence) < 200
    assert sentence.isprintable()


def outcome(read, content: bytes, network) -> str:
    """ "refused", or "same" if what is read is bit by bit what was written; anything else is a hole."""
    try:
        loaded, _ = read(content)
    except CheckpointError:
        return "refused"
    return "same" if same(loaded, network) else "something else"


@pytest.mark.parametrize("key", ["safetensors", "npz"])
def test_no_truncated_file_and_no_flipped_byte_gets_through(key, network):
    format, chance = FORMATS[key], random.Random(0)
    content = formats.write(format, network, {"notes": "whole"})
    cuts = [content[: len(content) * i // 100] for i in range(100)]
    assert {outcome(format.read, cut, network) for cut in cuts} == {"refused"}
    # Half of them where the structure is, half anywhere.
    places = [chance.randrange(1024) for _ in range(50)] + [chance.randrange(len(content)) for _ in range(50)]
    outcomes = [outcome(format.read, flipped(content, place, chance), network) for place in places]
    assert set(outcomes) <= {"refused", "same"}
    assert outcomes.count("refused") >= 50


def flipped(content: bytes, place: int, chance: random.Random) -> bytes:
    return content[:place] + bytes([content[place] ^ chance.randrange(1, 256)]) + content[place + 1 :]


# Reads every file of a folder as the reader's process would, in one process; a crash would end it before the last.
MANY = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import h5_reader
wanted, outcomes = json.loads(sys.argv[2]), []
for path in sorted(Path(sys.argv[3]).iterdir()):
    try:
        outcomes.append(h5_reader.read(path.read_bytes(), wanted).hex()[:0] or "read")
    except Exception:
        outcomes.append("refused")
print(json.dumps(outcomes))
"""


def test_no_truncated_and_no_damaged_hdf5_file_gets_through(network, tmp_path):
    content, chance = formats.write(FORMATS["keras"], network, {}), random.Random(0)
    cuts = [content[: len(content) * i // 100] for i in range(100)]
    places = [chance.randrange(12_000) for _ in range(50)] + [chance.randrange(len(content)) for _ in range(50)]
    files = cuts + [flipped(content, place, chance) for place in places]
    for number, file in enumerate(files):
        (tmp_path / f"{number:03}").write_bytes(file)
    wanted = json.dumps({place: parameter_shapes()[name][::-1] for name, place in PLACES.items()})
    command = [sys.executable, "-c", MANY, str(keras.READER.parent), wanted, str(tmp_path)]
    outcomes = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=LIMIT).stdout)
    assert len(outcomes) == 200
    assert set(outcomes[:100]) == {"refused"}
    assert outcomes[100:].count("refused") >= 50
    # What was let through, and the first refusals, once more by the whole way.
    read = [i for i in range(200) if outcomes[i] == "read"]
    assert {outcome(keras.read, files[i], network) for i in read[:5]} <= {"same"}
    assert {outcome(keras.read, files[i], network) for i in (0, 50, 99)} == {"refused"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[bytes, Trainer]:
    """A run of Adam that was left in its first epoch."""
    trainer = Trainer(RunConfig(epochs=2))
    trainer.pause_at = 20
    list(trainer.events())
    path = tmp_path_factory.mktemp("whole") / "whole.safetensors"
    save_checkpoint(path, Checkpoint(trainer.config, trainer.state(), {"environment": {"threads": 1}}))
    return path.read_bytes(), trainer


def test_no_truncated_and_no_damaged_whole_model_gets_through(whole):
    content, trainer = whole
    chance = random.Random(0)
    assert same(opened(content).network, trainer.network)

    def read(damaged):
        model = opened(damaged)
        # Whatever is let through goes on as the run itself would.
        assert model.checkpoint and torch.equal(model.checkpoint.state["kept"], trainer.state()["kept"])
        return model.network, {}

    for i in range(100):
        assert outcome(read, content[: len(content) * i // 100], trainer.network) == "refused"
    (length,) = struct.unpack_from("<Q", content)
    places = [chance.randrange(8 + length) for _ in range(50)] + [chance.randrange(len(content)) for _ in range(50)]
    outcomes = [outcome(read, flipped(content, place, chance), trainer.network) for place in places]
    assert set(outcomes) == {"refused"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": 10**9}, "step must be a whole number"),
        ({"step": -1}, "step must be a whole number"),
        ({"epoch": "x"}, "epoch must be a whole number"),
        ({"lr": float("nan")}, "lr must be a number"),
        ({"history": [[1, 2]]}, "history must have"),
        ({"optimizers": []}, "optimizers must be"),
        ({"kept": torch.zeros(3)}, "kept must have shape"),
        ({"0.weight": torch.full((128, 784), float("nan"))}, "0.weight must be finite"),
        ({"2.bias": torch.zeros(11)}, "2.bias must have shape"),
        ({"2.bias": 3}, "The file lacks the tensor 2.bias"),
        ({"more": torch.zeros(1)}, None),
    ],
)
def test_a_whole_model_that_does_not_fit_its_config_is_refused(whole, change, words, tmp_path):
    _, trainer = whole
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, Checkpoint(trainer.config, {**trainer.state(), **change}))
    if words is None:
        # What nobody asks for is left alone.
        assert opened(path.read_bytes()).checkpoint
        return
    with pytest.raises(CheckpointError, match=words):
        opened(path.read_bytes())


def test_a_deep_or_strange_description_of_a_run_is_refused():
    tensors = {"0.bias": np.zeros(3, np.float32)}
    deep = "[" * 5000 + "]" * 5000
    for metadata in (
        {"kind": '"run"', "config": "{}", "state": deep},
        {"kind": '"run"', "config": "[]", "state": "{}"},
        {"kind": '"run"', "config": '{"optimizer": "magic"}', "state": "{}"},
        {"kind": '"run"', "config": "{}", "state": '{"tensor": ["0.bias"]}'},
        {"kind": '"run"'},
        {"kind": deep},
    ):
        with pytest.raises(CheckpointError) as caught:
            opened(save(tensors, metadata))
        assert len(str(caught.value)) < 500


def header(**tensors) -> bytes:
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text


def test_safetensors_headers_that_lie():
    assert "not a readable safetensors file" in refusal(".safetensors", struct.pack("<Q", 2**63) + b"{}")
    assert "not a readable safetensors file" in refusal(".safetensors", struct.pack("<Q", 2**40) + b"{}")
    vast = {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}
    assert "not a readable safetensors file" in refusal(".safetensors", header(**{"0.weight": vast}) + bytes(4))
    deep = b"[" * 100_000
    assert "not a readable safetensors file" in refusal(".safetensors", struct.pack("<Q", len(deep)) + deep)


@pytest.mark.parametrize("key", ["2.bias", "notes"])
def test_a_header_that_has_a_key_twice_is_refused(key, arrays):
    content = save(arrays, {"notes": "a"})
    (length,) = struct.unpack_from("<Q", content)
    text = content[8 : 8 + length].decode()
    entry = re.search(rf'"{key}":(".*?"|{{.*?}})', text)[0]
    text = text.replace(entry, f"{entry},{entry}")
    doubled = struct.pack("<Q", len(text)) + text.encode() + content[8 + length :]
    sentence = refusal(".safetensors", doubled)
    assert sentence == f"This is not a readable safetensors file: it has the key {key} twice."


def zipped(members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return stream.getvalue()


def test_a_zip_bomb_is_not_unpacked(arrays):
    members = {f"{name}.npy": bytes(10) for name in arrays}
    bomb = zipped({**members, "0.weight.npy": bytes(64 * MEGABYTE)})
    assert len(bomb) < MEGABYTE
    sentence = refusal(".npz", bomb)
    assert sentence == f"The array 0.weight must unpack to at most {4 * 784 * 128 + 1024} bytes, got {64 * MEGABYTE}."


def test_a_zip_bomb_that_lies_about_its_size_is_not_unpacked(arrays):
    size = 64 * MEGABYTE
    bomb = zipped({f"{name}.npy": bytes(size if name == "0.weight" else 10) for name in arrays})
    assert bomb.count(struct.pack("<L", size)) >= 2
    refusal(".npz", bomb.replace(struct.pack("<L", size), struct.pack("<L", 4000)))


def test_a_zip_of_very_many_files_is_refused():
    files = zipped({f"{i}": b"" for i in range(5_000)}, zipfile.ZIP_STORED)
    assert "has a tensor 0, which" in refusal(".npz", files)
    files = zipped({f"{i}": b"" for i in range(10_000)}, zipfile.ZIP_STORED)
    assert refusal(".npz", files) == f"An NPZ file must have at most 524288 bytes, got {len(files)} bytes."


@pytest.mark.parametrize("name", ["../0.weight", "/0.weight", "%2e%2e/0.weight", "a" * 5000, "..\\0.weight"])
def test_nothing_in_a_zip_is_a_path(name, arrays, tmp_path, monkeypatch):
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    sentence = refusal(".npz", npz({**changed(arrays, w0=None), name: arrays["0.weight"]}))
    assert re.match("The file (has a|lacks the) tensor", sentence)
    assert [path for path in tmp_path.rglob("*") if path != inner] == []


def test_two_arrays_of_one_name_are_refused(arrays):
    stream = io.BytesIO(npz(arrays))
    with zipfile.ZipFile(stream, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("2.bias.npy", b"again")
    assert refusal(".npz", stream.getvalue()) == "The file has two arrays of one name."


def member(header: bytes, numbers: bytes = b"", version: int = 1) -> bytes:
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(header)) + header + numbers


@pytest.mark.parametrize(
    "array",
    [
        member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d,)}" % 2**62),
        member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (10,)}", bytes(39)),
        member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (10,)}", bytes(41)),
        member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-10,)}", bytes(40)),
        member(b"{'descr': '>f4', 'fortran_order': False, 'shape': (10,)}", bytes(40)),
        member(b"__import__('os').system('touch trace')"),
        member(b"(" * 900),
        member(b"{'descr': '<f4', 'fortran_order': False, 'shape': (10,)}", bytes(40), version=9),
        b"",
    ],
)
def test_npy_headers_that_lie(array, arrays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    others = {f"{name}.npy": npy(value) for name, value in arrays.items() if name != "2.bias"}
    refusal(".npz", zipped({**others, "2.bias.npy": array}))
    assert list(tmp_path.iterdir()) == []


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def edited(arrays, edit) -> bytes:
    stream = io.BytesIO(h5(arrays))
    with h5py.File(stream, "r+") as file:
        edit(file)
    return stream.getvalue()


PLACE = "layers/dense_1/vars/1"


def put(make):
    """An edit that puts something else where the last bias is."""

    def edit(file):
        del file[PLACE]
        make(file)

    return edit


def virtual(file):
    layout = h5py.VirtualLayout((10,), "<f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (10,))
    file.create_virtual_dataset(PLACE, layout)


def untyped(file):
    file[PLACE] = np.dtype("<f4")


EDITS = {
    "an external link": (put(lambda f: f.__setitem__(PLACE, h5py.ExternalLink("other.h5", "/x"))), "got a link"),
    "a soft link": (put(lambda f: f.__setitem__(PLACE, h5py.SoftLink("/layers/dense/vars/1"))), "got a link"),
    "a soft link to itself": (put(lambda f: f.__setitem__(PLACE, h5py.SoftLink("/" + PLACE))), "got a link"),
    "a virtual dataset": (put(virtual), "refers to other files"),
    "external storage": (
        put(lambda f: f.create_dataset(PLACE, (10,), "<f4", external=[("/etc/passwd", 0, 40)])),
        "refers to other files",
    ),
    "a compressed dataset": (
        put(lambda f: f.create_dataset(PLACE, data=np.zeros(10, "<f4"), compression="gzip")),
        "chunked or compressed",
    ),
    "a bomb": (
        put(lambda f: f.create_dataset(PLACE, (2**34,), "<f4", chunks=(2**20,), compression="gzip")),
        "chunked or compressed",
    ),
    "a vast empty dataset": (put(lambda f: f.create_dataset(PLACE, (2**40,), "<f4")), "must have shape (10,)"),
    "a group": (put(lambda f: f.create_group(PLACE)), "must be a dataset, got a group"),
    "a type": (put(untyped), "must be a dataset"),
    "other byte order": (put(lambda f: f.create_dataset(PLACE, data=np.zeros(10, ">f4"))), "got >f4"),
    "a loop of groups": (lambda f: f["layers"].__setitem__("again", f["layers"]), "file lacks layers/again/vars"),
}


@pytest.mark.parametrize("case", EDITS)
def test_what_hdf5_can_do_besides_is_refused(case, arrays):
    edit, words = EDITS[case]
    assert words in refusal(".weights.h5", edited(arrays, edit))


def test_the_reader_can_neither_open_files_nor_take_much_memory_or_time(monkeypatch):
    """The bounds hold whatever HDF5 is led to do: tried with readers that misbehave."""
    bounds = "import h5_reader, sys; h5_reader._bound();"
    for misdeed in ("open('/etc/passwd')", "bytes(2 * 1024**3)", "print('x', file=open('trace', 'w'))"):
        script = f"import sys; sys.path.insert(0, {str(keras.READER.parent)!r}); {bounds} {misdeed}"
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=LIMIT)
        assert ended.returncode == 1
        assert re.search("OSError|MemoryError", ended.stderr)


def test_a_reader_that_dies_or_hangs_is_a_refusal(monkeypatch, tmp_path, arrays):
    for script, seconds, words in (
        ("import os; os.abort()", 30.0, "HDF5's own library stumbles over it"),
        ("print('half of it')", 30.0, "HDF5's own library stumbles over it"),
        ("import time; time.sleep(60)", 0.2, "took more than 0.2 seconds"),
    ):
        (tmp_path / "reader.py").write_text(script)
        monkeypatch.setattr(keras, "READER", tmp_path / "reader.py")
        monkeypatch.setattr(keras, "SECONDS", seconds)
        with pytest.raises(CheckpointError, match=words):
            formats.read("x.weights.h5", h5(arrays))


def test_the_reader_notices_numbers_that_do_not_fit_their_digest(network):
    content = formats.write(FORMATS["keras"], network, {})
    number = network[2].bias.detach().numpy().tobytes()
    assert content.count(number) == 1
    damaged = content.replace(number, number[:-1] + bytes([number[-1] ^ 1]))
    assert refusal(".weights.h5", damaged) == "The file is damaged: its numbers do not fit its digest."
    assert zlib.crc32(damaged) != zlib.crc32(content) and h5_reader.DIGEST.encode() in damaged
