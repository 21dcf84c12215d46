"""A formula in x and y: text -> a checked expression tree -> value, gradient and LaTeX.

Nothing is ever evaluated as Python. The text is parsed, every node of the tree must be on a short
list, and the tree is walked with numpy arrays. The gradient is exact: forward-mode differentiation
carries (value, d/dx, d/dy) through every operation; ``None`` stands for a derivative that is zero everywhere.
"""

import ast
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.files import shortened
from core.optimizers.step import with_power

Array = NDArray[np.float64]
Part = Array | float
Dual = tuple[Part, Part | None, Part | None]
Node = Callable[[Dual, Dual], Dual]

LONGEST = 300
DEEPEST = 40
LARGEST_POWER = 12
#: At the cusp of a root the slope is infinite; this stand-in makes slope * 0 the subgradient 0 instead of NaN.
STEEPEST = 1e150

_CONSTANTS = {"pi": math.pi, "e": math.e}
_LATEX_NAMES = {"pi": r"\pi"}
#: In Python up to 3.11.7 two threads that parse at once disturb each other, where one of them frees objects meanwhile:
#: "SystemError: AST constructor recursion depth mismatch".
_PARSING = threading.Lock()


@dataclass(frozen=True)
class Expression:
    """A parsed formula."""

    text: str
    latex: str
    _node: Node

    def evaluate(self, x: Array, y: Array) -> tuple[Array, Array, Array]:
        """f, df/dx and df/dy, each of the shape of ``x`` and ``y``; NaN or infinite where f is not defined."""
        with np.errstate(all="ignore"):
            parts = self._node((x, 1.0, None), (y, None, 1.0))
        f, fx, fy = (0.0 if part is None else part for part in parts)
        return _filled(f, x), _filled(fx, x), _filled(fy, x)


def _filled(part: Part, like: Array) -> Array:
    return part if isinstance(part, np.ndarray) and part.shape == like.shape else np.full_like(like, part)


