"""Every button and callback of every page against a lab that refuses: one sentence, no error box, on every page."""

import copy
import hashlib
import itertools
import math
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.files import read_ordinary
from core.handwriting.drawings import Drawings
from core.models import checkpoints
from core.models.checkpoints import LARGEST_CHECKPOINT
from core.models.library import Library, opened
from core.runs.service import Service
from core.sweep.studies import Studies
from core.training.config import RunConfig
from core.training.network import Network
from dashboard import lab
from tests.dashboard.views.test_draw import sent
from tests.waiting import LIMIT, wait_for

MAIN = str(Path(__file__).resolve().parents[2] / "dashboard" / "main.py")
WRITING: dict[type, tuple[str, ...]] = {
    Service: (
        "submit",
        "submit_group",
        "command",
        "command_all",
        "move",
        "edit",
        "delete",
        "restore",
        "purge",
    ),
    Library: ("keep", "bring", "rename", "duplicate", "note", "delete", "restore", "empty_bin"),
    Drawings: ("keep", "remove", "take_in"),
    Studies: ("start", "pause", "resume", "stop", "give", "confirm", "edit", "delete"),
}
REFUSALS = {
    "The lab has no room\\.": ValueError("The lab has no room."),
    "The lab could not use its disk: No space left on device.": OSError(28, "No space left on device"),
    "The lab could not use its database: database or disk is full.": sqlite3.OperationalError(
        "database or disk is full"
    ),
}
#: A visitor without cookies is known by this, in the session.
TOKEN = "0" * 32
SMALL = RunConfig(validation_split=0.95, epochs=1)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A lab with a run in each state that has buttons of its own, saved models, and a drawing; ids by state."""
    folder = tmp_path_factory.mktemp("lab")
    models = folder / "models"
    models.mkdir()
    checkpoints.save_parameters(Network(seed=3), models / "other.safetensors", {})
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DESCENT_HOME", str(folder / "home"))
        environment.setenv("DESCENT_MODELS", str(models))
        environment.setenv("DESCENT_WORKERS", "1")
        # The visitor of a test has no cookie; everyone is the teacher, so that every button is there.
        environment.setattr("dashboard.access.Gate.role", lambda gate, cookies: "teacher")
        lab.start()
        service = lab.service()
        try:
            ids = {"finished": service.submit(SMALL), "deleted": service.submit(SMALL), "binned": service.submit(SMALL)}
            wait_for(lambda: all(run.over for run in service.runs()))
            # Or it would answer for its settings, and nothing would be started that could be refused.
            service._store.update(ids["finished"], exact=False)
            service.delete([ids["deleted"]])
            whole = opened(read_ordinary(service.checkpoint_file(ids["finished"]), LARGEST_CHECKPOINT))
            library = Library(models)
            for name in ("whole", "thrown away"):
                library.keep(whole, name)
            library.delete("thrown away")
            long = RunConfig(epochs=1000)
            ids["paused"] = service.submit(long)
            wait_for(lambda: service.run(ids["paused"]).state == "running")
            service.command(ids["paused"], "pause")
            wait_for(lambda: service.run(ids["paused"]).state == "paused")
            service._store.update(ids["binned"], state="interrupted")
            ids["running"] = service.submit(long)
            wait_for(lambda: service.run(ids["running"]).state == "running")
            # It stays so, and leaves the processor to the pages.
            (worker,) = service._scheduler._pool._workers
            environment.setattr("core.runs.scheduler.STALLED_SECONDS", math.inf)
            worker.process.send_signal(signal.SIGSTOP)
            ids["queued"] = service.submit(long, owner=hashlib.sha256(TOKEN.encode()).hexdigest()[:16])
            yield ids
            worker.process.send_signal(signal.SIGCONT)
        finally:
            lab.stop()


@pytest.fixture
def refused(runs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sentences of the refusals so far; each writing method refuses with the next of them."""
    said: list[str] = []
    turns = itertools.cycle(REFUSALS)

    def refuse(*arguments: Any, **named: Any) -> None:
        said.append(next(turns))
        raise REFUSALS[said[-1]]

    for owner, methods in WRITING.items():
        for method in methods:
            monkeypatch.setattr(owner, method, refuse)
    return said


def visit(view: str, address: dict[str, str], state: dict[str, Any]) -> AppTest:
    page = AppTest.from_file(MAIN, default_timeout=LIMIT).run()
    page.switch_page(f"views/{view}/page.py")
    for name, value in address.items():
        page.query_params[name] = value
    for name, value in state.items():
        page.session_state[name] = copy.deepcopy(value)
    return page.run()


def controls(page: AppTest) -> dict[tuple[str, str], str]:
    """Labels of the buttons that can be pressed and the fields that can be filled, by kind and key, or label."""
    return {
        (kind, widget.key or widget.label): widget.label
        for kind in ("button", "text_input", "text_area")
        for widget in getattr(page, kind)
        if not widget.disabled
    }


