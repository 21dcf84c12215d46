import json
import math

import pytest
import torch

from core.hyperparameters import InvalidValue
from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig, parse_batch_size, same_rates
from core.training.events import StepsDone
from core.training.schedules import SCHEDULES
from core.training.span import Span
from core.training.trainer import Trainer


def test_defaults():
    assert RunConfig().to_dict() == {
        "optimizer": "adam",
        "lr": 1e-3,
        "optimizer_params": {},
        "batch_size": 64,
        "epochs": 5,
        "schedule": "constant",
        "schedule_params": {},
        "warmup_steps": 0,
        "validation_split": 0.2,
        "train_images": 0,
        "label_noise": 0.0,
        "shuffle": "epoch",
        "seed": 0,
        "initialization": "glorot",
        "loss": "cross_entropy",
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "augment": False,
        "device": "auto",
        "patience": 0,
    }


def test_a_config_cannot_change():
    with pytest.raises(AttributeError):
        RunConfig().lr = 0.1
    given = {"betas": [0.8, 0.9]}
    config = RunConfig(optimizer_params=given)
    given["betas"] = 5
    assert config.optimizer_params == {"betas": (0.8, 0.9)}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_json_and_back(optimizer, schedule):
    config = RunConfig.recommended(
        optimizer,
        optimizer_params={p.name: p.default for p in OPTIMIZERS[optimizer].hyperparameters},
        schedule=schedule,
        schedule_params={p.name: p.default for p in SCHEDULES[schedule].hyperparameters},
        seed=7,
    )
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict(), allow_nan=False))) == config


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_recommended_is_the_rows_own_unless_given(name):
    spec = OPTIMIZERS[name]
    config = RunConfig.recommended(name)
    assert (config.lr, config.batch_size, config.weight_decay) == (spec.lr, spec.batch_size, spec.default_weight_decay)
    assert RunConfig.recommended(name, lr=0.5, epochs=2).lr == 0.5


def test_sizes():
    config = RunConfig()
    assert (config.images_per_epoch, config.validation_images, config.images_per_step) == (48_000, 12_000, 64)
    assert config.span == Span(5, 750)
    assert RunConfig(batch_size=7, epochs=2).span == Span(2, 6858)
    full = RunConfig(batch_size="full", validation_split=0)
    assert (full.images_per_epoch, full.images_per_step, full.span) == (60_000, 60_000, Span(5, 1))
    assert RunConfig(batch_size=1).span == Span(5, 48_000)
    few = RunConfig(train_images=100, batch_size="full", validation_split=0.5)
    assert (few.images_per_epoch, few.validation_images, few.images_per_step) == (100, 30_000, 100)
    assert few.span == Span(5, 1)
    assert RunConfig(train_images=100).span == Span(5, 2)


def test_a_config_of_before_a_field_has_its_default():
    old = {name: value for name, value in RunConfig(seed=3).to_dict().items() if name not in NEW}
    assert len(old) == 17 and RunConfig.from_dict(old) == RunConfig(seed=3)


NEW = ("initialization", "train_images", "label_noise")


def test_split_is_of_the_configs_own_settings(mnist):
    config = RunConfig(train_images=50, label_noise=0.2, seed=4, validation_split=0.5, batch_size=10)
    ours, theirs = config.split(mnist), mnist.split(30_000, 50, 0.2, 4)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)


@pytest.mark.parametrize(
    "given",
    [
        {"batch_size": 60_000, "validation_split": 0},
        {"batch_size": 1, "validation_split": 59_999 / 60_000},
        {"batch_size": 64.0},
        {"lr": 1000},
        {"optimizer": "lbfgs", "batch_size": 48_000},
        {"label_smoothing": 0.1, "loss": "cross_entropy"},
        {"train_images": 48_000},
        {"train_images": 64, "label_noise": 1},
        {"train_images": 10, "optimizer": "lbfgs", "batch_size": 10},
        {"initialization": "zero"},
        {"device": "cuda:1"},
        {"device": "mps"},
        {"epochs": 1000, "seed": 2**31 - 1, "warmup_steps": 1_000_000, "weight_decay": 10},
    ],
)
def test_accepts(given):
    config = RunConfig(**given)
    assert RunConfig.from_dict(config.to_dict()) == config


