"""Runs as code: each script runs in a process without the lab, and its losses are those of the lab's own run."""

import ast
import json
import os
import random
import re
import subprocess
import sys
import types
from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from core import data
from core.hyperparameters import Hyperparameter
from core.models.code import KINDS, figures, rates, recipe_of, write
from core.models.code.keras import OPTIMIZERS as IN_KERAS
from core.models.code.recipe import Recipe
from core.models.library import Model
from core.optimizers import OPTIMIZERS
from core.runs.history import History
from core.training.commands import SetLearningRate
from core.training.config import RunConfig
from core.training.schedules import SCHEDULES
from core.training.trainer import Trainer
from tests.waiting import LIMIT

#: Runs every script of the list and compares its losses; its process has no path to the lab.
RUNNER = """
import json, math, runpy, sys
for path, losses in json.load(open("list.json")):
    found = runpy.run_path(path).get("losses", [])
    for step, (own, theirs) in enumerate(zip(found, losses)):
        assert math.isclose(own, theirs, rel_tol=1e-3), (path, step, own, theirs)
    print(path)
"""
#: 19 steps in each of 2 epochs.
SHORT = {"train_images": 1200, "validation_split": 0.01, "epochs": 2}


def recipe(config, mnist, rate_at=None):
    """The recipe of a run that is trained here, with a rate set by hand at a step if one is given."""
    events = Trainer(config, mnist, plan=[rate_at] if rate_at else ()).events()
    history = History(events)
    losses = history.losses.tolist()
    rate = history.learning_rates.tolist()[-1]
    return Recipe("Run #1", config, None, history.plan, losses[:500], rate, history.test_accuracy), losses


def run_all(folder, scripts):
    """Run the scripts, each with the losses expected, in a fresh process; return the paths that it has come through."""
    listed = []
    for place, (text, losses) in enumerate(scripts):
        (folder / f"{place}.py").write_text(text)
        listed.append((f"{place}.py", losses[:100]))
    (folder / "list.json").write_text(json.dumps(listed))
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "KERAS_HOME": str(folder)}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "-c", RUNNER, str(data.FOLDER)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    return [line for line in done.stdout.splitlines() if line.endswith(".py")]


