"""A run as Keras, as far as Keras can say it, with its own random numbers: equal in accuracy, not step by step."""

from typing import NamedTuple

from core.models.code import digits, figures, rates
from core.models.code.pytorch import assembled, load
from core.models.code.recipe import Recipe, Section
from core.training.config import RunConfig
from core.training.network import GAINS

#: What other random numbers may change in the test accuracy.
ACCURACY = 0.02
_INSIDE = "Keras adds epsilon inside the root, the lab outside."


class _Row(NamedTuple):
    """Keras's class with the arguments that are this optimizer's; a place in braces is a hyper-parameter."""

    call: str
    note: str = ""


OPTIMIZERS = {
    "sgd": _Row("SGD()"),
    "momentum": _Row("SGD(momentum={momentum})"),
    "nesterov": _Row("SGD(momentum={momentum}, nesterov=True)"),
    "adagrad": _Row("Adagrad(initial_accumulator_value={initial_accumulator_value}, epsilon={eps})", _INSIDE),
    "adadelta": _Row("Adadelta(rho={rho}, epsilon={eps})"),
    "rmsprop": _Row("RMSprop(rho={alpha}, momentum={momentum}, centered={centered}, epsilon={eps})", _INSIDE),
    "adam": _Row("Adam(beta_1={betas[0]}, beta_2={betas[1]}, epsilon={eps}, amsgrad={amsgrad})"),
    "adamw": _Row(
        "AdamW(beta_1={betas[0]}, beta_2={betas[1]}, epsilon={eps}, amsgrad={amsgrad}, weight_decay={decay})"
    ),
    "nadam": _Row("Nadam(beta_1={betas[0]}, beta_2={betas[1]}, epsilon={eps})", "Keras's psi is always 0.004."),
    "adamax": _Row("Adamax(beta_1={betas[0]}, beta_2={betas[1]}, epsilon={eps})"),
}
#: Hyper-parameters that Keras does not have, and the values at which it needs none.
_MISSING = {"dampening": 0.0, "lr_decay": 0.0, "momentum_decay": 4e-3}


def script(recipe: Recipe) -> str:
    """Return the run as a script.

    Raises:
        ValueError: in one sentence, for a run that Keras cannot train.
    """
    if recipe.origin:
        raise ValueError("Keras cannot say how a run goes on from another one's weights; take PyTorch.")
    _check(recipe.config)
    needed = "numpy, keras with one of its backends"
    return assembled(recipe, "in Keras", needed, "import keras\nimport numpy as np\n", _sections(recipe))


def _check(config: RunConfig) -> None:
    label = config.optimizer_spec.label
    if config.optimizer not in OPTIMIZERS:
        raise ValueError(f"Keras has no optimizer that steps like {label} here; take PyTorch.")
    for name, value in _values(config).items():
        if name in _MISSING and value != _MISSING[name]:
            raise ValueError(
                f"Keras's {label} has no {name.replace('_', ' ')}, which this run set to {value:g}; take PyTorch."
            )
    if config.augment:
        raise ValueError("The distortions of this run's images are written out for PyTorch alone; take PyTorch.")


def _values(config: RunConfig) -> dict[str, object]:
    return config.optimizer_spec.values(config.optimizer_params)


def _sections(recipe: Recipe) -> list[Section]:
    weights = digits.first_weights(recipe.config)
    return [
        load(),
        Section("Prepare it", digits.prepare_text(recipe.config), _prepare(recipe.config)),
        Section("Build the network", f"784 inputs, 128 ReLU units, 10 outputs; {weights}.", _build(recipe.config)),
        Section("Configure the training", "the loss, the optimizer and its learning rate.", _configure(recipe)),
        Section("Fit", "one step per batch.", _fit(recipe)),
        Section("Evaluate", "the share of the test digits that it reads right.", EVALUATE),
        Section("Predict", "the first ten test digits.", PREDICT),
        Section("Save and load", "the whole model, with its optimizer.", SAVE),
        Section("Check", "the accuracy of the lab's own run, as far as other random numbers allow.", _figures(recipe)),
    ]


def _prepare(config: RunConfig) -> str:
    lines = [
        *digits.lines(config),
        "x = images.reshape(-1, 784).astype(np.float32) / 255",
        "test_x = test_images.reshape(-1, 784).astype(np.float32) / 255",
    ]
    if _one_hot(config):
        lines += ["y, test_y = np.eye(10, dtype=np.float32)[labels], np.eye(10, dtype=np.float32)[test_labels]"]
    else:
        lines += ["y, test_y = labels.astype(int), test_labels.astype(int)"]
    orders = {
        "once": f"order = np.random.default_rng([{config.seed}, 0]).permutation(TRAIN)  # the same in every epoch",
        "by-label": 'order = np.argsort(labels[:TRAIN], kind="stable")  # all zeros first, then all ones, and so on',
    }
    lines.append(orders.get(config.shuffle, "order = np.arange(TRAIN)"))
    return "\n".join([*lines, "train = (x[order], y[order])", *_validation(config)])


def _validation(config: RunConfig) -> list[str]:
    return ["validation = (x[TRAIN:], y[TRAIN:])"] if config.validation_images else []


