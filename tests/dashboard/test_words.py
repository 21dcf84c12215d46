import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.optimizers import OPTIMIZERS
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import words

ROOT = Path(__file__).resolve().parents[2]
TEXTS = json.loads((ROOT / "tests" / "fixtures" / "words.json").read_text())


def _run(config: RunConfig, name: str = "", **more: Any) -> Run:
    return replace(Run("id", 12, name, config, 0.0, "finished", "", None, None, None), **more)


@pytest.mark.parametrize(
    ("write", "cases"),
    [
        (words.percent, "percent"),
        (words.loss, "loss"),
        (words.duration, "duration"),
        (words.counted, "counted"),
        (words.ending, "ending"),
    ],
)
def test_figures_read_as_in_the_browser(write: Callable[..., str], cases: str) -> None:
    for *values, text in TEXTS[cases]:
        assert write(*values) == text


def test_a_figure_that_is_not_finite_is_a_dash() -> None:
    assert words.percent(float("nan")) == words.loss(float("inf")) == words.duration(float("nan")) == words.UNKNOWN


def test_a_probability_is_never_rounded_to_certainty() -> None:
    texts = [words.probability(value) for value in (0, 0.0004, 0.0005, 0.1234, 0.9994, 0.9995, 1)]
    assert texts == ["< 0.1%", "< 0.1%", "0.1%", "12.3%", "99.9%", "> 99.9%", "> 99.9%"]


def test_an_interval_has_one_unit() -> None:
    assert words.interval(0.97, 0.97613) == "97.00 to 97.61%"


def test_a_size_has_the_unit_that_fits() -> None:
    assert [words.size(count) for count in (408_000, 999_999, 1_630_000)] == ["408 kB", "1000 kB", "1.6 MB"]


def test_a_time_is_the_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 7, 23, 30, 9, tzinfo=UTC).timestamp()
    monkeypatch.setattr(words.st, "context", SimpleNamespace(timezone_offset=-60))
    assert (words.date_time(at), words.clock_time(at)) == ("8 Nov 2026, 00:30", "00:30:09")
    assert words.date_time(None) == words.clock_time(None) == "earlier"


def test_a_config_and_a_run_in_one_line() -> None:
    cosine = RunConfig(schedule="cosine", lr=1e-4)
    assert words.config_line(RunConfig()) == "Adam · rate 0.001 · batch 64"
    assert words.config_line(cosine) == "Adam · rate 0.0001 · batch 64 · Cosine"
    assert words.config_in_full(cosine) == "Adam · rate 0.0001 · batch 64 · 5 epochs · Cosine"
    assert words.config_in_full(RunConfig(seed=3), optimizer=False) == "rate 0.001 · batch 64 · 5 epochs · seed 3"
    assert (words.run_title(_run(cosine)), words.run_title(_run(cosine, "mine"))) == ("#12 Adam", "#12 mine")
    assert words.run_line(_run(cosine)) == "#12 Adam · rate 0.0001 · batch 64 · Cosine"
    assert words.run_line(_run(cosine, "mine")) == "#12 mine"
    assert words.run_choice(_run(cosine, "mine", test_accuracy=0.97)) == "#12 mine · 97.00%"


def test_the_data_and_the_first_weights_in_words() -> None:
    few = RunConfig(train_images=1000, label_noise=0.2, initialization="he")
    assert words.config_in_full(few) == (
        "Adam · rate 0.001 · batch 64 · 5 epochs · 1,000 training images · label noise 0.2 · first weights: He"
    )
    assert words.differences([replace(few, label_noise=0.0, initialization="glorot"), RunConfig()]) == [
        "1,000 training images",
        "all images",
    ]
    assert (words.in_words("train_images", 0), words.in_words("train_images", 500)) == ("all", "500")
    assert words.in_words("initialization", "small") == "small"


def test_stacked_breaks_between_equations_only() -> None:
    assert words.stacked(r"a = 1, \qquad b = 2") == r"\begin{gathered}a = 1 \\[0.4em] b = 2\end{gathered}"
    for spec in OPTIMIZERS.values():
        for line in words.stacked(spec.formula).split(r" \\[0.4em] "):
            line = line.replace(r"\begin{gathered}", "").replace(r"\end{gathered}", "")
            assert line.count("{") == line.count("}"), spec.label


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("![i](http://a.example)", r"\!\[i\]\(http\::small[]\/\/a\.example\)"),
        ("www.a.example", r"www:small[]\.a\.example"),
        ("a@b.example", r"a:small[]\@b\.example"),
        (":smile: :material/home:", r"\::small[]smile\: \::small[]material\/home\:"),
        ("at 12:100:5", r"at 12\::small[]100\:5"),
        ("0.1 -> 0.01", r"0\.1 \-:small[]\> 0\.01"),
        ("a <-> b", r"a \<:small[]\-:small[]\> b"),
        ("a <= b >= c ~= d <- e -- f", r"a \<:small[]\= b \>:small[]\= c \~:small[]\= d \<:small[]\- e \-:small[]\- f"),
        ("a - b > c = d", r"a \- b \> c \= d"),
        ("12:30, rate: 0.1, #1_2", r"12\:30\, rate\: 0\.1\, \#1\_2"),
    ],
)
def test_literal_text_is_neither_markup_nor_a_link_nor_an_emoji_nor_typography(text: str, markdown: str) -> None:
    assert words.literal(text) == markdown


def test_a_run_that_learned_nothing_has_no_green_badge() -> None:
    nothing, stalled = _run(RunConfig(), test_accuracy=0.0956), _run(RunConfig(), state="running", stalled=True)
    assert (words.state(nothing), words.state_color(nothing)) == ("finished, only guesses", "orange")
    assert words.state_color(_run(RunConfig(), test_accuracy=0.97)) == "green"
    assert (words.state(stalled), words.state_color(stalled)) == ("stalled", "orange")


def test_a_config_in_full_leaves_out_no_setting_that_is_not_usual() -> None:
    config = RunConfig(patience=3, warmup_steps=7, epochs=20)
    assert words.config_in_full(config).endswith("· 20 epochs · warmup steps 7 · early-stopping patience 3")
    left = {*words._ALWAYS, *words._IF_CHANGED, "optimizer"}
    assert left == {field.name for field in fields(RunConfig)}
