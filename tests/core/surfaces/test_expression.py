import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.paths import ROOT
from core.surfaces.expression import LONGEST, parse
from core.surfaces.own import own_surface

X, Y = np.array([0.3, 1.7, 2.0]), np.array([0.9, 0.4, 1.1])


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("x", lambda x, y: x + 0 * y),
        ("3", lambda x, y: 3 + 0 * x * y),
        ("-x^2 + y", lambda x, y: -(x**2) + y),
        ("2 - 3*x/y", lambda x, y: 2 - 3 * x / y),
        ("(x+y)^-2", lambda x, y: (x + y) ** -2),
        ("x**5 * y^0.5", lambda x, y: x**5 * y**0.5),
        ("x^0 + x^1", lambda x, y: 1 + x),
        ("x^(-1/2) + y^(2+1)", lambda x, y: x**-0.5 + y**3),
        ("(x-y)^(98/49) + x^sqrt(4)", lambda x, y: (x - y) ** 2 + x**2),
        ("x^-pi + y^(2^-1 + e)", lambda x, y: x**-torch.pi + y ** (0.5 + np.e)),
        ("x/49 - 3/(x*y)", lambda x, y: x / 49 - 3 / (x * y)),
        ("sin(x*y) + cos(x) - tan(y/3)", lambda x, y: torch.sin(x * y) + torch.cos(x) - torch.tan(y / 3)),
        ("exp(-x) * log(y + 1)", lambda x, y: torch.exp(-x) * torch.log(y + 1)),
        ("sqrt(x^2+y^2) + abs(x-y) + tanh(y)", lambda x, y: torch.hypot(x, y) + (x - y).abs() + torch.tanh(y)),
        ("pi*x + e*y", lambda x, y: torch.pi * x + np.e * y),
    ],
)
def test_value_and_gradient_are_those_of_autograd(text, reference):
    x, y = (torch.tensor(part, requires_grad=True) for part in (X, Y))
    value = reference(x, y)
    gx, gy = torch.autograd.grad(value.sum(), (x, y), allow_unused=True)
    expected = [value.detach(), *(torch.zeros(3) if g is None else g for g in (gx, gy))]
    for got, want in zip(parse(text).evaluate(X, Y), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "attack",
    [
        "__import__('os').system('true')",
        "x.__class__",
        "().__class__.__bases__[0]",
        "[x for x in (1,2)]",
        "lambda: x",
        "x if y else 1",
        "x < y",
        "x and y",
        "'x' * 9",
        "f'{x}'",
        "(z := x)",
        "z",
        "open(x)",
        "exp",
        "exp(x, y)",
        "exp(*x)",
        "exp(x=y)",
        "True",
        "1j",
        "x // y",
        "x % y",
        "x @ y",
        "~x",
        "x[0]",
        "{x}",
        "...",
    ],
)
def test_anything_else_is_refused_in_one_sentence(attack):
    with pytest.raises(ValueError, match=r"^formula may (hold|raise) only .*, got .*\.$"):
        parse(attack)


@pytest.mark.parametrize(
    "attack", ["9^9^9^9", "x^99999", "x^y", "2^x", "x^-13", "x^(6*2+1)", "x^(1/0)", "x^(0/0)", "x^(x-x)", "x^exp(999)"]
)
def test_powers_are_bounded(attack):
    with pytest.raises(ValueError, match="may raise only to a number between -12 and 12"):
        parse(attack)


@pytest.mark.parametrize("broken", ["2x", "x +", "(x", "x; y", "x = 1", "x\0", "import os", "def f(): pass", "(" * 250])
def test_what_is_no_expression_is_refused(broken):
    with pytest.raises(ValueError, match="must be one expression in x and y"):
        parse(broken)


def test_length_and_depth_are_bounded():
    with pytest.raises(ValueError, match="at most 300 characters, got 301"):
        parse("x" * 301)
    with pytest.raises(ValueError, match="nested at most 40 deep"):
        parse("-" * 60 + "x")
    with pytest.raises(ValueError, match="must not be empty"):
        parse("  ")


def test_outside_its_domain_a_formula_is_nan_without_a_warning():
    value, gx, _ = parse("log(x) + 1/y").evaluate(np.array([-1.0, 1.0]), np.array([1.0, 0.0]))
    assert np.isnan(value[0])
    assert np.isnan(gx[0]) or np.isfinite(gx[0])
    assert not np.isfinite(value[1])


@pytest.mark.parametrize("text", ["sqrt(x^2+y^2)", "(x^2+y^2)^0.5", "(x^2+y^2)^0.1", "(x^2+y^2)^1.5"])
def test_the_gradient_at_a_cusp_is_zero(text):
    value, gx, gy = parse(text).evaluate(np.zeros(1), np.zeros(1))
    assert (value[0], gx[0], gy[0]) == (0.0, 0.0, 0.0)