def _one_hot(config: RunConfig) -> bool:
    return config.loss == "mse" or bool(config.label_smoothing)


def _build(config: RunConfig) -> str:
    coupled = config.weight_decay and config.optimizer_spec.weight_decay == "l2"
    pull = "".join(
        f", {part}_regularizer=keras.regularizers.L2({config.weight_decay / 2!r})" for part in ("kernel", "bias")
    )
    pull = (pull if coupled else "") + _initializer(config)
    last = ', activation="softmax"' if config.loss == "mse" else ""
    note = ["# L2(c) adds c times the squares to the loss, whose slope is 2c."] if coupled else []
    return "\n".join([
        *note,
        f"keras.utils.set_random_seed({config.seed})",
        "model = keras.Sequential([",
        "    keras.Input((784,)),",
        f'    keras.layers.Dense(128, activation="relu"{pull}),',
        f"    keras.layers.Dense(10{last}{pull}),",
        "])",
    ])  # fmt: skip


def _initializer(config: RunConfig) -> str:
    if config.initialization == "glorot":
        return ""
    if config.initialization in ("he", "zero"):
        return f', kernel_initializer="{"he_uniform" if config.initialization == "he" else "zeros"}"'
    # Glorot's is of scale 1; the range grows with its root.
    scale = GAINS[config.initialization] ** 2
    return f', kernel_initializer=keras.initializers.VarianceScaling({scale:g}, "fan_avg", "uniform")'


def _configure(recipe: Recipe) -> str:
    config = recipe.config
    row = OPTIMIZERS[config.optimizer]
    call = row.call.format(**_values(config), decay=config.weight_decay)
    call = call.replace("(", f"(learning_rate={config.lr!r}, ", 1).replace(", )", ")")
    if config.loss == "mse":
        loss = "MeanSquaredError()"
    elif config.label_smoothing:
        loss = f"CategoricalCrossentropy(from_logits=True, label_smoothing={config.label_smoothing!r})"
    else:
        loss = "SparseCategoricalCrossentropy(from_logits=True)"
    lines = [f"# {row.note}"] if row.note else []
    lines += [
        f"optimizer = keras.optimizers.{call}",
        f'model.compile(optimizer, keras.losses.{loss}, metrics=["accuracy"])',
    ]
    return "\n".join([*lines, *_callback(recipe)])


def _callback(recipe: Recipe) -> list[str]:
    """Return the lines of a callback for all that Keras does not set once an epoch."""
    config = recipe.config
    steered = bool(recipe.plan) or not rates.is_constant(config)
    if not steered and recipe.steps is None:
        return []
    lines = ["", "", "class EveryStep(keras.callbacks.Callback):", f"    step, lr = 0, {config.lr!r}", ""]
    lines += ["    def on_train_batch_begin(self, batch, logs=None):"]
    if recipe.plan:
        lines.append(f"        self.lr = {dict(recipe.plan)!r}.get(self.step, self.lr)  # set by hand, by step")
    if steered:
        lines.append("        self.model.optimizer.learning_rate = rate(self.step, self.lr)")
    lines += ["        self.step += 1"]
    if recipe.steps is not None:
        lines += ["", "    def on_train_batch_end(self, batch, logs=None):"]
        lines += [f"        self.model.stop_training = self.step == {recipe.steps}  # the run ended here"]
    if config.schedule_spec.reacts:
        watched = "val_loss" if config.validation_images else "loss"
        lines += ["", "    def on_epoch_end(self, epoch, logs):", f'        history.append(logs["{watched}"])']
        lines = ["", "", "history = []", *lines[1:]]
    return [*lines, *(["", "", *rates.function(config)] if steered else [])]


def _fit(recipe: Recipe) -> str:
    config = recipe.config
    callbacks = ["EveryStep()"] if _callback(recipe) else []
    if config.patience:
        callbacks.append(f"keras.callbacks.EarlyStopping(patience={config.patience})")
    arguments = [
        "*train",
        f"batch_size={config.images_per_step}",
        f"epochs={config.epochs}",
        f"shuffle={config.shuffle == 'epoch'}",
    ]
    if config.validation_images:
        arguments.append("validation_data=validation")
    if callbacks:
        arguments.append(f"callbacks=[{', '.join(callbacks)}]")
    return "model.fit(\n    " + ",\n    ".join([*arguments, "verbose=2"]) + ",\n)"


EVALUATE = """\
test_loss, test_accuracy = model.evaluate(test_x, test_y, verbose=0)
print(f"test accuracy {test_accuracy:.2%}")"""

PREDICT = """\
for outputs, label in zip(model.predict(test_x[:10], verbose=0), test_labels):
    print(f"a {label}, read as {outputs.argmax()}")"""

SAVE = """\
model.save("network.keras")
model = keras.saving.load_model("network.keras")"""


def _figures(recipe: Recipe) -> str:
    rate = figures.rate(recipe, "float(optimizer.learning_rate)")
    return figures.comparison([*rate, *figures.accuracy(recipe, ACCURACY)], "other random numbers alone")
