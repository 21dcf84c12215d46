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

from core.handwriting.drawings import ArchiveError, Drawings
from core.models import formats
from core.models.checkpoints import Checkpoint, CheckpointError, save_checkpoint
from core.models.formats import FORMATS, READABLE, h5_reader, keras
from core.models.library import opened
from core.training.config import RunConfig
from core.training.network import SIZES
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


TAKES = "the lab takes 784-128-10 with ReLU alone"


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


WRONG = {
    "another width": (
        {"w0": ones(256, 784), "b0": ones(256), "w2": ones(10, 256)},
        f"The file holds a 784-256-10 network, and {TAKES}: train one of these widths, and it can be loaded.",
    ),
    "a deeper network": (
        {"w2": ones(64, 128), "b2": ones(64), "4.weight": ones(10, 64), "4.bias": ones(10)},
        f"The file holds a 784-128-64-10 network, and {TAKES}: train one of these widths, and it can be loaded.",
    ),
    "layers of one width": (
        {"w2": ones(128, 128), "b2": ones(128), "4.weight": ones(10, 128), "4.bias": ones(10)},
        f"The file holds a 784-128-128-10 network, and {TAKES}: train one of these widths, and it can be loaded.",
    ),
    "colour pictures": (
        {"w0": ones(128, 3072)},
        f"The file holds a 3072-128-10 network, and {TAKES}: train one of these widths, and it can be loaded.",
    ),
    "no hidden layer": (
        {"w0": None, "b0": None, "w2": ones(10, 784)},
        f"The file holds a 784-10 network, and {TAKES}: train one of these widths, and it can be loaded.",
    ),
    "a flat matrix": (
        {"w0": ones(128 * 784)},
        f"The file lacks the hidden layer's weights, 784 x 128: {TAKES}, under any names.",
    ),
    "an empty tensor": (
        {"b2": ones(0)},
        f"The file lacks the output layer's biases, 10: {TAKES}, under any names.",
    ),
    "no bias": (
        {"b0": None, "b2": None},
        f"The file lacks the hidden layer's biases, 128 and the output layer's biases, 10: {TAKES}, under any names.",
    ),
    "bytes": ({"w0": ones(128, 784, dtype=np.int8)}, "got int8: save the network before it is quantised."),
    "whole numbers": ({"b0": ones(128, dtype=np.int32)}, "got int32: save the network before it is quantised."),
    "two networks": ({"ema": ones(128, 784), "w2": None, "more": ones(10, 128)}, "0.weight and"),
    "normalisation": (
        {"mean": ones(784)},
        f"of shape 784 besides the network's four: {TAKES}, without further layers.",
    ),
    "convolutions": ({"conv": ones(32, 1, 3, 3)}, f" is of a network with other layers, and {TAKES}."),
    "many": ({f"{i}": ones(2) for i in range(300)}, "must have at most 200"),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("case", WRONG)
def test_another_network_is_named(suffix, case, arrays):
    given, sentence = WRONG[case]
    if case == "two networks":
        sentence = "The file has 2 tensors that may be the hidden layer's weights, 784 x 128, among them "
    assert sentence in refusal(suffix, BUILD[suffix](changed(arrays, **given)))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_numbers_that_are_none_are_refused(suffix, value, arrays):
    weights = arrays["2.weight"].astype(np.float64)
    weights[3, 7] = value
    sentence = refusal(suffix, BUILD[suffix](changed(arrays, w2=weights)))
    name = PLACES["2.weight"] if suffix == ".weights.h5" else "2.weight"
    assert sentence == f"The tensor {name} must be finite, but has NaN or infinite values."


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
    assert sentence == (
        "The array 2.bias holds Python objects, which the lab never opens: "
        "save plain arrays, as np.savez(path, *model.get_weights()) does."
    )
    assert not trace.exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [50_000_000, formats.checkpoints.LARGEST_FILE + 1])
def test_a_large_file_is_refused_by_its_size(suffix, size):
    sentence = refusal(suffix, bytes(size))
    assert sentence == (
        f"A parameter file must have at most 4194304 bytes, got {size} bytes: {TAKES}, which takes 407,080."
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\x89PNG\r\n\x1a\n" * 9, b"PK\x03\x04" * 9, b"\x89HDF\r\n\x1a\n", b"{}"]
)
def test_scraps_are_refused(suffix, content):
    assert "not a readable" in refusal(suffix, content)


@pytest.mark.parametrize("name", ["x.pb", "x.tflite", "x.npy", "x", "", "x.npz.exe", "\0", "a" * 5000])
def test_any_other_suffix_is_refused_shortly(name):
    sentence = refusal("", b"\x80\x04N.", name)
    assert sentence.startswith(
        "A file's name must end in .safetensors, .onnx, .weights.h5, .keras, .h5, .hdf5 or .npz, got "
    )
    assert sentence.endswith(": save the network as one of these.")
    assert len(sentence) < 300
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
    wanted = json.dumps(SIZES)
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


SIZE = 64 * MEGABYTE


def bomb(arrays) -> bytes:
    """A zip whose first array goes on for 64 MB behind its numbers."""
    members = {f"{name}.npy": npy(array) for name, array in arrays.items()}
    return zipped({**members, "0.weight.npy": members["0.weight.npy"].ljust(SIZE, b"\0")})