def test_a_power_of_zero_has_the_value_that_it_has():
    value, gx, _ = parse("x^-0.5").evaluate(np.zeros(1), np.zeros(1))
    assert value[0] == np.inf and gx[0] == -np.inf
    value, gx, _ = parse("x^0").evaluate(np.zeros(1), np.zeros(1))
    assert (value[0], gx[0]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("calculated", "number"),
    [("x^(1/2)", "x^0.5"), ("x^(-1/2)", "x^-0.5"), ("x^(1-2)", "x^-1"), ("x^(98/49)", "x^2"), ("x^(5*3-15)", "x^0")],
)
def test_a_calculated_exponent_is_that_number_outside_the_domain_too(calculated, number):
    x = np.array([-2.0, -0.0, 0.0, 1e-300, 3.0])
    for got, want in zip(parse(calculated).evaluate(x, x), parse(number).evaluate(x, x), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("1-(-2)", r"1 - \left(-2\right)"),
        ("1+(-2)", r"1 + \left(-2\right)"),
        ("-(-2)", r"-\left(-2\right)"),
        ("-(-2*x)", r"-\left(-2\,x\right)"),
        ("-(+(-x))", r"-\left(-x\right)"),
        ("x-(-2*y)", r"x - \left(-2\,y\right)"),
        ("x+(-y+1)", r"x + \left(-y + 1\right)"),
        ("x+(-2)^2-(-2)/y", r"x + \left(-2\right)^{2} - \frac{-2}{y}"),
        ("x^(-1/2)", r"x^{\frac{-1}{2}}"),
        ("(1-x)^2 + 100*(y-x^2)^2", r"\left(1 - x\right)^{2} + 100\,\left(y - x^{2}\right)^{2}"),
        ("x/(y+1)", r"\frac{x}{y + 1}"),
        ("x - (y - 1)", r"x - \left(y - 1\right)"),
        ("sqrt(2*pi) + sin(x)^2", r"\sqrt{2\,\pi} + \left(\sin\left(x\right)\right)^{2}"),
        ("exp(-0.2*abs(x))", r"e^{-0.2\,\left|x\right|}"),
        ("x*-2", r"x\,\left(-2\right)"),
        ("x/-2*-4", r"\frac{x}{-2}\,\left(-4\right)"),
        ("x*(-2*y)", r"x\,\left(-2\,y\right)"),
        ("-2*x*3", r"-2\,x \cdot 3"),
        ("2*(3*x) + 4*5^2", r"2 \cdot 3\,x + 4 \cdot 5^{2}"),
        ("1000000*x^2 + 1.23456789*x", r"1000000\,x^{2} + 1.23456789\,x"),
        ("1e16*x + 1e-5^2", r"1 \cdot 10^{16}\,x + \left(1 \cdot 10^{-5}\right)^{2}"),
    ],
)
def test_latex(text, latex):
    assert parse(text).latex == latex


@pytest.mark.parametrize(
    "text", ["0x", "0x" + "f" * 290, "1e999", "x + 0x" + "f" * 280, "x^0x" + "f" * 290, "2^-1e999"]
)
def test_a_number_that_is_none_or_too_large_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^formula (must|may) [^\n]*\.$") as refused:
        parse(text)
    assert len(str(refused.value)) < 300


#: Parts of formulas, and of what is none.
PARTS = (
    *"xye0123456789.+-*/^() ,_#@%:[]'é²٣",
    *("pi", "sin(", "cos(", "tan(", "exp(", "log(", "sqrt(", "abs(", "tanh(", "1e400", "2.5", "**", "//", "0x", "1j"),
    *("not ", "if ", "else ", "lambda ", "True", "\n", "\t", "\\", ":="),
)
FUNCTIONS = ("sin", "cos", "tan", "exp", "log", "sqrt", "abs", "tanh")
NUMBERS = st.integers(0, 10**6).map(str) | st.floats(0, 1e300, allow_subnormal=False).map(repr)
POWERS = st.integers(-12, 12).map(str) | st.floats(-12, 12, allow_subnormal=False).map(lambda power: f"{power:f}")
FORMULAS = st.recursive(
    st.sampled_from(["x", "y", "pi", "e"]) | NUMBERS,
    lambda inner: (
        st.builds("({}{}{})".format, inner, st.sampled_from("+-*/"), inner)
        | st.builds("{}({})".format, st.sampled_from(FUNCTIONS), inner)
        | st.builds("({})^{}".format, inner, POWERS)
        | st.builds("({})^({}/12)".format, inner, POWERS)
        | st.builds("-{}".format, inner)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=LONGEST + 50) | st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
def test_any_text_is_a_function_or_refused_in_one_sentence(text):
    reason = ""
    try:
        formula = parse(text)
    except ValueError as error:
        reason = str(error)
    if reason:
        assert reason.startswith("formula ") and reason.endswith(".") and "\n" not in reason and len(reason) < 300
    else:
        assert len(text) <= LONGEST and formula.latex
        assert [part.shape for part in formula.evaluate(X, Y)] == [X.shape] * 3


@settings(deadline=None, max_examples=200)
@given(FORMULAS.filter(lambda text: len(text) <= LONGEST))
def test_any_formula_of_the_allowed_parts_is_a_function(text):
    formula = parse(text)
    assert formula.text == text and formula.latex
    assert [part.shape for part in formula.evaluate(X, Y)] == [X.shape] * 3


@settings(deadline=None, max_examples=20)
@given(FORMULAS.filter(lambda text: len(text) <= LONGEST))
def test_any_formula_is_a_surface_or_has_no_value(text):
    reason = ""
    try:
        surface = own_surface(text, (-2.0, 2.0, -1.0, 3.0))
    except ValueError as error:
        reason = str(error)
    assert reason.startswith("formula must have a value somewhere") if reason else np.isfinite(surface.minimum)


#: Parses in four threads, of other depths, while Python frees objects that let other threads go on.
AT_ONCE = """
import gc, sys, threading, time
from core.surfaces.expression import parse

class Slow:
    def __del__(self): time.sleep(1e-4)

def work(depth):
    if depth:
        return work(depth - 1)
    for number in range(60):
        slow = Slow()
        slow.itself = slow
        del slow
        parse(f"{number} + " + " + ".join("x" * 30))

sys.setswitchinterval(1e-6)
gc.set_threshold(20)
failed = []
threading.excepthook = failed.append
threads = [threading.Thread(target=work, args=(30 * number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(len(failed))
"""


def test_formulas_are_parsed_by_several_threads_at_once():
    assert subprocess.run([sys.executable, "-c", AT_ONCE], cwd=ROOT).returncode == 0
