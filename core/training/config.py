"""Configuration of a run: one flat frozen dataclass, validated when it is made, JSON both ways."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from core.data import TRAIN_IMAGES, Digits, Mnist
from core.files import shortened
from core.hyperparameters import Hyperparameter, InvalidValue, Value, check_all, number, whole_number
from core.optimizers import OPTIMIZERS, OptimizerSpec
from core.training.schedules import SCHEDULES, ScheduleSpec
from core.training.span import History, Span

LR = Hyperparameter("lr", 1e-3, "Size of each step.", low=0.0, high=1000.0, open_low=True)
EPOCHS = Hyperparameter("epochs", 5, "Passes over the training images.", low=1, high=1000)
BATCH_SIZE = Hyperparameter("batch_size", 64, "Images per step.", low=1, high=TRAIN_IMAGES)
WARMUP_STEPS = Hyperparameter("warmup_steps", 0, "Steps of linear warm-up.", low=0, high=1_000_000)
VALIDATION_SPLIT = Hyperparameter(
    "validation_split",
    0.2,
    "The share of the training images held back to validate.",
    low=0.0,
    high=1.0,
    open_high=True,
)
DRAWN_IMAGES = Hyperparameter(
    "train_images",
    0,
    "Images to train with, drawn by the seed, equally many of each digit; 0 for all that are not held back.",
    low=0,
    high=TRAIN_IMAGES,
)
LABEL_NOISE = Hyperparameter(
    "label_noise",
    0.0,
    "The share of the training labels that is replaced by another digit; those that validate and test stay true.",
    low=0.0,
    high=1.0,
)
SHUFFLE = Hyperparameter(
    "shuffle", "epoch", "When the training images are shuffled.", choices=("epoch", "once", "none", "by-label")
)
SEED = Hyperparameter("seed", 0, "Fixes the first weights and all that is drawn.", low=0, high=2**31 - 1)
INITIALIZATION = Hyperparameter(
    "initialization",
    "glorot",
    "Range of the first weights. Glorot's and He's fit the layers' sizes; small is a hundredth of Glorot's, large ten "
    "times it.",
    choices=("glorot", "he", "small", "large", "zero"),
)
LOSS = Hyperparameter("loss", "cross_entropy", "Loss to minimise.", choices=("cross_entropy", "mse"))
WEIGHT_DECAY = Hyperparameter("weight_decay", 0.0, "Pull of the weights towards zero.", low=0.0, high=10.0)
LABEL_SMOOTHING = Hyperparameter(
    "label_smoothing",
    0.0,
    "The share of each target that is spread over all ten classes.",
    low=0.0,
    high=1.0,
    open_high=True,
)
PATIENCE = Hyperparameter(
    "patience",
    0,
    "Epochs in a row without a better validation loss before the run ends early; 0 to train all epochs.",
    low=0,
    high=1000,
)
AUGMENT = Hyperparameter("augment", False, "Distort each training image a little, differently each time.")

#: Places at which two schedules are compared.
COMPARED_STEPS = 100

#: The fields that stand alone; ``optimizer``, ``schedule``, their parameters and ``device`` have rules of their own.
PLAIN = (
    LR,
    EPOCHS,
    WARMUP_STEPS,
    VALIDATION_SPLIT,
    DRAWN_IMAGES,
    LABEL_NOISE,
    SHUFFLE,
    SEED,
    INITIALIZATION,
    LOSS,
    WEIGHT_DECAY,
    LABEL_SMOOTHING,
    AUGMENT,
    PATIENCE,
)


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run. On one machine, the same config gives the same run.

    Raises:
        InvalidValue: naming parameter, rule and value.
        ValueError: one sentence, for a parameter that the optimizer or schedule does not have.
    """

    optimizer: str = "adam"
    lr: float = 1e-3
    optimizer_params: dict[str, Value] = field(default_factory=dict)
    batch_size: int | Literal["full"] = 64
    epochs: int = 5
    schedule: str = "constant"
    schedule_params: dict[str, Value] = field(default_factory=dict)
    warmup_steps: int = 0
    validation_split: float = 0.2
    train_images: int = 0
    label_noise: float = 0.0
    shuffle: str = "epoch"
    seed: int = 0
    initialization: str = "glorot"
    loss: str = "cross_entropy"
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    augment: bool = False
    device: str = "auto"
    patience: int = 0

    def __post_init__(self) -> None:
        _check_choice("optimizer", self.optimizer, OPTIMIZERS)
        _check_choice("schedule", self.schedule, SCHEDULES)
        for parameter in PLAIN:
            self._set(parameter.name, parameter.check(getattr(self, parameter.name)))
        if self.batch_size != "full":
            self._check_batch_size()
        self._set(
            "optimizer_params",
            check_all(self.optimizer_spec.hyperparameters, self.optimizer_params, f"optimizer {self.optimizer}"),
        )
        self._set(
            "schedule_params",
            check_all(self.schedule_spec.hyperparameters, self.schedule_params, f"schedule {self.schedule}"),
        )
        self._check_together()
        check_device_name(self.device)

    @classmethod
    def recommended(cls, optimizer: str = "adam", **given: Any) -> "RunConfig":
        """Make a config with the optimizer's own rate, batch size and weight decay, unless given."""
        # One rate for all would compare the rate and not the optimizers.
        _check_choice("optimizer", optimizer, OPTIMIZERS)
        spec = OPTIMIZERS[optimizer]
        own = {"lr": spec.lr, "batch_size": spec.batch_size, "weight_decay": spec.default_weight_decay}
        return cls(optimizer=optimizer, **{**own, **given})

    @property
    def optimizer_spec(self) -> OptimizerSpec:
        return OPTIMIZERS[self.optimizer]

    @property
    def schedule_spec(self) -> ScheduleSpec:
        return SCHEDULES[self.schedule]

    @property
    def validation_images(self) -> int:
        """Number of images held back: the last ones of the training files."""
        return held_back(self.validation_split)

    @property
    def images_per_epoch(self) -> int:
        """Number of images to train with."""
        return self.train_images or TRAIN_IMAGES - self.validation_images

    @property
    def images_per_step(self) -> int:
        return self.images_per_epoch if self.batch_size == "full" else self.batch_size

    @property
    def span(self) -> Span:
        return Span(self.epochs, math.ceil(self.images_per_epoch / self.images_per_step))

    def split(self, mnist: Mnist) -> tuple[Digits, Digits]:
        """Return the digits that train, with the labels that they have there, and those that validate."""
        return mnist.split(self.validation_images, self.train_images, self.label_noise, self.seed)

    def planned_rates(self, steps: Iterable[int], history: History = ()) -> list[float]:
        """Return the schedule's rate at each of the steps.

        Args:
            history: the losses so far, for a schedule that reacts to them.
        """
        schedule = self.schedule_spec.create(self.lr, self.span, history, self.warmup_steps, **self.schedule_params)
        return [schedule(step) for step in steps]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types; tuples become lists."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RunConfig":
        """Make a config from what ``to_dict`` returned.

        Raises:
            ValueError: for an unknown name, or as the constructor does.
        """
        names = {f.name for f in fields(cls)}
        for name in values:
            if name not in names:
                raise ValueError(
                    f"A run config has no field {shortened(str(name))}; its fields: {', '.join(sorted(names))}."
                )
        return cls(**values)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_batch_size(self) -> None:
        try:
            self._set("batch_size", BATCH_SIZE.check(self.batch_size))
        except InvalidValue as error:
            raise InvalidValue("batch_size", f"{error.rule} or full", self.batch_size) from None

    def _check_together(self) -> None:
        spec = self.optimizer_spec
        left = TRAIN_IMAGES - self.validation_images
        if left < 1:
            raise InvalidValue("validation_split", "leave at least one training image", self.validation_split)
        leaves = f"images that validation_split = {number(self.validation_split)} leaves"
        if self.train_images > left:
            raise InvalidValue("train_images", f"be at most the {left} {leaves}", self.train_images)
        if self.images_per_step > self.images_per_epoch:
            what = "training images" if self.train_images else f"training {leaves}"
            raise InvalidValue("batch_size", f"be at most the {self.images_per_epoch} {what}", self.batch_size)
        if spec.full_batch_only and self.images_per_step != self.images_per_epoch:
            raise InvalidValue("batch_size", f"be full with optimizer {self.optimizer}", self.batch_size)
        if spec.weight_decay == "none" and self.weight_decay:
            raise InvalidValue(
                "weight_decay", f"be 0 with optimizer {self.optimizer}, which defines none", self.weight_decay
            )
        if self.patience and not self.validation_images:
            raise InvalidValue("patience", "be 0 without validation images", self.patience)
        if self.loss == "mse" and self.label_smoothing:
            raise InvalidValue(
                "label_smoothing", "be 0 with loss mse, since it belongs to cross_entropy", self.label_smoothing
            )