def said_of(folder, recipe, kind="pytorch"):
    """Run the code of a recipe and return what it says as it fails."""
    (folder / "wrong.py").write_text(write(recipe, kind))
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "KERAS_HOME": str(folder)}
    command = [sys.executable, "wrong.py", str(data.FOLDER)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.slow
def test_every_optimizer_and_every_schedule_run_without_the_lab_and_give_its_losses(tmp_path, mnist):
    others = cycle(
        [
            {"warmup_steps": 7},
            {"loss": "mse"},
            {"label_smoothing": 0.1},
            {"shuffle": "once"},
            {"shuffle": "by-label"},
            {"shuffle": "none", "train_images": 0, "validation_split": 0.2, "batch_size": 1024, "epochs": 1},
            {"augment": True},
            {"patience": 1, "lr": 1e-6, "epochs": 5, "optimizer": "sgd"},
            {"train_images": 0, "validation_split": 0.0, "batch_size": 4096, "epochs": 1},
            {"train_images": 200, "label_noise": 0.3, "initialization": "he", "epochs": 10},
            {"train_images": 1000, "validation_split": 0.0, "initialization": "small", "shuffle": "by-label"},
            {"label_noise": 0.1, "initialization": "large"},
            {"initialization": "zero"},
            # Its first step, at a rate of 0, ends in a line search that finds no better point.
            {
                "optimizer": "lbfgs",
                "loss": "mse",
                "initialization": "small",
                "schedule": "cyclic",
                "schedule_params": {"low": 0.0},
                "epochs": 4,
            },
        ]
    )
    schedules = cycle(SCHEDULES)
    scripts = []
    for name, more in zip([*OPTIMIZERS, *["adam"] * 14], others, strict=False):
        given = {"optimizer": name, **SHORT, "schedule": next(schedules), "seed": 3, **more}
        if OPTIMIZERS[given["optimizer"]].full_batch_only:
            given = {**given, "batch_size": "full"}
        made, losses = recipe(RunConfig.recommended(**given), mnist)
        scripts.append((write(made), losses))
    assert len(scripts) >= max(len(SCHEDULES), len(OPTIMIZERS))
    assert len(run_all(tmp_path, scripts)) == len(scripts)


@pytest.mark.slow
def test_a_run_with_a_rate_set_by_hand_that_was_stopped(tmp_path, mnist):
    config = RunConfig(**SHORT)
    made, losses = recipe(config, mnist, rate_at=(5, 0.01))
    assert made.plan == [(5, 0.01)]
    stopped = replace(made, steps=12, losses=losses[:12], last_rate=0.01, test_accuracy=None)
    run_all(tmp_path, [(write(made), losses), (write(stopped), losses[:12])])
    said = said_of(tmp_path, replace(made, losses=[losses[0] * 1.01, *losses[1:]]))
    assert re.fullmatch(
        r"The training loss of step 0 is 2\.\d+ here and 2\.\d+ in the lab: rounding alone cannot explain that\.\n",
        said,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "other", "figure"),
    [
        ({}, {"optimizer_params": {"betas": (0.9, 0.99)}}, "training loss of step 37"),
        ({}, {"lr": 1.1e-3}, "training loss of step 9"),
        ({}, {"seed": 1}, "training loss of step 0"),
        ({}, {"shuffle": "by-label"}, "training loss of step 0"),
        ({"optimizer": "momentum", "lr": 0.05}, {"optimizer": "nesterov"}, "training loss of step 9"),
        ({"schedule": "cosine"}, {"schedule": "linear"}, "training loss of step 9"),
        # All first losses agree, and so does the accuracy.
        (
            {"schedule": "multi_step", "schedule_params": {"milestones": (1.9,)}},
            {"schedule": "constant", "schedule_params": {}},
            "learning rate of the last step",
        ),
    ],
)
def test_the_check_finds_another_run(tmp_path, mnist, own, other, figure):
    made, _ = recipe(RunConfig(**SHORT, **own), mnist)
    said = said_of(tmp_path, replace(made, config=RunConfig(**{**SHORT, **own, **other})))
    assert re.fullmatch(rf"The {figure} is \S+ here and \S+ in the lab: rounding alone cannot explain that\.\n", said)


@pytest.mark.slow
def test_the_check_of_a_long_run_lets_rounding_grow(tmp_path, mnist):
    """The lab's run from weights that differ in their last bit: its late losses are others, and the code is right."""
    config = RunConfig(lr=5e-3, epochs=7)
    made, losses = recipe(config, mnist)
    trainer = Trainer(config, mnist)
    trainer.network[0].weight.data.mul_(1 + 1e-7)
    assert not np.allclose(History(trainer.events()).losses[-500:], losses[-500:], rtol=0.05)
    assert len(run_all(tmp_path, [(write(made), losses[:10])])) == 1


