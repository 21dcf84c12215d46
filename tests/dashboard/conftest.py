"""A lab for each module's tests, so that pages run without a server, and what its pages are asked."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner import ScriptRunner
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from app import app
from core.models import checkpoints
from core.runs.service import Service
from core.training.network import Network
from dashboard import lab
from tests.waiting import LIMIT, wait_for

DASHBOARD = Path(lab.__file__).parent


def page_of(view: str, /, **address: str) -> AppTest:
    """A page of the lab, not run yet: ``page_of("runs", run=run_id)``; ``page_of("")`` is the frame of all pages."""
    place = DASHBOARD / "views" / view / "page.py" if view else DASHBOARD / "main.py"
    page = AppTest.from_file(str(place), default_timeout=LIMIT)
    for name, value in address.items():
        page.query_params[name] = value
    return page


def open_page(view: str, /, **address: str) -> AppTest:
    """A page of the lab after its first run."""
    return page_of(view, **address).run()


def figures(page: AppTest) -> list[dict[str, Any]]:
    """The still figures on a page, as plotly takes them."""
    elements = page.get("bidi_component")
    own = [element.proto for element in elements if element.proto.component_name.endswith("descent_figure")]
    return [json.loads(proto.json)["figure"] for proto in own]


def in_address(page: AppTest, name: str) -> str:
    """A value of the page's address; a page that has set it gives text, the address itself a list."""
    value = page.query_params[name]
    return value if isinstance(value, str) else value[0]


def take_away(service: Service, run_id: str) -> None:
    """Remove a row as if it had never been: the next one has its number again."""
    service._store.remove(run_id)
    service._store._execute("UPDATE numbers SET last = (SELECT coalesce(max(number), 0) FROM runs)", ())


def button(page: AppTest, label: str) -> Button:
    """The button with this label, or the first one whose label begins with it."""
    return next((b for b in page.button if b.label == label), None) or next(
        b for b in page.button if b.label.startswith(label)
    )


def labels(page: AppTest) -> list[str]:
    return [b.label for b in page.button]


def text(page: AppTest) -> str:
    """All sentences of the page: markdown, captions, headings and notes."""
    kinds = ("markdown", "caption", "subheader", "info")
    return "\n".join(str(getattr(element, "value", "")) for kind in kinds for element in page.get(kind))


def wait_for_runs(service: Service, ids: list[str]) -> None:
    """Wait until all these runs are over."""
    wait_for(lambda: all(run and run.over for run in map(service.run, ids)))


@pytest.fixture(scope="session", autouse=True)
def _installed_components() -> Iterator[None]:
    """Look once for components among the installed packages, as a server does: each page of a test would look again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a page raises shown as the server shows it."""
    handler = property(lambda runner: app._on_script_error, lambda runner, none: None)
    monkeypatch.setattr(ScriptRunner, "_on_script_error", handler, raising=False)


@pytest.fixture
def teachers_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab with a teacher's key, which the visitor does not have."""
    monkeypatch.setattr("dashboard.access.Gate.has_teacher", True)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The lab's service, with a home and a models folder for this module alone; one network in it is untrained."""
    folder = tmp_path_factory.mktemp("lab")
    models = folder / "models"
    models.mkdir()
    checkpoints.save_parameters(Network(seed=3), models / "untrained.safetensors", {})
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DESCENT_HOME", str(folder / "home"))
        environment.setenv("DESCENT_MODELS", str(models))
        # A worker's own imports take as long as most of its tests.
        environment.setenv("DESCENT_WORKERS", "1")
        lab.start()
        yield lab.service()
        lab.stop()