def test_a_zip_bomb_is_not_unpacked(arrays):
    content = bomb(arrays)
    assert len(content) < MEGABYTE
    sentence = refusal(".npz", content)
    assert sentence == f"The array 0.weight must unpack to at most {4 * 784 * 128 + 128} bytes, got {SIZE}."


def test_a_zip_bomb_that_lies_about_its_size_is_not_unpacked(arrays):
    content = bomb(arrays)
    assert content.count(struct.pack("<L", SIZE)) >= 2
    refusal(".npz", content.replace(struct.pack("<L", SIZE), struct.pack("<L", 4000)))


def in_64_bits(files):
    """The zip with its list's length and place in records of the 64-bit kind alone."""
    length, start = struct.unpack_from("<LL", files, len(files) - 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 5_000, 5_000, length, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start + length, 1)
    return files[:-22] + record + locator + files[-22:-10] + bytes(10)


#: Ways to put the record that ends a zip where ``zipfile`` alone finds it.
DISGUISES = {
    "none": lambda files: files,
    "a long comment": lambda files: files[:-2] + b"\xff\xff" + bytes(65_535),
    "one byte further": lambda files: files + bytes(65_536),
    "another record in it": lambda files: files[:-6] + b"PK\x05\x06" + files[-2:],
    "records of 64 bits": in_64_bits,
}


def test_a_zip_of_very_many_files_is_refused():
    files = zipped({f"{i}": b"" for i in range(1_000)}, zipfile.ZIP_STORED)
    assert refusal(".npz", files) == "The file must have at most 200 arrays, got 1000."
    files = zipped({f"{i}": b"" for i in range(40_000)}, zipfile.ZIP_STORED)
    assert refusal(".npz", files) == "The file must have at most 200 arrays, got 40000."


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_zip_of_very_many_files_is_never_listed(disguise, monkeypatch):
    files = DISGUISES[disguise](zipped({f"{i}": b"" for i in range(5_000)}, zipfile.ZIP_STORED))
    # Python itself finds all of them.
    assert len(zipfile.ZipFile(io.BytesIO(files)).filelist) == 5_000
    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", lambda archive: pytest.fail("listed"))
    assert refusal(".npz", files) == "The file must have at most 200 arrays, got 5000."
    assert refusal(".keras", files) == "A Keras file must have at most 200 members, got 5000."
    with pytest.raises(ArchiveError, match=r"^An archive must hold at most 2000 drawings, got 4999\.$"):
        Drawings(Path("never made")).take_in(files)


@pytest.mark.parametrize("name", ["../0.weight", "/0.weight", "%2e%2e/0.weight", "a" * 5000, "..\\0.weight"])
def test_nothing_in_a_zip_is_a_path(name, arrays, network, tmp_path, monkeypatch):
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    content = npz({**changed(arrays, w0=None), name: arrays["0.weight"]})
    assert outcome(lambda content: formats.read("x.npz", content), content, network) == "same"
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
        member(b"{'descr': '>f4', 'fortran_order': False, 'shape': (10,)}", bytes(39)),
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
        "lacks the output layer's biases",
    ),
    "a vast empty dataset": (
        put(lambda f: f.create_dataset(PLACE, (2**40,), "<f4")),
        "lacks the output layer's biases",
    ),
    "a group": (put(lambda f: f.create_group(PLACE)), "lacks the output layer's biases"),
    "a type": (put(untyped), "lacks the output layer's biases"),
    "a compressed bomb of the right size": (
        put(lambda f: f.create_dataset(PLACE, (128, 784), "<f8", chunks=(128, 784), compression="gzip")),
        "chunked or compressed",
    ),
    "very many groups": (lambda f: [f.create_group(f"g{i}") for i in range(2_100)], "more groups and datasets than"),
    "a deep group": (lambda f: f.create_group("/".join("g" * 20)), "more groups and datasets than"),
    "a long name": (lambda f: f.create_group("g" * 400), "more groups and datasets than"),
}


@pytest.mark.parametrize("case", EDITS)
def test_what_hdf5_can_do_besides_is_refused(case, arrays):
    edit, words = EDITS[case]
    assert words in refusal(".weights.h5", edited(arrays, edit))


@pytest.mark.parametrize(
    "edit",
    [
        lambda f: f["layers"].__setitem__("again", f["layers"]),
        lambda f: f.__setitem__("another name", f[PLACE]),
        lambda f: f.__setitem__("optimizer/vars/1", ones(784, 128)),
        lambda f: f.__setitem__("optimizer_weights/Adam/dense/kernel/m:0", ones(784, 128)),
        lambda f: f.__setitem__("layers/dropout/seed_generator/vars/0", np.zeros(2, np.uint32)),
        lambda f: f.__setitem__("nothing", h5py.Empty("f4")),
    ],
)
def test_what_is_none_of_the_networks_own_is_passed_over(edit, arrays, network):
    assert outcome(keras.read, edited(arrays, edit), network) == "same"


def test_numbers_in_the_other_byte_order_come_in(arrays, network):
    def edit(file):
        bias = file[PLACE][()]
        del file[PLACE]
        file.create_dataset(PLACE, data=bias.astype(">f4"))

    assert outcome(keras.read, edited(arrays, edit), network) == "same"
    turned = npz({name: array.astype(">f4") for name, array in arrays.items()})
    assert outcome(FORMATS["npz"].read, turned, network) == "same"


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