@pytest.mark.slow
def test_the_check_asks_for_nothing_that_rounding_decides(tmp_path, mnist):
    short = {"train_images": 1013, "validation_split": 0.01, "batch_size": "full", "epochs": 2}
    scripts = []
    for optimizer, settings in (
        # Its line search goes ten times as far or not.
        ("lbfgs", {"lr": 0.01, "seed": 1}),
        ("lbfgs", {"lr": 0.01, "seed": 2}),
        ("lbfgs", {"warmup_steps": 1000, "seed": 1}),
        # The outputs are alike.
        ("momentum", {"train_images": 400, "initialization": "zero", "shuffle": "by-label", "loss": "mse"}),
        # A thousandth of what is hardly any ink turns the first step of a weight.
        (
            "rmsprop",
            {"batch_size": 250, "epochs": 5, "validation_split": 0.0, "label_noise": 0.3, "weight_decay": 0.01}
            | {"label_smoothing": 0.1, "augment": True},
        ),
    ):
        made, losses = recipe(RunConfig.recommended(optimizer, **{**short, **settings}), mnist)
        scripts.append((write(made), losses[:1]))
    assert len(run_all(tmp_path, scripts)) == len(scripts)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"optimizer": "lbfgs", "batch_size": "full", "lr": 0.1}, ["step 0"]),
        ({"optimizer": "lbfgs", "batch_size": "full", "lr": 1.0}, ["step 0", "step 1", "the first 250 steps"]),
        # 16 steps an epoch: with a patience of 2 the code has three epochs in any case.
        ({"train_images": 1000, "patience": 2}, ["step 0", "step 9", "step 47", "the first 48 steps"]),
    ],
)
def test_the_check_compares_steps_that_the_code_has_in_any_case(settings, names):
    told = figures.losses(Recipe("Run #1", RunConfig(**settings), losses=[2.0] * 250))
    assert [figure.name.partition(" of ")[2] for figure in told] == names


@pytest.mark.slow
def test_a_keras_run_of_another_schedule_is_found(tmp_path, mnist):
    made, _ = recipe(RunConfig(**SHORT, schedule="exponential"), mnist)
    said = said_of(tmp_path, replace(made, config=RunConfig(**SHORT)), "keras")
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert re.fullmatch(
        r"The learning rate of the last step is \S+ here and \S+ in the lab: other random numbers alone cannot explain "
        r"that\.",
        last,
    )


@pytest.mark.parametrize(("fall", "apart"), [(0.0, "0.01"), (0.03, "0.06")])
def test_a_run_whose_accuracy_is_unsteady_may_end_elsewhere(fall, apart):
    text = write(Recipe("Run #1", RunConfig(), test_accuracy=0.9, fall=fall))
    assert f'("test accuracy", test_accuracy, 0.9, {apart}),' in text


