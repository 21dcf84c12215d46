"""A run as plain PyTorch, in the order of a course: load, prepare, build, configure, fit, evaluate, predict, save."""

import textwrap
from collections.abc import Sequence

from core.models.code import digits, figures, optimizers, rates
from core.models.code.recipe import Recipe, Section
from core.training import augmentation
from core.training.batches import GATHERED_IMAGES
from core.training.config import RunConfig
from core.training.network import GAINS

#: How far the test accuracy may be from the lab's, whose late losses rounding makes others altogether.
ACCURACY = 0.01

_LOAD = """\
FILES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
PLACES = [Path(place) for place in ({given}"data/mnist", ".")]
folder = next((place for place in PLACES if (place / f"{{FILES[0]}}.gz").exists()), None)
if folder is None:
    sys.exit("MNIST's four .gz files are neither {argument}in data/mnist nor here.")


def read(name):
    header = 16 if "images" in name else 8
    return np.frombuffer(gzip.decompress((folder / f"{{name}}.gz").read_bytes()), np.uint8, offset=header)


images, labels, test_images, test_labels = map(read, FILES)"""


IMPORTS = "import numpy as np\nimport torch\nfrom torch import nn\n"


def load(argument: bool = True) -> Section:
    """Return the part that reads MNIST; ``argument``: whether it may be given a folder as one, as a script is."""
    given, named = ("*sys.argv[1:2], ", "in the folder given as argument nor ") if argument else ("", "")
    code = _LOAD.format(given=given, argument=named)
    return Section("Load the data", "60,000 training and 10,000 test digits, as bytes.", code)


def script(recipe: Recipe) -> str:
    """Return the run as a script."""
    return assembled(recipe, "as plain PyTorch", "torch, numpy", IMPORTS, sections(recipe))


def assembled(recipe: Recipe, language: str, needed: str, imports: str, parts: Sequence[Section]) -> str:
    """Return a script: its docstring, its import lines and its numbered parts.

    Args:
        language: as the title goes on.
        needed: packages, in words.
        imports: import lines of these packages; those of the standard library are found in the code.
    """
    beginning = "".join(f"{line}\n" for line in textwrap.wrap(recipe.beginning, 100))
    head = (
        f'"""{recipe.title} of Descent Lab {language}.\n\n{recipe.settings}.\n{beginning}\n'
        f"Needs {needed}, and the four files of MNIST (train-images-idx3-ubyte.gz and so on),\n"
        'which it looks for in the folder given as argument, in data/mnist and in the current folder.\n"""\n\n'
    )
    body = "\n".join(f"\n# {number}. {part.title}: {part.text}\n{part.code}\n" for number, part in enumerate(parts, 1))
    return f"{head}{import_lines(body)}\n{imports}\n{body}"


def import_lines(code: str) -> str:
    """Return the import lines of the standard library that the code needs."""
    own = "".join(f"import {name}\n" for name in ("gzip", "itertools", "math", "sys") if f"{name}." in code)
    return f"{own}from pathlib import Path\n"


def sections(recipe: Recipe, argument: bool = True) -> list[Section]:
    """Return the parts of the code, in the order of the course; ``argument`` as for ``load``."""
    runs = recipe.way
    first = runs[0]
    return [
        load(argument),
        Section("Prepare it", digits.prepare_text(first.config), _prepare(first)),
        Section(
            "Build the network",
            f"784 inputs, 128 ReLU units, 10 outputs; {digits.first_weights(first.config)}.",
            _build(first.config),
        ),
        Section("Configure the training", "the loss, the optimizer and its learning rate.", _configure(first)),
        Section("Fit", "one step per batch.", _fit(first)),
        *(Section("Go on", f"{run.settings}.", _go_on(run)) for run in runs[1:]),
        Section("Evaluate", "the share of the test digits that it reads right.", EVALUATE),
        Section("Predict", "the first ten test digits.", PREDICT),
        Section("Save and load", "arrays under the network's own names, which Descent Lab loads too.", SAVE),
        Section("Check", "the figures of the lab's own run.", _check(recipe)),
    ]


def _order(config: RunConfig) -> str:
    orders = {
        "epoch": f"torch.from_numpy(np.random.default_rng([{config.seed}, epoch]).permutation(TRAIN))",
        "once": f"torch.from_numpy(np.random.default_rng([{config.seed}, 0]).permutation(TRAIN))",
        "none": "torch.arange(TRAIN)",
        "by-label": "torch.argsort(y[:TRAIN], stable=True)",
    }
    return f"def order(epoch):\n    return {orders[config.shuffle]}"


