"""Pictures of the Predictions page as HTML: figures, digits, scores, one digit in detail, weights."""

from collections.abc import Iterable, Sequence
from html import escape
from math import isnan

import torch
from torch import Tensor

from core.analysis.attribution import Attribution
from core.analysis.comparison import PairedHits
from core.analysis.evaluation import ClassScores
from core.analysis.hidden import Units
from core.analysis.report import Report
from core.analysis.signed_image import QUANTILE
from core.data import CLASSES, Digits
from dashboard.pictures import digit_url, signed_url
from dashboard.sources import Source
from dashboard.words import in_words, interval, loss, percent

#: Full colour of the pixels' contributions, as a share of the largest: most are far below it.
FULL_PIXEL = 0.6


def overview(report: Report, loss_name: str) -> str:
    """Return the main figures in a row."""
    figures = (
        ("Test accuracy", percent(report.evaluation.accuracy)),
        ("95% interval, Wilson's", interval(*report.interval)),
        ("Mistakes of 10,000", f"{report.mistakes:,}"),
        (f"Test loss, {in_words('loss', loss_name)}", loss(report.evaluation.loss)),
        ("Expected calibration error", percent(report.calibration.error)),
    )
    cells = "".join(f'<div><span class="quiet">{name}</span><b>{value}</b></div>' for name, value in figures)
    return f'<div class="figures">{cells}</div>'


def gallery(digits: Digits, numbers: Sequence[int], answers: Sequence[Tensor], size: int) -> str:
    """Digits to click on; below each its true class and the prediction of each network, wrong ones marked.

    Args:
        digits: those that ``numbers`` count into.
        answers: one or two networks' (n,) answers to all of them.
        size: the narrowest that a digit is drawn, in CSS pixels.
    """
    cells = "".join(_digit(digits, number, [int(answer[number]) for answer in answers]) for number in numbers)
    return f'<div class="digits" style="--size: {size}px">{cells}</div>'


def _digit(digits: Digits, number: int, answers: list[int]) -> str:
    label = int(digits.labels[number])
    predicted = " / ".join(f"<b>{answer}</b>" if answer != label else str(answer) for answer in answers)
    taken = " and ".join(map(str, answers))
    title = f"Test digit {number}: a {label}, taken for {taken}"
    kind = "right" if label in answers else "wrong"
    return (
        f'<button class="digit {kind}" data-value="{number}" title="{title}">'
        f'<img src="{digit_url(digits.images[number])}" alt="">'
        f'<span class="label">{label} → {predicted}</span></button>'
    )


def neighbours(digits: Digits, numbers: Sequence[int], distances: Sequence[float]) -> str:
    """Training digits with their classes and distances, nearest first."""
    cells = (
        f'<div class="digit"><img src="{digit_url(digits.images[number])}" alt="training digit {number}: a {label}">'
        f'<span class="label">{label} · {distance:.2f}</span></div>'
        for number, label, distance in zip(numbers, digits.labels[numbers].tolist(), distances, strict=True)
    )
    return f'<div class="digits ten">{"".join(cells)}</div>'


def scores(classes: ClassScores, matrix: Tensor) -> str:
    """Precision, recall and F1, one column per class."""
    rows = (
        ("Precision", "Of the digits taken for this class, the percentage that are", classes.precision),
        ("Recall", "Of this class's digits, the percentage that were predicted as it", classes.recall),
        ("F1", "The harmonic mean of precision and recall", classes.f1),
    )
    head = "".join(f'<th scope="col">{label}</th>' for label in range(CLASSES))
    body = "".join(
        f'<tr><th scope="row" title="{escape(help)}">{name}</th>{"".join(map(_percent_cell, values))}</tr>'
        for name, help, values in rows
    )
    counts = "".join(f"<td>{int(count)}</td>" for count in matrix.sum(1))
    return (
        '<table class="scores classes"><caption class="quiet">percent, by class</caption>'
        f"<thead><tr><th></th>{head}</tr></thead>"
        f'<tbody>{body}<tr><th scope="row">Digits</th>{counts}</tr></tbody></table>'
    )