def use(page: AppTest, control: tuple[str, str]) -> None:
    kind, name = control
    widget = next(w for w in getattr(page, kind) if name == (w.key or w.label) and not w.disabled)
    if kind == "button":
        widget.click().run()
    else:
        widget.set_value("0.02").run()


VISITS: dict[str, tuple[str, dict[str, str], dict[str, Any], set[str]]] = {
    "train": ("train", {}, {}, {"Train"}),
    "train, one that trains": (
        "train",
        {"run": "running"},
        {},
        {"Stop", "Pause", "Schedule's base rate from the next step on"},
    ),
    "train, one that is paused": ("train", {"run": "paused"}, {}, {"Resume", "One step", "One epoch", "Stop"}),
    "train, one that is over": ("train", {"run": "finished"}, {}, {"Save"}),
    "runs": ("runs", {}, {}, {"Resume all interrupted (1)"}),
    "runs, over": ("runs", {}, {"runs.table.kept": ("finished", "paused")}, {"Resume", "Stop", "Delete"}),
    "runs, waiting": (
        "runs",
        {},
        {"runs.table.kept": ("queued",), "visitor.token": TOKEN},
        {"Cancel", "Earlier", "Later"},
    ),
    "runs, the bin": ("runs", {"view": "Bin"}, {"runs.bin.kept": ("deleted",)}, {"Restore", "Delete now"}),
    "one run, over": ("runs", {"run": "finished"}, {}, {"Save", "Delete"}),
    "one run, training": ("runs", {"run": "running"}, {}, {"Stop", "Pause"}),
    "one run, in the bin": ("runs", {"run": "deleted"}, {}, {"Restore"}),
    "several runs": ("runs", {"compare": "finished,paused"}, {}, set()),
    "sweep": ("sweep", {}, {}, {"Start 54 runs", "Map learning rate x batch size"}),
    "race": ("sweep", {"kind": "race"}, {}, {"Start 24 runs"}),
    "race, on its way": ("sweep", {"runs": "running,queued"}, {}, {"Stop"}),
    "race, searched": ("sweep", {"tried": "finished"}, {}, {"Race at these rates"}),
    "surfaces": ("surfaces", {}, {}, set()),
    "landscape": ("landscape", {}, {}, {"Race three optimizers", "Small and large batch"}),
    "predictions": ("predictions", {"model": "other"}, {}, set()),
    "draw": ("draw", {}, {"draw.kept": sent()}, set()),
    "models": (
        "models",
        {},
        {"models.together": ["whole", "other"]},
        {"Restore", "Delete for good", "Save the average"},
    ),
    "one model": ("models", {"model": "whole"}, {}, {"Duplicate", "Delete", "Continue", "Notes"}),
    "lessons": ("lessons", {}, {}, set()),
    "one lesson": ("lessons", {"lesson": "1-batch"}, {"lesson.1-batch.prediction": 0}, {"Run it: 3 runs"}),
}


@pytest.mark.parametrize("name", VISITS)
def test_what_is_refused_is_one_sentence(name: str, runs: dict[str, str], refused: list[str]) -> None:
    view, address, state, acting = VISITS[name]
    address = {key: ",".join(runs.get(part, part) for part in value.split(",")) for key, value in address.items()}
    state = {
        key: tuple(runs[part] for part in value) if isinstance(value, tuple) else value for key, value in state.items()
    }
    page = visit(view, address, state)
    assert not page.exception
    first, acted = controls(page), set()
    for control, label in first.items():
        # Most presses are refused, and leave the page as it was; others open something else.
        if controls(page).keys() != first.keys():
            page = visit(view, address, state)
        before = len(refused)
        use(page, control)
        assert not page.exception, (control, page.exception[0].message)
        if len(refused) > before:
            acted.add(label)
            assert [error.value for error in page.error if error.value in REFUSALS] == [refused[-1]], control
    assert acting <= acted, acting - acted


def _save() -> None:
    from dashboard.views.models import dialogs, runs

    dialogs._save(runs.with_checkpoint())


def _bring() -> None:
    from types import SimpleNamespace

    from dashboard.views.models import dialogs, pictures

    content = pictures.library().content("other")
    dialogs._bring(SimpleNamespace(name="new.safetensors", file_id="1", getvalue=lambda: content))


def _go_on() -> None:
    from dashboard.views.models import dialogs, pictures

    dialogs.continue_form(pictures.library().model("whole"))


def _rename() -> None:
    from dashboard.views.models import detail

    detail._rename.__wrapped__("whole")


@pytest.mark.parametrize(
    ("dialog", "button"), [(_save, "Save"), (_bring, "Load"), (_go_on, "Continue"), (_rename, "Save")]
)
def test_a_dialog_says_why_too(
    dialog: Callable[[], None], button: str, runs: dict[str, str], refused: list[str]
) -> None:
    for _ in REFUSALS:
        page = AppTest.from_function(dialog, default_timeout=LIMIT).run()
        for field in page.text_input:
            if field.label == "New name":
                field.set_value("another")
        next(b for b in page.button if b.label == button).click().run()
        assert not page.exception
        assert [error.value for error in page.error] == [refused[-1]]
    assert set(refused) == set(REFUSALS)