NAMES = "sgd, momentum, nesterov, adagrad, adadelta, rmsprop, adam, adamw, nadam, radam, adamax, asgd, rprop, muon, "
NAMES += "adafactor, lbfgs"
SHAPES = "constant, step, multi_step, exponential, inverse_time, polynomial, linear, cosine, cosine_restarts, cyclic, "
SHAPES += "cyclic_halving, one_cycle, plateau"
BATCH = "batch_size must be a whole number in [1, 60000] or full, got batch_size"
DEVICE = "device must be one of auto, cpu, cuda, cuda:N, mps, got device"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lr": 0}, "lr must be a number in (0, 1000], got lr = 0."),
        ({"lr": -1}, "lr must be a number in (0, 1000], got lr = -1."),
        ({"lr": math.nan}, "lr must be a number in (0, 1000], got lr = nan."),
        ({"lr": math.inf}, "lr must be a number in (0, 1000], got lr = inf."),
        ({"lr": 1e9}, "lr must be a number in (0, 1000], got lr = 1000000000."),
        ({"lr": "0.1"}, "lr must be a number in (0, 1000], got lr = 0.1."),
        ({"lr": None}, "lr must be a number in (0, 1000], got lr = None."),
        ({"batch_size": 0}, f"{BATCH} = 0."),
        ({"batch_size": 60_001}, f"{BATCH} = 60001."),
        ({"batch_size": 1.5}, f"{BATCH} = 1.5."),
        ({"batch_size": "half"}, f"{BATCH} = half."),
        ({"batch_size": True}, f"{BATCH} = True."),
        ({"batch_size": None}, f"{BATCH} = None."),
        (
            {"batch_size": 50_000},
            "batch_size must be at most the 48000 training images that validation_split = 0.2 leaves, "
            "got batch_size = 50000.",
        ),
        ({"epochs": 0}, "epochs must be a whole number in [1, 1000], got epochs = 0."),
        ({"epochs": 1.5}, "epochs must be a whole number in [1, 1000], got epochs = 1.5."),
        ({"epochs": 1001}, "epochs must be a whole number in [1, 1000], got epochs = 1001."),
        ({"validation_split": 1}, "validation_split must be a number in [0, 1), got validation_split = 1."),
        ({"validation_split": -0.1}, "validation_split must be a number in [0, 1), got validation_split = -0.1."),
        (
            {"validation_split": 0.999999},
            "validation_split must leave at least one training image, got validation_split = 0.999999.",
        ),
        ({"optimizer": "foo"}, f"optimizer must be one of {NAMES}, got optimizer = foo."),
        ({"optimizer": 5}, f"optimizer must be one of {NAMES}, got optimizer = 5."),
        ({"optimizer": ["adam"]}, f"optimizer must be one of {NAMES}, got optimizer = ['adam']."),
        ({"optimizer": None}, f"optimizer must be one of {NAMES}, got optimizer = None."),
        ({"schedule": "spiral"}, f"schedule must be one of {SHAPES}, got schedule = spiral."),
        ({"shuffle": "never"}, "shuffle must be one of epoch, once, none, by-label, got shuffle = never."),
        ({"loss": "hinge"}, "loss must be one of cross_entropy, mse, got loss = hinge."),
        ({"seed": -1}, "seed must be a whole number in [0, 2147483647], got seed = -1."),
        ({"seed": 2**31}, "seed must be a whole number in [0, 2147483647], got seed = 2147483648."),
        ({"warmup_steps": -1}, "warmup_steps must be a whole number in [0, 1000000], got warmup_steps = -1."),
        ({"weight_decay": -0.1}, "weight_decay must be a number in [0, 10], got weight_decay = -0.1."),
        ({"label_smoothing": 1}, "label_smoothing must be a number in [0, 1), got label_smoothing = 1."),
        ({"train_images": -1}, "train_images must be a whole number in [0, 60000], got train_images = -1."),
        (
            {"train_images": 48_001},
            "train_images must be at most the 48000 images that validation_split = 0.2 leaves, "
            "got train_images = 48001.",
        ),
        ({"train_images": 63}, "batch_size must be at most the 63 training images, got batch_size = 64."),
        ({"label_noise": 1.1}, "label_noise must be a number in [0, 1], got label_noise = 1.1."),
        (
            {"initialization": "normal"},
            "initialization must be one of glorot, he, small, large, zero, got initialization = normal.",
        ),
        ({"augment": 1}, "augment must be true or false, got augment = 1."),
        ({"optimizer_params": {"betas": (1, 1)}}, "betas must be 2 numbers in [0, 1), got betas = 1,1."),
        (
            {"optimizer_params": {"momentum": 0.9}},
            "optimizer adam has no parameter momentum; its parameters: betas, eps, amsgrad.",
        ),
        (
            {"optimizer": "sgd", "optimizer_params": {"betas": (0.9, 0.9)}},
            "optimizer sgd has no parameter betas; its parameters: none.",
        ),
        ({"optimizer_params": 3}, "optimizer adam takes its parameters as names with values, got 3."),
        (
            {"schedule": "cosine", "schedule_params": {"gamma": 0.5}},
            "schedule cosine has no parameter gamma; its parameters: end.",
        ),
        (
            {"schedule": "multi_step", "schedule_params": {"milestones": (4, 2)}},
            "milestones must be increasing numbers in [0, 1000], got milestones = 4,2.",
        ),
        ({"optimizer": "lbfgs"}, "batch_size must be full with optimizer lbfgs, got batch_size = 64."),
        (
            {"optimizer": "rprop", "weight_decay": 0.1},
            "weight_decay must be 0 with optimizer rprop, which defines none, got weight_decay = 0.1.",
        ),
        (
            {"loss": "mse", "label_smoothing": 0.1},
            "label_smoothing must be 0 with loss mse, since it belongs to cross_entropy, got label_smoothing = 0.1.",
        ),
        ({"device": "tpu"}, f"{DEVICE} = tpu."),
        ({"device": "cuda:"}, f"{DEVICE} = cuda:."),
        ({"device": "cuda:-1"}, f"{DEVICE} = cuda:-1."),
        ({"device": "cuda:01"}, f"{DEVICE} = cuda:01."),
        ({"device": "cuda:²"}, f"{DEVICE} = cuda:²."),
        ({"device": "cuda:99999999999"}, f"{DEVICE} = cuda:99999999999."),
        ({"device": 0}, f"{DEVICE} = 0."),
    ],
    ids=lambda value: str(value)[:50] if isinstance(value, dict) else "",
)
def test_refuses_word_for_word(given, message):
    with pytest.raises(ValueError) as refusal:
        RunConfig(**given)
    assert str(refusal.value) == message


