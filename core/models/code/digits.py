"""The training images that are drawn, and labels that are replaced, as lines of Python."""

from core.data import CLASSES, TRAIN_IMAGES
from core.training.config import RunConfig
from core.training.network import GAINS


def lines(config: RunConfig) -> list[str]:
    """Return the lines that make ``TRAIN``, and put the digits that train before those that validate."""
    cut = TRAIN_IMAGES - config.validation_images
    made = [f"TRAIN = {config.images_per_epoch}"]
    if config.train_images:
        made += [
            f"order = np.random.default_rng([{config.seed}, 0, 1]).permutation({cut})",
            f"turns = np.empty({cut}, int)",
            f"for digit in range({CLASSES}):  # its first image, its second, and so on: as many of each",
            "    own = labels[order] == digit",
            "    turns[own] = np.arange(own.sum())",
            'kept = np.sort(order[np.argsort(turns, kind="stable")[:TRAIN]])',
        ]
        if config.validation_images:
            made.append(f"kept = np.append(kept, np.arange({cut}, {TRAIN_IMAGES}))  # those that validate")
        made.append("images, labels = images.reshape(-1, 784)[kept], labels[kept]")
    if config.label_noise:
        made += [
            f"rng = np.random.default_rng([{config.seed}, 0, 2])",
            f"wrong = rng.permutation(TRAIN)[:{round(config.label_noise * config.images_per_epoch)}]",
            "labels = labels.astype(int)  # another digit in place of some",
            f"labels[wrong] = (labels[wrong] + rng.integers(1, {CLASSES}, TRAIN)[wrong]) % {CLASSES}",
        ]
    return made


def prepare_text(config: RunConfig) -> str:
    """Return what these lines and those around them do, in a sentence."""
    kept = f"; {config.train_images:,} of the images train" if config.train_images else ""
    held = f"; the last {config.validation_images:,} training digits validate" if config.validation_images else ""
    return f"pixels from 0 to 1{kept}{held}."


def first_weights(config: RunConfig) -> str:
    """Return the name of the first weights."""
    if config.initialization in ("glorot", "he"):
        return f"{config.initialization.capitalize()}'s uniform first weights"
    if config.initialization == "zero":
        return "first weights of 0"
    return f"first weights of {GAINS[config.initialization]:g} times Glorot's"
