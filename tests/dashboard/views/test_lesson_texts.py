"""The lessons' files, and what is made of them."""

import re
from dataclasses import replace

import pytest
import torch

from core.analysis.evaluation import evaluate
from core.analysis.findings import guessing
from core.data import Mnist, load
from core.models.checkpoints import load_parameters, pack_parameters
from core.runs.curves import Curves
from core.training.events import EpochDone
from core.training.network import HIDDEN, Network
from core.training.schedules import SCHEDULES
from core.training.trainer import Trainer
from dashboard.views.lessons import MEASURES, Choice, Lesson, Outcome, Prediction, lessons, outcome, read

FILE = """+++
order = 3
title = "T"
question = "Q?"
controls = ["seed"]
[base]
epochs = 1
[[lines]]
name = "a"
lr = 0.1
[[lines]]
name = "b"
[prediction]
ask = "Which?"
measure = "validation_accuracy"
why = "So."
[[prediction.choices]]
text = "the first"
lines = ["a"]
[[prediction.choices]]
text = "the second"
lines = ["b"]
+++
Text with $x$.

## What to look at

- This.
"""


def ended(accuracy: float, loss: float = 0.5) -> Curves:
    return Curves(epochs=[EpochDone(0, 10, loss, 0.9, 0.4, accuracy, 1.0)])


def test_there_are_ten_lessons_in_their_order() -> None:
    assert [lesson.order for lesson in lessons().values()] == list(range(1, 11))


@pytest.mark.parametrize(
    ("key", "knob"),
    [
        ("1-batch", "batch_size"),
        ("2-order", "shuffle"),
        ("3-batch-size", "batch_size"),
        ("4-learning-rate", "lr"),
        ("5-schedules", "schedule"),
        ("6-momentum", "optimizer"),
        ("7-adaptive", "optimizer"),
        ("8-the-network", None),
        ("9-few-images", None),
        ("10-first-weights", None),
    ],
)
def test_what_a_lesson_varies_is_what_is_raced(key: str, knob: str | None) -> None:
    assert lessons()[key].varied == knob