def _prepare(recipe: Recipe) -> str:
    config = recipe.config
    return (
        "\n".join(digits.lines(config))
        + f"""
x = torch.tensor(images).view(-1, 784) / 255
y = torch.tensor(labels).long()
test_x = torch.tensor(test_images).view(-1, 784) / 255
test_y = torch.tensor(test_labels).long()


{_order(config)}"""
        + (DISTORT if config.augment else "")
    )


DISTORT = f"""


def distort(images, generator):  # turn, scale, shear and shift each digit a little
    angle, wide, high, shear, right, down = torch.rand(6, len(images), generator=generator) * 2 - 1
    angle, shear = angle * {augmentation.AFFINE.rotation}, shear * {augmentation.AFFINE.shear}
    wide, high = 1 + wide * {augmentation.AFFINE.scale}, 1 + high * {augmentation.AFFINE.scale}
    right, down = right * {augmentation.AFFINE.shift} * 2 / 28, down * {augmentation.AFFINE.shift} * 2 / 28
    cos, sin = angle.cos(), angle.sin()
    first = torch.stack([wide * cos, wide * (shear * cos - sin), right], 1)
    second = torch.stack([high * sin, high * (shear * sin + cos), down], 1)
    grid = nn.functional.affine_grid(torch.stack([first, second], 1), (len(images), 1, 28, 28), align_corners=False)
    moved = nn.functional.grid_sample(images.view(-1, 1, 28, 28), grid, align_corners=False)
    return moved.view(-1, 784)"""


def _build(config: RunConfig) -> str:
    if config.initialization == "he":
        first = 'kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)'
    else:
        gain = "" if config.initialization == "glorot" else f", {GAINS[config.initialization]}"
        first = f"xavier_uniform_(layer.weight{gain}, generator=generator)"
    return f"""\
model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
generator = torch.Generator().manual_seed({config.seed})
for layer in (model[0], model[2]):
    nn.init.{first}
    nn.init.zeros_(layer.bias)"""


def _configure(recipe: Recipe) -> str:
    config = recipe.config
    lines = [*_optimizers(config), "", "", "def loss_of(logits, labels, smoothing=0.0):"]
    if config.loss == "mse":
        lines += [
            "    targets = nn.functional.one_hot(labels, 10).float()",
            "    return (logits.softmax(1) - targets).square().mean()",
        ]
    else:
        lines.append("    return nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)")
    if _has_rate(recipe):
        lines += ["", "", *rates.function(config)]
    return "\n".join(lines)


def _optimizers(config: RunConfig) -> list[str]:
    calls = optimizers.calls(config)
    if len(calls) == 1:
        return [f"optimizer = {calls[0].code}"]
    made = (f"    ({call.code}, {call.scale!r})," for call in calls)
    return ["# Each with its learning rate as a multiple of the schedule's.", "optimizers = [", *made, "]"]


def _has_rate(recipe: Recipe) -> bool:
    # An optimizer that goes on has the rate of the run before.
    return bool(recipe.plan or recipe.before) or not rates.is_constant(recipe.config)


def _go_on(recipe: Recipe) -> str:
    """Return the rest of a run that goes on from another one: what is changed is made anew, all else stays."""
    config = recipe.config
    assert recipe.before is not None
    before = recipe.before.config
    another = config.optimizer != before.optimizer
    lines = [_order(config), "", ""] if config.shuffle != before.shuffle else []
    lines += [*_optimizers(config), "", ""] if another else []
    lines += [*rates.function(config), "", ""]
    lr = "" if recipe.own_rate is None else f"lr = {recipe.own_rate!r}"
    return "\n".join([*lines, *filter(None, (lr, f"step = {recipe.first_step}")), _loop(recipe)])


def _fit(recipe: Recipe) -> str:
    return f"lr, step, losses, history = {recipe.config.lr!r}, 0, [], []\n{_loop(recipe)}"


def _loop(recipe: Recipe) -> str:
    config = recipe.config
    first, done = divmod(recipe.first_step if recipe.before else 0, config.span.steps_per_epoch)
    lines = [f"RATES = {dict(recipe.plan)!r}  # set by hand, by step"] if recipe.plan else []
    lines += [f"for epoch in range({f'{first}, ' if first else ''}{config.epochs}):", *_batches(recipe)]
    if done:
        lines += [
            f"    if epoch == {first}:  # has begun",
            f"        batches = itertools.islice(batches, {done}, None)",
        ]
        lines += ["    else:", "        total = 0.0"]
    else:
        lines.append("    total = 0.0")
    lines.append("    for batch_x, batch_y in batches:")
    body = []
    if recipe.steps is not None:
        body += [f"if step == {recipe.steps}:  # the run ended here", "    break"]
    if recipe.plan:
        body.append("lr = RATES.get(step, lr)")
    several = len(optimizers.calls(config)) > 1
    if _has_rate(recipe):
        body += ["for optimizer, scale in optimizers:"] if several else []
        body.append(
            '    optimizer.param_groups[0]["lr"] = rate(step, lr) * scale'
            if several
            else 'optimizer.param_groups[0]["lr"] = rate(step, lr)'
        )
    body += _closure_step(config) if config.optimizer_spec.closure else _step(config, several)
    body += ["losses.append(loss.item())", "total += losses[-1] * len(batch_x)", "step += 1"]
    return "\n".join([*lines, *(f"        {line}" for line in body), *_epoch_end(recipe)])


