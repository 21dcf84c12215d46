"""The README's tables of optimizers and schedules, written from the registries: ``python -m scripts.readme [--check]``.

A table stands between two markers, ``<!-- optimizers -->`` and ``<!-- /optimizers -->``. With ``--check`` nothing is
written: the difference is printed, and the exit status is 1 if there is one.
"""

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from core.hyperparameters import Hyperparameter
from core.optimizers import OPTIMIZERS
from core.training.schedules import SCHEDULES

README = Path(__file__).resolve().parent.parent / "README.md"


def optimizer_row(key: str) -> str:
    """Return an optimizer's line of the table."""
    spec = OPTIMIZERS[key]
    return _row(
        spec.label, f"`{key}`", str(spec.year), f"{spec.lr:g}", str(spec.batch_size), _names(spec.hyperparameters)
    )


def schedule_row(key: str) -> str:
    """Return a schedule's line of the table."""
    spec = SCHEDULES[key]
    return _row(spec.label, f"`{key}`", _names(spec.hyperparameters))


#: Marker -> the columns, the keys and the line of a key.
TABLES: dict[str, tuple[tuple[str, ...], Sequence[str], Callable[[str], str]]] = {
    "optimizers": (
        ("Optimizer", "`--optimizer`", "Year", "Learning rate", "Batch", "Parameters"),
        tuple(OPTIMIZERS),
        optimizer_row,
    ),
    "schedules": (("Schedule", "`--schedule`", "Parameters"), tuple(SCHEDULES), schedule_row),
}


def table(name: str) -> str:
    """One of ``TABLES`` in Markdown."""
    columns, keys, line = TABLES[name]
    return "\n".join([_row(*columns), "|" + "---|" * len(columns), *map(line, keys)])


def rewritten(text: str) -> str:
    """``text`` with the tables between its markers as the registries have them.

    Raises:
        ValueError: if a table's markers are missing or not alone.
    """
    for name in TABLES:
        between = re.compile(rf"(<!-- {name} -->\n).*?\n(<!-- /{name} -->)", flags=re.DOTALL)
        if len(between.findall(text)) != 1:
            raise ValueError(f"README must have the markers <!-- {name} --> and <!-- /{name} --> once each.")
        # Backslashes in a replacement's text would be read as escapes.
        lines = table(name).replace("\\", r"\\")
        text = between.sub(rf"\g<1>{lines}\n\g<2>", text)
    return text


def main(arguments: Sequence[str] | None = None, readme: Path = README) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="print the difference and write nothing")
    check = parser.parse_args(arguments).check
    old = readme.read_text()
    new = rewritten(old)
    if not check:
        readme.write_text(new)
        return 0
    difference = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "README.md", "registries", lineterm=""))
    print("\n".join(difference) or "The README's tables are those of the registries.")
    return int(bool(difference))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _names(hyperparameters: Sequence[Hyperparameter]) -> str:
    return ", ".join(f"`{p.name}`" for p in hyperparameters) or "-"


if __name__ == "__main__":
    sys.exit(main())
