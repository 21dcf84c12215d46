"""No sentence repeats more than 100 characters of an input, however long it is."""

import contextlib
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.cli import models
from core.cli.main import main
from core.files import LONGEST_REPEATED, read_ordinary
from core.handwriting.photographs import read_image
from core.hyperparameters import InvalidValue
from core.models.formats import of_name
from core.models.library import Library
from core.surfaces import SURFACES
from core.surfaces.expression import parse
from core.surfaces.own import own_surface
from core.sweep.race import race
from core.training.config import LR, RunConfig
from dashboard import boundary, fields, visitors
from dashboard.views.predictions.gallery import parse_numbers
from dashboard.views.surfaces import settings

LONG = "w" * 100_000
SURFACE = next(iter(SURFACES.values()))

CASES: dict[str, Callable[[], Any]] = {
    "a number": lambda: LR.parse(LONG),
    "a setting": lambda: RunConfig(optimizer=LONG),
    "a field of a config": lambda: RunConfig.from_dict({LONG: 1}),
    "an optimizer's parameter": lambda: RunConfig(optimizer_params={LONG: 1}),
    "an optimizer's parameters": lambda: RunConfig(optimizer_params=LONG),  # type: ignore[arg-type]
    "a knob": lambda: race(RunConfig(), LONG, [1, 2]),
    "a formula's name": lambda: parse(LONG[:290]),
    "a formula": lambda: parse(f"{LONG[:290]} ("),
    "a formula's number": lambda: parse("0x" + "f" * 290),
    "a formula's power": lambda: parse(f"x^{LONG[:290]}"),
    "a formula without a value": lambda: own_surface("log(-1)" + " + 0" * 70, (-1, 1, -1, 1)),
    "a start": lambda: settings.parse_starts(LONG, SURFACE),
    "a start far away": lambda: settings.parse_starts("9" * 300 + ", 1", SURFACE),
    "a domain": lambda: settings.parse_domain(LONG),
    "an optimizer's name": lambda: settings.parse_settings(LONG),
    "a parameter's name": lambda: settings.parse_settings(f"sgd {LONG}=1"),
    "a parameter's value": lambda: settings.parse_settings(f"sgd lr={LONG}"),
    "numbers of digits": lambda: parse_numbers(LONG),
    "a model's name": lambda: Library(Path("none")).model(LONG),
    "a file's name": lambda: of_name(LONG),
    "a path": lambda: read_ordinary(Path("/") / LONG[:5000], 1),
    "a picture's path": lambda: read_image(Path("/") / LONG[:200]),
    "a visitor's name": lambda: visitors.checked_name(LONG),
    "a host": lambda: boundary.host_name(f"{LONG}/"),
    "a model's export": lambda: models.export(Namespace(name=LONG, path=Path("x.npz"))),
}


@pytest.mark.parametrize("case", CASES)
def test_a_sentence_repeats_little_of_a_long_input(case: str) -> None:
    with pytest.raises(ValueError) as refused:
        CASES[case]()
    for sentence in (str(refused.value), fields.explain(refused.value)):
        for letter in "wf90":
            assert letter * (LONGEST_REPEATED + 1) not in sentence
        assert " + 0" * (LONGEST_REPEATED // 4 + 1) not in sentence
        assert len(sentence) < 800


@pytest.mark.parametrize("arguments", [[LONG], ["train", f"--{LONG}"], ["train", LONG], ["train", "--lr", LONG]])
def test_the_terminal_repeats_little_of_one_either(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        main(arguments)
    said = capsys.readouterr().err
    assert 20 < len(said) < 2000
    assert "w" * (LONGEST_REPEATED + 1) not in said


def test_a_value_is_repeated_up_to_the_bound() -> None:
    assert str(InvalidValue("lr", "be small", "w" * 100)).endswith(f"got lr = {'w' * 100}.")
    assert str(InvalidValue("lr", "be small", "w" * 101)).endswith(f"got lr = {'w' * 100}….")
