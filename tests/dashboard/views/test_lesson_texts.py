"""The lessons' files, and what is made of them."""

import re

import pytest

from core.analysis.evaluation import evaluate
from core.data import load
from core.models.checkpoints import load_parameters
from core.runs.curves import Curves
from core.training.events import EpochDone
from dashboard.views.lessons import Choice, Prediction, lessons, outcome, read

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


def test_there_are_eight_lessons_in_their_order() -> None:
    assert [lesson.order for lesson in lessons().values()] == list(range(1, 9))


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
    assert outcome(prediction, runs).right == 0
    worst = Prediction("?", "validation_accuracy", prediction.choices, "", worst=True)
    assert outcome(worst, runs).right == 1
    assert outcome(prediction, {"a": Curves(), "b": ended(0.8)}).values == {"b": 0.8}
    least = Prediction("?", "training_loss", prediction.choices, "")
    assert outcome(least, {"a": ended(0.9, loss=0.3), "b": ended(0.9, loss=0.2)}).right == 1


def test_the_outcome_is_the_range_that_a_line_or_a_difference_falls_into() -> None:
    choices = (Choice("low", low=0.0, high=0.5), Choice("high", low=0.5, high=1.0))
    assert outcome(Prediction("?", "validation_accuracy", choices, "", line="a"), {"a": ended(0.5)}).right == 1
    apart = Prediction("?", "validation_accuracy", choices, "", line="a", minus="b")
    assert outcome(apart, {"a": ended(0.9), "b": ended(0.8)}).right == 0
    assert outcome(apart, {"a": ended(0.9), "b": Curves()}).right is None


def test_every_choice_of_every_lesson_can_come_true() -> None:
    for lesson in lessons().values():
        for choice in lesson.prediction.choices if lesson.prediction else ():
            assert choice.lines or choice.low < choice.high, lesson.key


def test_every_formula_is_closed() -> None:
    for lesson in lessons().values():
        text = lesson.text + lesson.look + "".join(step.text for step in lesson.steps)
        assert text.count("$") % 2 == 0, lesson.key
        for formula in re.findall(r"\$\$?(.+?)\$\$?", text, flags=re.DOTALL):
            assert formula.count("{") == formula.count("}"), lesson.key


def test_the_code_of_the_last_lesson_runs(tmp_path, monkeypatch, capsys) -> None:
    """What stands on the page is what works: in one epoch here."""
    monkeypatch.chdir(tmp_path)
    steps = lessons()["8-the-network"].steps
    code = "\n".join(step.core for step in steps).replace("epochs=5", "epochs=1")
    names: dict = {}
    exec(code, names)
    network, _ = load_parameters(tmp_path / "digits.safetensors")
    assert evaluate(network, load().test).accuracy == names["result"].accuracy > 0.93
    assert "tensor([7, 2, 1, 0])" in capsys.readouterr().out
    for step in steps:
        compile(step.keras, step.title, "exec")