def parse(text: str, constants: Mapping[str, float] | None = None) -> Expression:
    """Parse the formula as an expression in x and y; ``constants`` names further numbers.

    >>> parse("x^2 + k*y", {"k": 3.0}).latex
    'x^{2} + k\\\\,y'

    Raises:
        ValueError: one sentence, for anything that is not a formula of the allowed parts.
    """
    if not text.strip():
        raise ValueError("formula must not be empty; try x^2 + 10*y^2.")
    if len(text) > LONGEST:
        raise ValueError(f"formula must have at most {LONGEST} characters, got {len(text)}.")
    try:
        with _PARSING:
            tree = ast.parse(text.strip().replace("^", "**"), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(
            "formula must be one expression in x and y, with every product written as in 2*x, "
            f"got {shortened(text.strip())}."
        ) from None
    builder = _Builder({**_CONSTANTS, **(constants or {})})
    node = builder.build(tree.body, 1)
    return Expression(text.strip(), _latex(tree.body)[0], node)


def _refuse(node: ast.AST) -> ValueError:
    what = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
    return ValueError(
        f"formula may hold only numbers, x, y, pi, e, + - * / ^ and the functions {', '.join(_FUNCTIONS)}, "
        f"got {shortened(what)}."
    )


class _Builder:
    def __init__(self, constants: Mapping[str, float]) -> None:
        self._constants = constants

    def build(self, node: ast.expr, depth: int) -> Node:
        if depth > DEEPEST:
            raise ValueError(f"formula must be nested at most {DEEPEST} deep.")
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return _constant(_finite(value))
            case ast.Name(id="x"):
                return lambda x, y: x
            case ast.Name(id="y"):
                return lambda x, y: y
            case ast.Name(id=name) if name in self._constants:
                return _constant(self._constants[name])
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.build(operand, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.build(operand, depth + 1)
                return lambda x, y: _scale(inner(x, y), -1.0)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return _power(self.build(left, depth + 1), self._exponent(right, depth + 1))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return _binary(_OPERATORS[type(op)], self.build(left, depth + 1), self.build(right, depth + 1))
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _FUNCTIONS:
                return _chain(_FUNCTIONS[name], self.build(argument, depth + 1))
        raise _refuse(node)

    def _exponent(self, node: ast.expr, depth: int) -> float:
        with np.errstate(all="ignore"):
            # Where neither derivative is there, the value is the same at every point.
            value, dx, dy = self.build(node, depth)((0.0, 1.0, None), (0.0, None, 1.0))
        power = float(value)
        if dx is not None or dy is not None or not abs(power) <= LARGEST_POWER:
            raise ValueError(
                f"formula may raise only to a number between -{LARGEST_POWER} and {LARGEST_POWER}, "
                f"got {shortened(ast.unparse(node))}."
            )
        return power


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"formula may hold only numbers below 1.8e308, got {shortened(str(value))}.")
    return number


def _constant(value: float) -> Node:
    dual: Dual = (value, None, None)
    return lambda x, y: dual


def _scale(u: Dual, factor: Part) -> Dual:
    return u[0] * factor, None if u[1] is None else u[1] * factor, None if u[2] is None else u[2] * factor


def _sum(a: Part | None, b: Part | None) -> Part | None:
    if a is None:
        return b
    return a if b is None else a + b


def _add(u: Dual, v: Dual) -> Dual:
    return u[0] + v[0], _sum(u[1], v[1]), _sum(u[2], v[2])


def _subtract(u: Dual, v: Dual) -> Dual:
    return _add(u, _scale(v, -1.0))


def _multiply(u: Dual, v: Dual) -> Dual:
    du = [None if d is None else d * v[0] for d in u[1:]]
    dv = [None if d is None else d * u[0] for d in v[1:]]
    return u[0] * v[0], _sum(du[0], dv[0]), _sum(du[1], dv[1])


def _divide(u: Dual, v: Dual) -> Dual:
    _, *slopes = _multiply(u, _apply_power(v, -1.0))
    # Rounded once: u * (1/v) is not 1 for 49/49, and as an exponent it would leave no value below zero.
    return np.divide(u[0], v[0]), slopes[0], slopes[1]


_OPERATORS: dict[type[ast.operator], Callable[[Dual, Dual], Dual]] = {
    ast.Add: _add,
    ast.Sub: _subtract,
    ast.Mult: _multiply,
    ast.Div: _divide,
}


def _binary(operation: Callable[[Dual, Dual], Dual], left: Node, right: Node) -> Node:
    return lambda x, y: operation(left(x, y), right(x, y))


def _power(base: Node, exponent: float) -> Node:
    return lambda x, y: _apply_power(base(x, y), exponent)


def _apply_power(u: Dual, exponent: float) -> Dual:
    if exponent == 0.0:
        return 1.0, None, None
    below = _raise(u[0], exponent - 1.0)
    if 0.0 < exponent < 1.0:
        below = np.minimum(below, STEEPEST)
    slope = exponent * below
    return _raise(u[0], exponent), None if u[1] is None else slope * u[1], None if u[2] is None else slope * u[2]


def _raise(value: Part, exponent: float) -> Part:
    """value ** exponent, by repeated multiplication where that is exact and far faster."""
    if exponent == 1.0:
        return value
    if exponent == int(exponent) and exponent > 1:
        half = _raise(value, exponent // 2)
        return half * half * value if exponent % 2 else half * half
    return np.power(value, exponent)


def _sqrt(v: Part) -> tuple[Part, Part]:
    root = np.sqrt(v)
    return root, 0.5 / np.maximum(root, 1.0 / STEEPEST)


def _tanh(v: Part) -> tuple[Part, Part]:
    value = np.tanh(v)
    return value, 1.0 - value * value


def _exp(v: Part) -> tuple[Part, Part]:
    value = np.exp(v)
    return value, value


#: Each gives the value and the slope.
_FUNCTIONS: dict[str, Callable[[Part], tuple[Part, Part]]] = {
    "sin": lambda v: (np.sin(v), np.cos(v)),
    "cos": lambda v: (np.cos(v), -np.sin(v)),
    "tan": lambda v: (np.tan(v), 1.0 / np.cos(v) ** 2),
    "exp": _exp,
    "log": lambda v: (np.log(v), np.divide(1.0, v)),
    "sqrt": _sqrt,
    "abs": lambda v: (np.abs(v), np.sign(v)),
    "tanh": _tanh,
}


def _chain(function: Callable[[Part], tuple[Part, Part]], inner: Node) -> Node:
    def node(x: Dual, y: Dual) -> Dual:
        u = inner(x, y)
        value, slope = function(u[0])
        return value, None if u[1] is None else slope * u[1], None if u[2] is None else slope * u[2]

    return node


_LOOSE, _PRODUCT, _TIGHT = 1, 2, 3


def _latex(node: ast.expr) -> tuple[str, int]:
    """LaTeX of a tree that ``_Builder`` accepted, and how tightly its outermost operation binds."""

    def inside(child: ast.expr, needs: int) -> str:
        text, binds = _latex(child)
        return text if binds >= needs else rf"\left({text}\right)"

    def after_sign(child: ast.expr, needs: int) -> str:
        text = inside(child, needs)
        # Without parentheses, a product would read as a difference, and two signs as one.
        return rf"\left({text}\right)" if text.startswith("-") else text

    match node:
        case ast.Constant(value=int() | float() as value):
            # All digits of the number that is calculated with.
            number = repr(float(value)).removesuffix(".0")
            return with_power(number), _PRODUCT if "e" in number else _TIGHT
        case ast.Name(id=name):
            return _LATEX_NAMES.get(name, name), _TIGHT
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _latex(operand)
        case ast.UnaryOp(operand=operand):
            binds = _PRODUCT if isinstance(operand, ast.Constant) else _LOOSE
            return "-" + after_sign(operand, _PRODUCT), binds
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base = inside(left, _TIGHT) if not isinstance(left, ast.Call) else rf"\left({inside(left, _LOOSE)}\right)"
            return f"{base}^{{{inside(right, _LOOSE)}}}", _PRODUCT
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return rf"\frac{{{inside(left, _LOOSE)}}}{{{inside(right, _LOOSE)}}}", _PRODUCT
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            factor = after_sign(right, _PRODUCT)
            # With a space alone, two numbers would read as one.
            dot = r" \cdot " if factor[0].isdigit() else r"\,"
            return inside(left, _PRODUCT) + dot + factor, _PRODUCT
        case ast.BinOp(left=left, op=op, right=right):
            sign = " + " if isinstance(op, ast.Add) else " - "
            return inside(left, _LOOSE) + sign + after_sign(right, _LOOSE if sign == " + " else _PRODUCT), _LOOSE
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument]):
            return rf"\sqrt{{{inside(argument, _LOOSE)}}}", _TIGHT
        case ast.Call(func=ast.Name(id="abs"), args=[argument]):
            return rf"\left|{inside(argument, _LOOSE)}\right|", _TIGHT
        case ast.Call(func=ast.Name(id="exp"), args=[argument]):
            return f"e^{{{inside(argument, _LOOSE)}}}", _PRODUCT
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return rf"\{name}\left({inside(argument, _LOOSE)}\right)", _PRODUCT
    raise _refuse(node)
