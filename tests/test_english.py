"""Docstrings and comments in plain technical English: a noun or an imperative first, "per", no literary words."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("core", "dashboard", "benchmarks", "scripts", "tests")
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("app.py", *(f"{folder}/**/*.py" for folder in FOLDERS))
    for path in ROOT.glob(pattern)
)

#: Relative clauses, and things or people instead of a noun.
FIRST_WORDS = [
    "What",
    "Whatever",
    "Whether",
    "Who",
    "Whoever",
    "Whom",
    "Whose",
    "How",
    "However",
    "Where",
    "Wherever",
    "Why",
    "When",
    "Which",
    "Whichever",
    "Those",
    "That",
    "There",
]
#: Words that say in pictures what the field has a word for.
BANNED = re.compile(r"\b(Desk|under glass|told|Whoever|whoever|obeys?|obeyed|listens to|_hear|_lose)\b")
#: Two articles around one noun: the second one means "per".
PER = re.compile(r"\b[Aa]n? \w+ an? \w+\b")


def docstrings(tree: ast.Module) -> list[tuple[int, str]]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return [(node.body[0].lineno, text) for node in nodes if (text := ast.get_docstring(node))]


def comments(source: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def faults(source: str) -> list[str]:
    """Every fault with its line."""
    found, texts = [], docstrings(ast.parse(source))
    for line, text in texts:
        if text.split()[0].strip(",.:;") in FIRST_WORDS:
            found.append(f"{line}: begins with {text.split()[0]}: {text.splitlines()[0]}")
    for line, text in [*texts, *comments(source)]:
        found += [f"{line}: {match[0]}" for match in BANNED.finditer(text)]
        found += [f"{line}: {match[0]}" for match in PER.finditer(text)]
    return found


@pytest.mark.parametrize("path", FILES)
def test_the_english_is_plain(path):
    found = faults((ROOT / path).read_text())
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('"""What the browser needs."""', 1),
        ('"""Scene as JSON: a row a run."""', 1),
        ('"""Return a row of a table."""', 0),
        ("x = 1  # a worker a core, told by nobody", 2),
        ('def f():\n    """Whether it is so."""', 1),
        ('"""Return the newest runs."""', 0),
    ],
)
def test_the_check_finds_what_it_should(source, count):
    assert len(faults(source)) == count