def comparison(sources: Sequence[Source], reports: Sequence[Report], hits: PairedHits) -> str:
    """Two networks' figures, one row each."""
    alike = sources[0].loss == sources[1].loss
    names = ("First", "Second")
    rows = "".join(
        f"<tr><td><b>{name}</b> {escape(source.label)}</td><td>{percent(report.evaluation.accuracy)}</td>"
        f"<td>{interval(*report.interval)}</td>"
        f"<td>{loss(report.evaluation.loss)}{'' if alike else ' ' + in_words('loss', source.loss)}</td>"
        f"<td>{report.mistakes:,}</td><td>{only:,}</td></tr>"
        for name, source, report, only in zip(names, sources, reports, (hits.only_first, hits.only_second), strict=True)
    )
    head = (
        "<tr><th>Network</th><th>Accuracy</th><th>95% interval</th><th>Loss</th><th>Mistakes</th>"
        "<th>Only this one right</th></tr>"
    )
    return f'<div class="scroll"><table class="scores"><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _percent_cell(share: Tensor) -> str:
    return "<td>-</td>" if isnan(share) else f"<td>{100 * float(share):.1f}</td>"


def one_digit(image: Tensor, attribution: Attribution, near: str) -> str:
    """Return a digit in detail; ``near`` is the HTML of the nearest training digits."""
    return f"""<div class="one">
<div><h5>What the network sees</h5><img class="big" src="{digit_url(image)}" alt="the digit, 28 x 28 pixels"></div>
<div><h5>Probability and logit</h5>{_bars(attribution)}</div>
<div><h5>What each pixel adds</h5>
<img class="big" style="background: var(--st-secondary-background-color)" alt="gradient times input"
 src="{signed_url(attribution.pixels, FULL_PIXEL * float(attribution.pixels.abs().max()))}"></div>
<p class="wide key quiet"><i class="for"></i> for {attribution.answer}, <i class="against"></i> for the runner-up,
{attribution.runner_up}. Gradient times input: the pixels add {float(attribution.pixels.sum()):+.2f} and the biases
{attribution.biases:+.2f}, together the {attribution.lead:.2f} by which the logit of {attribution.answer} leads.</p>
<div class="wide"><h5>The 128 hidden units: {int((attribution.hidden > 0).sum())} are active</h5>{_units(attribution)}
<p class="quiet">Height: the activation. Colour: which of the two answers the unit speaks for.</p></div>
<div class="wide"><h5>Nearest training digits</h5>{near}
<p class="quiet">By Euclidean distance between the 128 activations: the true class, and how far.</p></div>
</div>"""


def _bars(attribution: Attribution) -> str:
    kinds = {attribution.answer: "answer", attribution.runner_up: "second"}
    rows = (
        f'<b>{label}</b><span class="bar {kinds.get(label, "")}"><i style="width: {100 * float(probability):.2f}%"></i>'
        f'</span><span class="number">{percent(float(probability))}</span>'
        f'<span class="number quiet">{float(logit):+.2f}</span>'
        for label, (probability, logit) in enumerate(zip(attribution.probabilities, attribution.logits, strict=True))
    )
    return f'<div class="bars">{"".join(rows)}</div>'


def _units(attribution: Attribution) -> str:
    most = float(attribution.hidden.max()) or 1.0
    bars = (
        f'<span title="unit {unit}: {float(value):.2f}"><i class="{"for" if push >= 0 else "against"}" '
        f'style="height: {100 * float(value) / most:.1f}%"></i></span>'
        for unit, (value, push) in enumerate(zip(attribution.hidden, attribution.units, strict=True))
    )
    return f'<div class="units" role="img" aria-label="activations of the hidden units">{"".join(bars)}</div>'


def weights(units: Units, order: Iterable[int], same_scale: bool) -> str:
    """Return the first layer's weights in an order, one image per unit; dead ones marked."""
    most = units.weights.abs().quantile(QUANTILE, dim=1)
    if same_scale:
        most = most.max().expand_as(most)
    cells = []
    for unit in order:
        dead = bool(units.dead[unit])
        title = f"Unit {unit}: norm {float(units.norms[unit]):.2f}, votes for {int(units.votes[unit])}, " + (
            "never active on the test digits"
            if dead
            else f"active on {100 * float(units.activity[unit]):.0f}% of the test digits"
        )
        label = "<b>dead</b>" if dead else f"→ {int(units.votes[unit])}"
        cells.append(
            f'<div class="digit{" dead" if dead else ""}" title="{title}">'
            f'<img src="{signed_url(units.weights[unit], float(most[unit]))}" alt="">'
            f'<span class="label">{label} · {float(units.norms[unit]):.2f}</span></div>'
        )
    return f'<div class="digits weights" style="--size: 74px">{"".join(cells)}</div>'


def templates(units: Units) -> str:
    """Template of each class."""
    cells = (
        f'<div class="digit"><img src="{signed_url(template, float(template.abs().quantile(QUANTILE)))}"'
        f' alt="template of {label}"><span class="label">{label}</span></div>'
        for label, template in enumerate(torch.nan_to_num(units.templates))
    )
    return f'<div class="digits weights ten">{"".join(cells)}</div>'
