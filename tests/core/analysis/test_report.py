import pytest
import torch

from core.analysis.evaluation import evaluate, wilson_interval
from core.analysis.report import report


def test_the_figures_are_of_the_same_answers(mnist, trained):
    digits = mnist.test[:3_000]
    found, plain = report(trained, digits), evaluate(trained, digits)
    assert torch.equal(found.evaluation.probabilities, plain.probabilities)
    assert found.mistakes == int(found.confusion.sum() - found.confusion.trace()) > 0
    assert found.interval == wilson_interval(3_000 - found.mistakes, 3_000)
    assert found.interval[0] < plain.accuracy < found.interval[1]
    assert float(found.scores.recall[4]) == pytest.approx(int(found.confusion[4, 4]) / int(found.confusion[4].sum()))
    assert int(found.calibration.counts.sum()) == 3_000
    assert int(found.refusal.answered[0]) == 3_000 and int(found.refusal.hits[0]) == 3_000 - found.mistakes
    assert found.refusal.accuracy[50] > found.refusal.accuracy[0]
