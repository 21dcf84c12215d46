import gzip
import hashlib
import shutil

import pytest
import torch

from core import data

NAME = "t10k-labels-idx1-ubyte"


def test_mnist_is_the_original(mnist):
    assert mnist.train.images.shape == (60_000, 784) and mnist.test.images.shape == (10_000, 784)
    assert mnist.train.images.dtype == torch.uint8 and mnist.train.labels.dtype == torch.int64
    assert mnist.train.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert (mnist.train.images.double().mean() / 255).item() == pytest.approx(0.13066, abs=1e-5)
    assert (mnist.train.images.min(), mnist.train.images.max()) == (0, 255)


def test_mnist_is_read_once():
    assert data.load() is data.load()


@pytest.fixture
def folder(tmp_path):
    """The data folder, with a small file to spoil; the files are links, so that nothing large is copied."""
    for name in data.FILES:
        path = data.FOLDER / f"{name}.gz"
        if name == NAME:
            shutil.copy(path, tmp_path)
        else:
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


def test_an_untouched_copy_loads(folder, mnist):
    assert torch.equal(data.load(folder).test.labels, mnist.test.labels)


def flip_a_label(packed):
    unpacked = bytearray(gzip.decompress(packed))
    unpacked[100] ^= 1
    return gzip.compress(bytes(unpacked))


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (flip_a_label, "is not the original, by its SHA-256"),
        (lambda packed: gzip.compress(b""), "is not the original, by its SHA-256"),
        (lambda packed: packed[:1000], "cannot be read"),
        (lambda packed: packed[:5], "cannot be read"),
        (lambda packed: packed[:-4], "cannot be read"),
        (lambda packed: packed[:500] + bytes(100) + packed[600:], "cannot be read"),
        (lambda packed: b"<html>Not found</html>", "cannot be read"),
    ],
    ids=["one label flipped", "empty within", "half", "within the header", "no length", "zeroed", "no gzip"],
)
def test_a_damaged_file_gives_one_sentence(folder, spoil, what):
    path = folder / f"{NAME}.gz"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(data.DataError) as refusal:
        data.load(folder)
    assert str(refusal.value) == (
        f"The data file {path} {what}; put the original back with: git checkout -- data/mnist/{NAME}.gz"
    )


def test_a_missing_file_gives_one_sentence(folder):
    path = folder / f"{NAME}.gz"
    path.unlink()
    with pytest.raises(data.DataError) as refusal:
        data.load(folder)
    assert str(refusal.value) == (
        f"The data file {path} is missing; put the original back with: git checkout -- data/mnist/{NAME}.gz"
    )


def test_the_checksums_are_of_the_unpacked_files():
    for name in ("train-labels-idx1-ubyte", NAME):
        unpacked = gzip.decompress((data.FOLDER / f"{name}.gz").read_bytes())
        assert hashlib.sha256(unpacked).hexdigest() == data.FILES[name][0]


@pytest.mark.parametrize("held_back", [0, 12_000, 59_999])
def test_split_holds_back_the_last_images(mnist, held_back):
    train, validation = mnist.split(held_back)
    assert (len(train), len(validation)) == (60_000 - held_back, held_back)
    assert torch.equal(torch.cat((train.labels, validation.labels)), mnist.train.labels)
    assert torch.equal(train.images, mnist.train.images[: 60_000 - held_back])


def test_digits_move_together(mnist):
    few = mnist.test[3:5].to(torch.device("cpu"))
    assert len(few) == 2 and few.labels.tolist() == [0, 4] and few.images.shape == (2, 784)


LABELS = torch.tensor([5, 0, 4, 1, 9, 0, 1, 4] * 20)


@pytest.mark.parametrize("shuffle", ["epoch", "once", "none", "by-label"])
def test_batch_order_is_a_permutation_and_a_pure_function(shuffle):
    torch.manual_seed(1)
    orders = [data.batch_order(LABELS, shuffle, seed=3, epoch=2)]
    torch.manual_seed(2)
    orders.append(data.batch_order(LABELS, shuffle, seed=3, epoch=2))
    assert torch.equal(*orders)
    assert orders[0].dtype == torch.int64 and orders[0].sort().values.tolist() == list(range(len(LABELS)))


def test_batch_order_of_each_kind():
    def order(shuffle, seed, epoch):
        return data.batch_order(LABELS, shuffle, seed, epoch).tolist()

    assert order("epoch", 0, 0) != order("epoch", 0, 1) != order("epoch", 1, 1)
    assert order("once", 0, 0) == order("once", 0, 7) == order("epoch", 0, 0) != order("once", 1, 0)
    assert order("none", 0, 0) == order("none", 5, 9) == list(range(len(LABELS)))
    by_label = order("by-label", 0, 0)
    assert LABELS[by_label].tolist() == sorted(LABELS.tolist())
    assert by_label == sorted(range(len(LABELS)), key=lambda i: (LABELS[i].item(), i))
    assert by_label == order("by-label", 5, 9)


def test_batch_order_stays_the_same_from_version_to_version():
    """Saved runs are replayed: the order of a seed may never change."""
    order = data.batch_order(torch.zeros(48_000), "epoch", seed=0, epoch=1)
    assert order[:6].tolist() == [19061, 20060, 10252, 32673, 13446, 5615]
