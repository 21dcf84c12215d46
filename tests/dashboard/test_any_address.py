"""Any address is a page: whatever stands in it, no page breaks, and what was written into it is read back."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from core.runs.service import Service
from dashboard.views.landscape.address import DEFAULTS
from dashboard.views.predictions import gallery
from dashboard.views.surfaces import controls
from tests.dashboard.conftest import open_page

#: By page: the names that it reads.
NAMES = {
    "train": ("run",),
    "runs": ("run", "compare"),
    "sweep": ("sweep", "runs", "tried", "kind"),
    "surfaces": tuple(map(controls.STATE.key, controls.STATE._defaults)),
    "landscape": ("items", *DEFAULTS),
    "predictions": ("model", "run", "epoch", "digit", "p-tab", *map(gallery.STATE.key, gallery.STATE._defaults)),
    "draw": ("model", "run", "epoch"),
    "models": ("model",),
    "lessons": ("lesson", "epochs", "seed", "lr", "batch_size", "hide", "runs"),
}
#: What leads on into the pages, and what has broken such readers elsewhere.
PARTS = (
    *("untrained", "2-order", "model:untrained", "Own formula", "adam lr=0.1", "-3, 3, -3, 3", "x^2", "0, 1; 2, 3"),
    *("0", "-1", "1e999", "nan", "9" * 400, "²", "", " ", ",", ",,,", ":", "\0", "../../etc/passwd", "%00", "0x", "=1"),
)
# An address is UTF-8, which has no halves of surrogate pairs.
TEXTS = some.text(some.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = some.sampled_from(PARTS) | TEXTS | some.builds("{}{}".format, some.sampled_from(PARTS), TEXTS)


@pytest.mark.slow
@pytest.mark.parametrize("view", NAMES)
@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_any_address_is_a_page(service: Service, view: str, data: some.DataObject) -> None:
    values = data.draw(some.dictionaries(some.sampled_from(NAMES[view]), VALUES, min_size=1, max_size=4))
    assert not open_page(view, **values).exception


def _write(values: dict[str, str]) -> None:
    from dashboard import address

    address.only(**values)


def _read(names: list[str]) -> None:
    import streamlit as st

    from dashboard import address

    st.json({name: address.get(name) for name in names})


@settings(deadline=None, max_examples=15)
@given(some.dictionaries(some.sampled_from(["run", "model", "items"]), TEXTS, min_size=1))
def test_what_was_written_is_read_back(values: dict[str, str]) -> None:
    written = AppTest.from_function(_write, args=(values,)).run().query_params
    page = AppTest.from_function(_read, args=(list(values),))
    for name, value in written.items():
        page.query_params[name] = value
    assert json.loads(page.run().json[0].value) == values
