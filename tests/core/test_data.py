import gzip
import hashlib
import shutil

import pytest
import torch

from core import data
from core.ink import ink_of

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


@pytest.mark.parametrize(("count", "shares"), [(1000, [100] * 10), (7, None), (46_000, None), (48_000, None)])
def test_drawn_images_are_as_many_of_each_digit_as_there_are(mnist, count, shares):
    labels = mnist.split(12_000)[0].labels
    rows = data.drawn(labels, count, seed=4)
    assert torch.equal(rows, data.drawn(labels, count, seed=4))
    assert len(rows) == count and (rows.diff() > 0).all() and rows.min() >= 0 and rows.max() < 48_000
    of_each, all_of_each = labels[rows].bincount(minlength=10), labels.bincount(minlength=10)
    assert shares is None or of_each.tolist() == shares
    # None may be short of another by more than one but where all of its images are in.
    assert ((of_each >= of_each.max() - 1) | (of_each == all_of_each)).all()
    if count < 48_000:
        assert not torch.equal(rows, data.drawn(labels, count, seed=5))


def test_fewer_images_are_among_more_of_the_same_seed(mnist):
    labels = mnist.train.labels
    some, more = (set(data.drawn(labels, count, 0).tolist()) for count in (300, 2000))
    assert some < more


def test_noise_replaces_the_share_of_labels_by_another_digit(mnist):
    labels = mnist.train.labels[:1000]
    before = labels.clone()
    noisy = {share: data.with_noise(labels, share, seed=2) for share in (0.0, 0.1, 0.3, 1.0)}
    assert torch.equal(labels, before) and torch.equal(noisy[0.0], labels)
    wrong = {share: (noise != labels) for share, noise in noisy.items()}
    assert {share: int(mask.sum()) for share, mask in wrong.items()} == {0.0: 0, 0.1: 100, 0.3: 300, 1.0: 1000}
    assert all(noise.dtype == torch.int64 and noise.min() >= 0 and noise.max() <= 9 for noise in noisy.values())
    # A smaller share is a part of a larger one.
    assert torch.equal(noisy[0.1][wrong[0.1]], noisy[0.3][wrong[0.1]])
    # All nine other digits come about equally often: the standard deviation of a ninth of 1,000 is 9.9.
    shifts = ((noisy[1.0] - labels) % 10).bincount(minlength=10)
    assert shifts[0] == 0 and (shifts[1:] - 1000 / 9).abs().max() < 40
    assert torch.equal(noisy[0.3], data.with_noise(labels, 0.3, seed=2))
    assert not torch.equal(noisy[0.3], data.with_noise(labels, 0.3, seed=3))


def test_a_split_of_fewer_images_with_wrong_labels_keeps_those_that_validate(mnist):
    whole, held = mnist.split(12_000)
    train, validation = mnist.split(12_000, train_images=500, label_noise=0.4, seed=1)
    rows = data.drawn(whole.labels, 500, 1)
    assert torch.equal(train.images, whole.images[rows])
    assert torch.equal(train.labels, data.with_noise(whole.labels[rows], 0.4, 1))
    assert int((train.labels != whole.labels[rows]).sum()) == 200
    assert torch.equal(validation.labels, held.labels) and torch.equal(validation.images, held.images)


def test_drawn_images_share_the_lists_of_their_ink(mnist):
    whole = data.Mnist(mnist.train[:2000], mnist.test[:10])
    ink = whole.train.ink
    train, _ = whole.split(500, train_images=100, label_noise=0.2, seed=3)
    own = ink_of(train.images)
    assert train.ink.pixels is ink.pixels
    for i in range(100):
        lists = [(one.pixels[one.ends[i, 0] : one.ends[i, -1]], one.values[one.ends[i, 0] : one.ends[i, -1]])
                 for one in (train.ink, own)]  # fmt: skip
        assert all((a == b).all() for a, b in zip(*lists, strict=True))


def test_what_is_drawn_stays_the_same_from_version_to_version(mnist):
    """Saved runs are replayed: what a seed draws may never change."""
    assert data.drawn(mnist.train.labels[:48_000], 5, 0).tolist() == [9638, 12013, 30316, 42414, 45944]
    assert data.with_noise(torch.zeros(10, dtype=torch.int64), 0.5, 0).tolist() == [0, 0, 0, 0, 0, 2, 5, 4, 7, 3]
