"""A run as a Jupyter notebook: the script's sections, a text cell before each, and the curves drawn."""

import json
from typing import Any

from core.models.code import pytorch
from core.models.code.recipe import Recipe, Section

CURVES = Section(
    "Draw the curves",
    "the loss of each step, and its debiased running mean.",
    """\
import matplotlib.pyplot as plt

mean, smooth = 0.0, []
for step, loss in enumerate(losses, 1):
    mean = 0.98 * mean + 0.02 * loss
    smooth.append(mean / (1 - 0.98**step))
plt.plot(losses, alpha=0.3, label="each step")
plt.plot(smooth, label="running mean")
plt.xlabel("step")
plt.ylabel("training loss")
plt.yscale("log")
plt.legend()
plt.show()""",
)


def content(recipe: Recipe) -> str:
    """Return the notebook's JSON (nbformat 4.5)."""
    parts = pytorch.sections(recipe, argument=False)
    parts.insert(next(i for i, part in enumerate(parts) if part.title == "Evaluate"), CURVES)
    head = (
        f"# {recipe.title} of Descent Lab, as plain PyTorch\n\n{recipe.settings}. {recipe.beginning}".rstrip() + "\n\n"
        "Needs torch, numpy, matplotlib and the four files of MNIST (`train-images-idx3-ubyte.gz` and so on), which it "
        "looks for in `data/mnist` and in the notebook's folder."
    )
    code = "\n".join(part.code for part in parts)
    cells = [_text(head), _code(f"{pytorch.import_lines(code)}\n{pytorch.IMPORTS}".rstrip())]
    for number, part in enumerate(parts, 1):
        cells += [_text(f"## {number}. {part.title}\n\n{part.text[0].upper()}{part.text[1:]}"), _code(part.code)]
    notebook = {
        "cells": [{"id": f"cell-{place}", **cell} for place, cell in enumerate(cells)],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1) + "\n"


def _text(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(code: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": code}
