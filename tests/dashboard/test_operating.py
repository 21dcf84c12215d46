"""Permission to operate another's run, in an open lab and in one with a teacher."""

from collections.abc import Iterator

import pytest

from core.runs.service import Service
from core.training.config import RunConfig
from dashboard import operating, visitors
from dashboard.views.runs import rows
from tests.dashboard.conftest import button, labels, open_page, take_away

STRANGER = "f" * 16
RATE = "Schedule's base rate from the next step on"
ADDRESSES = {
    "runs": {"run": "theirs"},
    "train": {"run": "theirs"},
    "sweep": {"runs": "theirs"},
    "lessons": {"lesson": "1-batch", "runs": "theirs"},
}


@pytest.fixture
def commands(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[object, ...]]]:
    """Commands that reach the service, in a lab where a run of somebody else's trains."""
    given: list[tuple[object, ...]] = []
    monkeypatch.setattr(service, "command_all", lambda *command: given.append(command))
    service._store.add("theirs", RunConfig(), 1.0, "running", owner=STRANGER, owner_name="*Eve*")
    rows.forget()
    yield given
    take_away(service, "theirs")
    rows.forget()


@pytest.mark.parametrize("view", ADDRESSES)
def test_in_an_open_lab_everyone_operates_a_run(view: str, commands: list[tuple[object, ...]]) -> None:
    page = open_page(view, **ADDRESSES[view])
    button(page, "Stop").click().run()
    ((ids, *command, by),) = commands
    assert (ids, command) == (["theirs"], ["stop", None])
    assert str(by).startswith("Guest ")


@pytest.mark.usefixtures("teachers_lab")
@pytest.mark.parametrize("view", ADDRESSES)
def test_with_a_teacher_no_button_operates_anothers_run(view: str, commands: list[tuple[object, ...]]) -> None:
    page = open_page(view, **ADDRESSES[view])
    assert not page.exception
    assert not {"Stop", "Pause"} & set(labels(page))
    assert RATE not in [field.label for field in page.text_input]


@pytest.mark.parametrize("label", ["Stop", "Pause", RATE])
def test_a_page_from_before_is_refused_with_a_sentence(
    label: str, commands: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("", run="theirs")
    monkeypatch.setattr("dashboard.access.Gate.has_teacher", True)
    if label == RATE:
        next(field for field in page.text_input if field.label == label).set_value("0.1").run()
    else:
        button(page, label).click().run()
    sentence = "Run #1 can be operated or changed only by *Eve*, who started it, or the teacher."
    assert [error.value.replace("\\", "") for error in page.error] == [sentence]
    assert commands == []


@pytest.mark.usefixtures("teachers_lab")
def test_of_several_runs_none_is_operated_if_one_is_anothers(
    service: Service, commands: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    me = visitors.Visitor("a" * 16, "Ada", named=True, teacher=False)
    monkeypatch.setattr(visitors, "visitor", lambda: me)
    service._store.add("mine", RunConfig(), 2.0, "running", owner=me.id)
    service._store.add("nobodys", RunConfig(), 3.0, "running")
    try:
        with pytest.raises(ValueError, match=r"only by \*Eve\*, who started it, or the teacher"):
            operating.give(("mine", "theirs"), "stop")
        with pytest.raises(ValueError, match="only by the teacher"):
            operating.give(("nobodys",), "stop")
        assert commands == []
        operating.give(("mine",), "stop")
    finally:
        take_away(service, "mine")
        take_away(service, "nobodys")
    assert commands == [(["mine"], "stop", None, "")]