def test_a_file_becomes_a_lesson() -> None:
    lesson = read("t", FILE)
    assert (lesson.title, lesson.text, lesson.look) == ("T", "Text with $x$.", "- This.")
    assert [(name, config.lr, config.epochs) for name, config in lesson.lines.items()] == [
        ("a", 0.1, 1),
        ("b", 1e-3, 1),
    ]
    assert [config.seed for config in lesson.configs(seed=4)] == [4, 4]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("title", "tittle", "The lesson t must have title."),
        ("lr = 0.1", "lr = -1", "The lesson t cannot be read: lr must be a number in (0, 1000], got lr = -1."),
        ("lr = 0.1", "rate = 1", "The lesson t cannot be read: A run config has no field rate; its fields: "),
        ('["seed"]', '["lr"]', "The lesson t cannot be read: controls must be one of epochs, seed, got controls = lr."),
        (
            "controls =",
            'touch = "knob"\ncontrols =',
            "The lesson t cannot be read: touch must be one of batch, order, noise,",
        ),
        ('lines = ["b"]', 'lines = ["c"]', "The lesson t cannot be read: line must be one of a, b, got line = c."),
        ("+++\norder", "order", "The lesson t cannot be read: "),
    ],
)
def test_a_mistake_in_a_file_is_named(old: str, new: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        read("t", FILE.replace(old, new))
    assert str(caught.value).startswith(sentence)


def test_the_outcome_is_the_best_line_or_the_worst() -> None:
    prediction = read("t", FILE).prediction
    assert prediction
    runs = {"a": ended(0.9), "b": ended(0.8)}
    assert outcome(prediction, runs).possible == (0,)
    worst = Prediction("?", "validation_accuracy", prediction.choices, "", worst=True)
    assert outcome(worst, runs).possible == (1,)
    assert outcome(prediction, {"a": Curves(), "b": ended(0.8)}).values == {"b": 0.8}
    least = Prediction("?", "training_loss", prediction.choices, "")
    assert outcome(least, {"a": ended(0.9, loss=0.3), "b": ended(0.9, loss=0.2)}).possible == (1,)


def test_a_run_that_diverged_before_the_end_of_its_first_epoch_is_the_worst() -> None:
    prediction = read("t", FILE).prediction
    assert prediction and prediction.needs == ("a", "b")
    for measure in ("validation_accuracy", "training_loss"):
        ends = {"a": Curves(diverged=3), "b": ended(0.8)}
        asked = replace(prediction, measure=measure)
        assert outcome(asked, ends).possible == (1,)
        assert outcome(replace(asked, worst=True), ends).possible == (0,)
        assert outcome(replace(asked, worst=True), {"a": Curves(), "b": Curves()}).possible == ()
    three = replace(prediction, worst=True, choices=(*prediction.choices, Choice("the third", ("c",))))
    assert outcome(three, {"a": Curves(), "b": ended(0.8), "c": Curves()}).possible == (0, 2)
    apart = replace(prediction, line="a", minus="b", choices=(Choice("any", low=-1, high=1),))
    assert apart.needs == ("a", "b") and outcome(apart, {"a": Curves(), "b": ended(0.8)}).possible == ()


def test_the_outcome_is_the_range_that_a_line_or_a_difference_falls_into() -> None:
    choices = (Choice("low", low=0.0, high=0.5), Choice("high", low=0.5, high=1.0))
    assert outcome(Prediction("?", "training_loss", choices, "", line="a"), {"a": ended(0.9, loss=0.5)}).possible == (
        1,
    )
    apart = Prediction("?", "validation_accuracy", choices, "", line="a", minus="b")
    assert outcome(apart, {"a": ended(0.9), "b": ended(0.8)}).possible == (0,)
    assert outcome(apart, {"a": ended(0.9), "b": Curves()}).possible == ()


def test_a_guess_is_judged_only_beyond_the_spread_of_seeds() -> None:
    prediction = read("t", FILE).prediction
    assert prediction and MEASURES[prediction.measure].spread == 0.003
    clear, close = {"a": ended(0.9), "b": ended(0.896)}, {"a": ended(0.9), "b": ended(0.898)}
    assert outcome(prediction, clear) == Outcome({"a": 0.9, "b": 0.896}, (0,))
    assert outcome(prediction, close) == Outcome({"a": 0.9, "b": 0.898}, (0, 1))
    # A lesson whose seeds make more difference says so itself.
    assert outcome(replace(prediction, spread=0.05), clear).possible == (0, 1)
    assert read("t", FILE.replace("ask =", "spread = 0.02\nask =")).prediction == replace(prediction, spread=0.02)
    # Lines of one choice need not be apart from each other.
    together = replace(prediction, choices=(Choice("both", ("a", "b")), Choice("none", ())))
    assert outcome(together, close).possible == (0,)
    ranges = replace(
        prediction, line="a", choices=(Choice("low", low=0.0, high=0.5), Choice("high", low=0.5, high=1.0))
    )
    assert outcome(ranges, {"a": ended(0.504)}) == Outcome({"a": 0.504}, (1,))
    assert outcome(ranges, {"a": ended(0.502)}) == Outcome({"a": 0.502}, (1, 0))
    assert outcome(ranges, {"a": ended(0.999)}).possible == (1,)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "possible"),
    [
        ("1-batch", {"Stochastic: it takes by far the most steps"}),
        ("2-order", {"Hardly more than by guessing"}),
        ("3-batch-size", {"8 to 32"}),
        ("4-learning-rate", {"It learns nothing"}),
        # Their order changes with the seed; the constant rate is none of them.
        ("5-schedules", {"Decaying: fast first, then fine", "Cyclic: up and down", "Adaptive: it reacts to the loss"}),
        ("6-momentum", {"Within a point of it"}),
        ("7-adaptive", {"SGD"}),
        ("9-few-images", {"Weight decay: small weights cannot learn by heart"}),
        ("10-first-weights", {"Hardly more than by guessing"}),
    ],
)
def test_a_lesson_comes_out_as_its_text_says(key: str, possible: set[str], mnist: Mnist) -> None:
    lesson = lessons()[key]
    assert lesson.prediction
    ends = {}
    for name, config in lesson.lines.items():
        events = list(Trainer(config, mnist).events())
        ends[name] = Curves(epochs=[event for event in events if isinstance(event, EpochDone)])
    found = outcome(lesson.prediction, ends).possible
    assert found and {lesson.prediction.choices[place].text for place in found} <= possible


