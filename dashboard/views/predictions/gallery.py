"""Gallery of test digits, in pages; a click opens one."""

import re
from collections.abc import Sequence

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from core.analysis.report import Report
from core.data import CLASSES, TEST_IMAGES
from core.hyperparameters import InvalidValue
from dashboard import address, fields, testing
from dashboard.components.clickable import clickable
from dashboard.views.predictions import pictures

FIRST, WRONG, LEAST, MOST = "In order", "Wrong ones", "Least confident", "Most confident"
CLASS, PAIR, NUMBER = "One class", "True against predicted", "By number"
SHOWN = (FIRST, WRONG, LEAST, MOST, CLASS, PAIR, NUMBER)
#: The narrowest that a digit is drawn, in CSS pixels, and how many a page has.
SIZES = {"Small": (58, 102), "Medium": (80, 60), "Large": (140, 28)}
#: In the session: True if a digit was clicked just now; the address has its number, under ``digit``.
CLICKED = "predictions.clicked"
_LISTED = "predictions.listed"


#: Values of the page in its address, without the networks and the open digit.
STATE = address.State("p-", {"show": FIRST, "size": "Medium", "page": 1, "class": 0, "numbers": "0-59"}, linked=True)


def to_first_page() -> None:
    STATE["page"] = 1


def panel(report: Report) -> None:
    """Draw the choice of digits, and the digits."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.selectbox("Show", **STATE.choice("show", SHOWN), on_change=to_first_page, width=220)
        numbers, wrong = torch.tensor([]), ""
        try:
            numbers = _chosen(shown, report)
        except ValueError as error:
            wrong = fields.explain(error)
        size = st.segmented_control("Size", **STATE.many("size", list(SIZES)), required=True)
    if wrong:
        st.error(wrong, icon=":material/edit:")
        return
    paged(numbers.tolist(), [report.evaluation.predictions], "gallery", *SIZES[size])


def paged(numbers: Sequence[int], answers: Sequence[Tensor], key: str, size: int = 80, per_page: int = 60) -> None:
    """Draw one page of these test digits, and the pagination; a click opens a digit."""
    st.session_state[_LISTED] = numbers
    if not numbers:
        st.info("No digits match.", icon=":material/check:")
        return
    pages = -(-len(numbers) // per_page)
    place = st.container()
    page = st.pagination(pages, **STATE.kept("page")) if pages > 1 else 1
    start = (page - 1) * per_page
    part = numbers[start : start + per_page]
    with place:
        many = f"{len(numbers):,} digits" if len(numbers) != 1 else "1 digit"
        range_ = f" · {start + 1:,} to {start + len(part):,}" if pages > 1 else ""
        legend = "true → predicted" if len(answers) == 1 else "true → first / second"
        st.caption(f"{many}{range_} · {legend}")
        clickable(pictures.gallery(testing.test_digits(), part, answers, size), key, open_digit)


def pair(label: int, answer: int, report: Report) -> Tensor:
    """Return the digits of a class that were predicted as ``answer``, the most confident first."""
    return _by_confidence((testing.test_digits().labels == label) & (report.evaluation.predictions == answer), report)


def open_digit(number: str) -> None:
    st.session_state[CLICKED] = True
    address.put(digit=number)


def beside(number: int, by: int) -> int | None:
    """Return the digit ``by`` places further in the page's list, if there is one."""
    listed = st.session_state.get(_LISTED, ())
    if number not in listed:
        return None
    place = listed.index(number) + by
    return listed[place] if 0 <= place < len(listed) else None


def _chosen(shown: str, report: Report) -> Tensor:
    """Return the numbers of the digits to show.

    Raises:
        ValueError: the sentence about what is wrong with the numbers typed.
    """
    if shown == WRONG:
        return _by_confidence(~report.hits, report)
    if shown in (LEAST, MOST):
        return report.evaluation.confidences.argsort(descending=shown == MOST, stable=True)
    if shown == CLASS:
        label = st.selectbox("Class", **STATE.choice("class", range(CLASSES)), on_change=to_first_page, width=90)
        wanted: Tensor = testing.test_digits().labels == label
        return wanted.nonzero()[:, 0]
    if shown == PAIR:
        return pair(*choose_pair(4, 9), report)
    if shown == NUMBER:
        return parse_numbers(st.text_input("Numbers", **STATE.text("numbers"), on_change=to_first_page, width=220))
    return torch.arange(TEST_IMAGES)


def choose_pair(label: int, answer: int) -> tuple[int, int]:
    """Draw the choice of a true and a predicted class."""
    true = st.selectbox("True", **STATE.choice("true", range(CLASSES), label), on_change=to_first_page, width=90)
    predicted = st.selectbox(
        "Predicted", **STATE.choice("said", range(CLASSES), answer), on_change=to_first_page, width=110
    )
    return true, predicted


def parse_numbers(text: str | None) -> Tensor:
    """Parse ``"8, 240-247"`` into test digits' numbers.

    Raises:
        InvalidValue: if that is not numbers from 0 to 9999.
    """
    numbers = []
    held = np.zeros(TEST_IMAGES, dtype=bool)
    for part in (text or "").replace(" ", "").split(","):
        low, dash, high = part.partition("-")
        first, last = digit_number(low), digit_number(high if dash else low)
        if first is None or last is None or first > last:
            rule = f"be from 0 to {TEST_IMAGES - 1}, with commas between numbers or ranges like 8, 240-247"
            raise InvalidValue("numbers", rule, text or "")
        # Only what is new is added: a short text may name all digits thousands of times.
        numbers.append(first + np.flatnonzero(~held[first : last + 1]))
        held[first : last + 1] = True
    return torch.from_numpy(np.concatenate(numbers))


def digit_number(text: str) -> int | None:
    """Parse the number of a test digit, 0 to 9999; None if ``text`` is none."""
    return int(text) if re.fullmatch("[0-9]{1,4}", text) else None


def _by_confidence(wanted: Tensor, report: Report) -> Tensor:
    numbers = wanted.nonzero()[:, 0]
    return numbers[report.evaluation.confidences[numbers].argsort(descending=True, stable=True)]