@pytest.mark.slow
def test_the_code_of_a_keras_run_reaches_the_labs_accuracy(tmp_path, mnist):
    scripts = []
    more = cycle([{}, {"weight_decay": 1e-4}, {"label_smoothing": 0.1}, {"shuffle": "once", "schedule": "cosine"}])
    for name in IN_KERAS:
        small = {"epochs": 2, "validation_split": 0.0, "train_images": 12_000, "batch_size": 128}
        config = RunConfig.recommended(name, **small, **next(more))
        scripts.append((write(recipe(config, mnist)[0], "keras"), []))
    plateau = RunConfig(
        schedule="plateau", patience=2, loss="mse", epochs=3, validation_split=0.1, train_images=12_000, batch_size=128
    )
    scripts.append((write(recipe(plateau, mnist)[0], "keras"), []))
    for first in ("he", "small", "large", "zero"):
        config = RunConfig(initialization=first, train_images=5000, label_noise=0.1, epochs=3, validation_split=0.1)
        scripts.append((write(recipe(config, mnist)[0], "keras"), []))
    assert len(run_all(tmp_path, scripts)) == len(scripts)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rates_are_the_labs(name):
    chance = random.Random(name)

    def some(parameter: Hyperparameter):
        if isinstance(parameter.default, tuple):
            return (0.5, 1.0, 2.25)
        low, high = parameter.low or 0.05, min(parameter.high, 4.0)
        drawn = chance.uniform(low, high) if isinstance(parameter.default, float) else chance.randint(0, 3)
        return drawn if not parameter.open_high or drawn < parameter.high else parameter.default

    assert set(rates.BODIES) == set(SCHEDULES)
    for attempt in range(5):
        params = {p.name: some(p) for p in SCHEDULES[name].hyperparameters} if attempt else {}
        config = RunConfig(
            schedule=name, schedule_params=params, epochs=4, batch_size=6000, warmup_steps=attempt, lr=0.3
        )
        steps = config.span.steps_per_epoch
        losses = [1.0, 0.99, 1.2, 0.5]
        scope = {"math": __import__("math"), "history": []}
        exec("\n".join(rates.function(config)), scope)
        history = [((epoch + 1) * steps, loss) for epoch, loss in enumerate(losses)]
        expected = config.planned_rates(range(config.span.steps), history)
        found = []
        for step in range(config.span.steps):
            scope["history"] = losses[: step // steps]
            found.append(scope["rate"](step, config.lr))
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_a_notebook_has_the_scripts_code_a_text_before_each_part_and_the_curves(monkeypatch, tmp_path):
    notebook = json.loads(write(Recipe("Run #7", RunConfig(schedule="cosine")), "notebook"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    assert kinds == ["markdown", "code"] * (len(kinds) // 2)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(kinds)
    code = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    script = write(Recipe("Run #7", RunConfig(schedule="cosine")))
    (curves,) = [part for part in code if "matplotlib" in part]
    load = code[1]
    assert all(part in script for part in code[2:] if part is not curves)
    assert "argument" not in json.dumps(notebook) and "sys.argv" not in load
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"^MNIST's four \.gz files are neither in data/mnist nor here\.$"):
        exec("import gzip, sys\nfrom pathlib import Path\n" + load, {})
    drawn = []
    plot = types.SimpleNamespace(
        plot=lambda values, **_: drawn.append(list(values)), show=lambda: None, xlabel=str, ylabel=str, yscale=str,
        legend=lambda: None,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "matplotlib", types.SimpleNamespace(pyplot=plot))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", plot)
    exec(curves, {"losses": [2.0, 2.0, 2.0]})
    assert drawn == [[2.0, 2.0, 2.0], pytest.approx([2.0, 2.0, 2.0])]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (RunConfig.recommended("lbfgs"), "Keras has no optimizer that steps like L-BFGS here; take PyTorch."),
        (RunConfig.recommended("momentum", optimizer_params={"dampening": 0.5}), "has no dampening"),
        (RunConfig(augment=True), "written out for PyTorch alone"),
    ],
)
def test_what_keras_cannot_say_is_refused_in_a_sentence(config, sentence):
    with pytest.raises(ValueError, match=sentence):
        write(Recipe("Run #1", config), "keras")


def test_a_model_without_its_run_has_no_code(tmp_path):
    with pytest.raises(ValueError, match=r"^found does not say how it was trained\.$"):
        recipe_of(Model("found", tmp_path, 1, 0.0))
    config = RunConfig(epochs=1)
    half = recipe_of(Model("half", tmp_path, 1, 0.0, config=config, step=10, test_accuracy=0.5))
    assert (half.steps, half.test_accuracy) == (10, 0.5)
    assert recipe_of(Model("whole", tmp_path, 1, 0.0, config=config, step=config.span.steps)).steps is None


@pytest.mark.parametrize("kind", ["pytorch", "keras"])
def test_a_script_is_short_and_in_the_courses_order(kind):
    text = write(Recipe("Run #1", RunConfig()), kind)
    ast.parse(text)
    titles = ["Load", "Prepare", "Build", "Configure", "Fit", "Evaluate", "Predict", "Save", "Check"]
    places = [text.index(f"# {number}. {title}") for number, title in enumerate(titles, 1)]
    assert places == sorted(places)
    assert sum(bool(line.strip()) and not line.startswith("#") for line in text.splitlines()) <= 80
    with pytest.raises(ValueError, match=r"^as must be one of pytorch, keras, notebook, got as = x"):
        write(Recipe("Run #1", RunConfig()), "x")
    assert set(KINDS) == {"pytorch", "keras", "notebook"}


def test_a_rate_set_by_hand_is_a_command_of_the_run(mnist):
    trainer = Trainer(RunConfig(**SHORT), mnist)
    events = trainer.events()
    history = History([next(events), events.send(SetLearningRate(0.5))])
    assert history.plan == [(0, 0.5)]