def test_from_dict_refuses_an_unknown_field():
    with pytest.raises(ValueError) as refusal:
        RunConfig.from_dict({"lr": 0.1, "speed": 1})
    assert str(refusal.value) == (
        "A run config has no field speed; its fields: augment, batch_size, device, epochs, initialization, "
        "label_noise, label_smoothing, loss, lr, optimizer, optimizer_params, patience, schedule, schedule_params, "
        "seed, shuffle, train_images, validation_split, warmup_steps, weight_decay."
    )


def test_recommended_refuses_an_unknown_optimizer():
    with pytest.raises(ValueError, match=r"^optimizer must be one of .*, got optimizer = foo\.$"):
        RunConfig.recommended("foo")


@pytest.mark.parametrize(
    ("typed", "size"),
    [
        ("100", 100),
        ("1", 1),
        ("full", "full"),
        (" 48000 ", 48_000),
        ("1e9", "1e9"),
        ("", ""),
        ("٣", "٣"),
        ("6_4", "6_4"),
        ("²", "²"),
    ],
)
def test_any_batch_size_can_be_typed(typed, size):
    assert parse_batch_size(typed) == size


def test_a_refusal_carries_its_parts():
    with pytest.raises(InvalidValue) as refusal:
        RunConfig(lr=0.0)
    error = refusal.value
    assert (error.parameter, error.rule, error.value) == ("lr", "be a number in (0, 1000]", 0.0)
    with pytest.raises(InvalidValue) as refusal:
        RunConfig(batch_size="64")
    error = refusal.value
    assert (error.parameter, error.rule, error.value) == ("batch_size", "be a whole number in [1, 60000] or full", "64")


def test_planned_rates_are_those_of_training():
    config = RunConfig(schedule="cosine", warmup_steps=10, validation_split=0.98, epochs=1, device="cpu")
    trained = [
        rate for event in Trainer(config).events() if isinstance(event, StepsDone) for rate in event.learning_rates
    ]
    assert config.planned_rates(range(19)) == trained


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_another_length_changes_the_rates_of_schedules_that_end_with_the_run(schedule):
    short, long = RunConfig(schedule=schedule, epochs=4), RunConfig(schedule=schedule, epochs=8)
    ends = schedule in ("polynomial", "linear", "cosine", "one_cycle")
    assert same_rates(short, long) == (not ends)
    # Where the short run ends, too: it would go on at another rate than the long one.
    assert same_rates(short, long, short.span.steps) == (not ends)