@pytest.mark.slow
def test_what_the_lesson_on_wrong_labels_says_of_learning_by_heart(mnist: Mnist) -> None:
    lines = lessons()["9-few-images"].lines
    learnt, losses, reads = {}, {}, {}
    for name, config in lines.items():
        trainer = Trainer(config, mnist)
        epochs = [event for event in trainer.events() if isinstance(event, EpochDone)]
        digits, (true, _) = config.split(mnist)[0], replace(config, label_noise=0.0).split(mnist)
        wrong = digits.labels != true.labels
        answers = evaluate(trainer.network, digits).predictions
        # Of the wrong labels, the share that the network gives back.
        learnt[name] = float((answers == digits.labels)[wrong].double().mean())
        losses[name] = epochs[-1].train_loss
        reads[name] = [float(epoch.validation_accuracy or 0) for epoch in epochs]
    nothing, decay, smooth, stop = lines
    entropy = guessing(lines[nothing], 0)
    assert learnt[nothing] > 0.8 < learnt[smooth] and learnt[decay] < 0.1 and learnt[stop] < 0.5
    assert losses[nothing] < 0.5 * entropy and abs(losses[decay] - entropy) < 0.05 * entropy
    rises, most = reads[nothing], max(reads[nothing])
    assert 0 < rises.index(most) < 20 and rises[0] < most - 0.05 and rises[-1] < most - 0.05
    assert len(reads[stop]) < len(rises) == 40


@pytest.mark.slow
def test_with_ten_times_as_many_images_and_early_stopping_the_network_reads_far_more(mnist: Mnist) -> None:
    few = lessons()["9-few-images"].lines["Early stopping: 2 epochs"]
    reads = {}
    for config in (few, replace(few, train_images=10 * few.train_images)):
        *_, last = (event for event in Trainer(config, mnist).events() if isinstance(event, EpochDone))
        reads[config.train_images] = last.validation_accuracy or 0
    assert reads[20_000] - reads[2_000] > 0.05


def test_what_the_lesson_on_first_weights_says_of_their_ranges() -> None:
    glorot, he = Network(0, "glorot"), Network(0, "he")
    for place in (0, 2):
        ratio = float(he[place].weight.detach().abs().max() / glorot[place].weight.detach().abs().max())
        assert 1 < ratio < 1.1, "less than a tenth"


def test_units_that_start_alike_stay_alike(mnist: Mnist) -> None:
    network, digits = Network(0), mnist.train[:64]
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.01)
    for _ in range(5):
        network.zero_grad()
        torch.nn.functional.cross_entropy(network(digits.images.float() / 255), digits.labels).backward()
        for parameter in network.parameters():
            assert parameter.grad is not None
            parameter.data -= 0.1 * parameter.grad
    rows = network[0].weight
    assert rows.std(0).max() < 1e-6 < (rows - 0.01).abs().max()


def test_every_choice_of_every_lesson_can_come_true() -> None:
    for lesson in lessons().values():
        for choice in lesson.prediction.choices if lesson.prediction else ():
            assert choice.lines or choice.low < choice.high, lesson.key


def texts(lesson: Lesson) -> list[str]:
    """All Markdown of a lesson, each as the page draws it."""
    prediction, steps = lesson.prediction, [part for step in lesson.steps for part in (step.title, step.text)]
    asked = [prediction.ask, prediction.why, *(choice.text for choice in prediction.choices)] if prediction else []
    return [lesson.title, lesson.question, lesson.text, lesson.look, *asked, *steps]


def faults(text: str) -> list[str]:
    """Dollar signs that Markdown would not take for the ends of a formula."""
    found = []
    lines = text.splitlines()
    for line in lines:
        # A line that only begins a formula opens a block, which ends at a line with two dollar signs and nothing else.
        if line.lstrip().startswith("$$") and line.strip() != "$$" and line.count("$$") % 2:
            found.append(line)
    if [line.strip() for line in lines].count("$$") % 2:
        found.append("$$")
    formula = r"(?<!\\)(\${1,2})(?!\s)([^$]+?)(?<!\s)\1"
    rest = re.sub(r"(?m)^\s*\$\$\n.*?\n\s*\$\$$", "", text, flags=re.DOTALL)
    found += [body for _, body in re.findall(formula, rest) if body.count("{") != body.count("}")]
    return found + re.findall(r"(?<!\\)\$.{0,20}", re.sub(formula, "", rest))