def held_back(validation_split: float) -> int:
    """Return the number of images that a share of the training images is."""
    return round(TRAIN_IMAGES * validation_split)


def same_rates(one: RunConfig, other: RunConfig, start: int = 0) -> bool:
    """Return True if both plan the same rates from step ``start`` on, as far as the shorter goes.

    Only their lengths may differ.
    """
    end = min(one.span.steps, other.span.steps)
    # Some of them: a rate that depends on the length differs almost everywhere.
    steps = sorted({start + i * max(0, end - 1 - start) // COMPARED_STEPS for i in range(COMPARED_STEPS + 1)})
    return one.planned_rates(steps) == other.planned_rates(steps)


def parse_batch_size(text: str) -> int | str:
    """Return the batch size that a text says; ``RunConfig`` refuses a text that is neither a number nor ``full``."""
    text = text.strip()
    try:
        return whole_number(text)
    except ValueError:
        return text


def check_device_name(device: Any) -> None:
    """Raise InvalidValue unless ``device`` is auto, cpu, mps, cuda or cuda:N, with N from 0 to 99."""
    if not isinstance(device, str) or not re.fullmatch(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]?))?", device):
        raise InvalidValue("device", "be one of auto, cpu, cuda, cuda:N, mps", device)


def _check_choice(name: str, value: Any, table: dict[str, Any]) -> None:
    if not isinstance(value, str) or value not in table:
        raise InvalidValue(name, f"be one of {', '.join(table)}", str(value))