def _batches(recipe: Recipe) -> list[str]:
    config = recipe.config
    size = config.images_per_step
    if not config.augment:
        return [f"    batches = ((x[rows], y[rows]) for rows in order(epoch).split({size}))"]
    # The lab distorts a few batches at a time, and the random numbers depend on how many.
    group = max(1, GATHERED_IMAGES // size) * size
    return [
        f"    generator = torch.Generator().manual_seed({config.seed * 100_003} + epoch)",
        "    batches = []",
        f"    for rows in order(epoch).split({group}):",
        f"        batches += zip(distort(x[rows], generator).split({size}), y[rows].split({size}))",
    ]


def _loss(config: RunConfig) -> str:
    return f"loss_of(model(batch_x), batch_y{f', {config.label_smoothing!r}' if config.label_smoothing else ''})"


def _step(config: RunConfig, several: bool) -> list[str]:
    lines = [f"loss = {_loss(config)}", "model.zero_grad()", "loss.backward()"]
    return lines + (["for optimizer, _ in optimizers:", "    optimizer.step()"] if several else ["optimizer.step()"])


def _closure_step(config: RunConfig) -> list[str]:
    return [
        "",
        "def closure():  # a step evaluates the batch several times",
        "    model.zero_grad()",
        f"    loss = {_loss(config)}",
        "    loss.backward()",
        "    return loss",
        "",
        "loss = closure()",
        "try:",
        "    optimizer.step(closure)",
        "except ZeroDivisionError:  # of a line search that finds no better point",
        '    if not any("prev_flat_grad" in state for state in optimizer.state.values()):',
        "        optimizer.state.clear()  # the next step is the first one",
    ]


def _epoch_end(recipe: Recipe) -> list[str]:
    config = recipe.config
    lines = []
    if recipe.steps is not None:
        lines += [f"    if step < (epoch + 1) * {config.span.steps_per_epoch}:", "        break"]
    lines.append("    train_loss = total / TRAIN")
    if not config.validation_images:
        return [
            *lines,
            "    history.append(train_loss)",
            '    print(f"epoch {epoch + 1}: training loss {train_loss:.4f}")',
        ]
    lines += [
        "    with torch.no_grad():",
        "        logits = model(x[TRAIN:])",
        "    history.append(loss_of(logits, y[TRAIN:]).item())",
        "    accuracy = (logits.argmax(1) == y[TRAIN:]).float().mean().item()",
        '    print(f"epoch {epoch + 1}: training loss {train_loss:.4f}, validation accuracy {accuracy:.2%}")',
    ]
    if config.patience:
        lines += [f"    if epoch - history.index(min(history)) >= {config.patience}:  # patience", "        break"]
    return lines


EVALUATE = """\
with torch.no_grad():
    test_logits = model(test_x)
test_accuracy = (test_logits.argmax(1) == test_y).float().mean().item()
print(f"test accuracy {test_accuracy:.2%}")"""

PREDICT = """\
probabilities = test_logits[:10].softmax(1)
for sure, digit, label in zip(*probabilities.max(1), test_y[:10]):
    print(f"a {label}, read as {digit} with {sure:.1%}")"""

SAVE = """\
np.savez("network.npz", **{name: tensor.numpy() for name, tensor in model.state_dict().items()})
with np.load("network.npz") as arrays:
    model.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})"""


def _check(recipe: Recipe) -> str:
    if not recipe.whole:
        return "# The lab's run has other figures, since it began with other weights."
    # Of several optimizers, the loops leave the last one in this name.
    rate = figures.rate(recipe, 'optimizer.param_groups[0]["lr"]', optimizers.calls(recipe.config)[-1].scale)
    compared = figures.comparison(
        [*figures.losses(recipe), *rate, *figures.accuracy(recipe, ACCURACY)], "rounding alone"
    )
    if recipe.diverged:
        return f"# The lab's run diverged in its last step, and went back to weights of before.\n{compared}"
    return compared