@pytest.mark.parametrize("key", lessons())
def test_every_formula_of_a_lesson_is_one(key: str) -> None:
    assert [fault for text in texts(lessons()[key]) for fault in faults(text)] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (r"$a$ and $$\frac{1}{2}$$, for \$5", False),
        ("$$\na\n$$", False),
        # What made lesson 5 red: a formula on two lines that begins on the line of its dollar signs.
        ("$$a \\qquad\nb$$\n\nText with $c$.", True),
        ("It costs $5.", True),
        (r"$\frac{1}{2$", True),
        ("$$\na", True),
    ],
)
def test_a_fault_of_a_formula_is_found(text: str, wrong: bool) -> None:
    assert bool(faults(text)) == wrong


def numbers(key: str) -> set[float]:
    """Return the numbers that a lesson's text may name, from its settings, the data and the network."""
    lesson = lessons()[key]
    lines, spans = lesson.lines, {config.span.steps for config in lesson.lines.values()}
    rates = {config.lr for config in lines.values()}
    match key:
        case "1-batch":
            # 0 is the end of the slider.
            return spans | {config.images_per_step for config in lines.values()} | {0}
        case "2-order":
            sorted_run = lines["Sorted by digit"]
            labels = load().train.labels[: sorted_run.images_per_epoch]
            return {int((labels == 9).sum()) // sorted_run.images_per_step}
        case "3-batch-size":
            # "Nothing breaks with 100": a size that is none of the lines'.
            return {config.images_per_step for config in lines.values()} | {100}
        case "5-schedules":
            low = next(h for h in SCHEDULES["cyclic"].hyperparameters if h.name == "low")
            assert low.default == 0.1, "the text says a tenth"
            return rates
        case "6-momentum":
            spec = lines["Momentum, rate 0.03"].optimizer_spec
            momentum = next(h.default for h in spec.hyperparameters if h.name == "momentum")
            return rates | {momentum, round(1 / (1 - momentum)), 1}
        case "9-few-images":
            noisy = lines["Nothing against it"]
            wrong = round(noisy.label_noise * noisy.train_images)
            stops = lines["Early stopping: 2 epochs"].patience
            return {noisy.train_images, wrong, stops, round(guessing(noisy, 0), 2), 3, 0.3}
        case "10-first-weights":
            return {HIDDEN, 0}
        case "8-the-network":
            (config,) = lines.values()
            network = Network()
            sizes = {size for parameter in network.parameters() for size in parameter.shape}
            file = len(pack_parameters(network, {"config": config.to_dict(), "run": "abc", "test_accuracy": 0.9732}))
            parameters = sum(parameter.numel() for parameter in network.parameters())
            # "Between 1,000 and 2,000 bytes", "97 in 100".
            assert 1000 < file - 4 * parameters < 2000
            data = {config.images_per_epoch, config.images_per_step, len(load().test)}
            return spans | sizes | data | {parameters, 1000, 2000, 97, 100}
    return rates


@pytest.mark.parametrize("key", lessons())
def test_every_number_in_a_lessons_text_is_computed(key: str) -> None:
    words = re.sub(r"\$\$?.+?\$\$?", "", " ".join(texts(lessons()[key])), flags=re.DOTALL)
    found = {float(number.replace(",", "")) for number in re.findall(r"\d[\d,.]*\d|\d", words)}
    years = {number for number in found if 1900 < number < 2100 and number not in (2000,)}
    assert found - years <= numbers(key)
    assert not re.search(r"(few|some|several) (dozen|hundred|thousand)", words), "a number that nothing computes"


def test_the_code_of_the_last_lesson_runs(tmp_path, monkeypatch, capsys) -> None:
    """Code as the page shows it, with one epoch."""
    monkeypatch.chdir(tmp_path)
    steps = lessons()["8-the-network"].steps
    code = "\n".join(step.core for step in steps).replace("epochs=5", "epochs=1")
    names: dict = {}
    exec(code, names)
    network, _ = load_parameters(tmp_path / "digits.safetensors")
    assert evaluate(network, load().test).accuracy == names["result"].accuracy > 0.93
    assert "tensor([7, 2, 1, 0])" in capsys.readouterr().out
    assert "model.save_weights" in steps[-1].keras, "the lab's file has the parameters only, as Keras's save_weights"
    for step in steps:
        compile(step.keras, step.title, "exec")


def test_no_lesson_says_left_or_right_of_what_is_below_each_other_on_a_phone() -> None:
    for lesson in lessons().values():
        for text in (lesson.text, lesson.look):
            assert not re.search(r"\bon the (left|right)\b|\b(left|right) side\b", text)
