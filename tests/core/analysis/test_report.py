import pytest
import torch

from core.analysis.evaluation import evaluate, wilson_interval
from core.analysis.report import report, summary
from core.data import Digits


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


def test_a_summary_counts_the_mistakes_and_names_the_most_frequent(mnist, trained):
    digits = mnist.test
    found = report(trained, digits)
    pairs = list(zip(found.evaluation.predictions.tolist(), digits.labels.tolist(), strict=True))
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    said, label = (int(word) for word in summary(found).removesuffix(".").split("most often ")[1].split(" for "))
    assert wrong.count((said, label)) == max(map(wrong.count, set(wrong)))
    share = f"{100 - len(wrong) / 100:.2f}%: {len(wrong):,} of 10,000 wrong, most often "
    assert summary(found).startswith(share)
    assert summary(found, "From guessing to ").startswith(f"From guessing to {share}")
    right = found.hits.nonzero().flatten()[:50]
    assert summary(report(trained, Digits(digits.images[right], digits.labels[right]))) == "100.00%: none of 50 wrong."
