import re

import torch

from core.analysis.signed_image import POSITIVE
from dashboard.confusion import WRONG, color, table

MATRIX = torch.arange(100).view(10, 10)


def test_every_count_stands_in_the_matrix() -> None:
    html = table(MATRIX, chosen=(4, 9))
    counts = re.findall(r'data-value="(\d)-(\d)">(\d+)<', html)
    assert {(int(r), int(c)): int(n) for r, c, n in counts} == {
        (r, c): 10 * r + c for r in range(10) for c in range(10) if r or c
    }
    assert html.count(" chosen") == 1 and html.count("disabled") == 1


def test_a_matrix_that_nobody_clicks_has_no_buttons_and_a_bare_one_no_numbers() -> None:
    assert "<button" not in table(MATRIX)
    assert re.findall(r">(\d+)<", table(MATRIX, numbers=False)) == []
    assert table(MATRIX, numbers=False).count("<td>") == 100


def test_a_cell_is_coloured_by_its_share_of_its_class() -> None:
    assert POSITIVE == (47, 127, 214) and WRONG == (214, 69, 80)
    assert color(3, 3, 50, 100) == "rgb(47 127 214 / 0.375)"
    assert color(3, 5, 0, 100) == "rgb(214 69 80 / 0.000)"
    # A thousandth is a hundredth of the fullest share, whose root is a tenth.
    assert color(3, 5, 1, 1000) == "rgb(214 69 80 / 0.075)"
    assert color(3, 5, 100, 1000) == color(3, 5, 900, 1000) == "rgb(214 69 80 / 0.750)"


def test_the_cells_of_a_class_without_digits_are_clear() -> None:
    assert table(torch.zeros(10, 10, dtype=torch.int64)).count("/ 0.000)") == 100
