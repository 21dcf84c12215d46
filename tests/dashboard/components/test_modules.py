"""The components' ES modules: what they import, and the two ways in which pages get them."""

import base64
import json
import re

import pytest

from dashboard.components.modules import ADDRESS, SOURCES, component_script, import_map, needed_by

ENTRIES = [path for path, source in SOURCES.items() if "\nexport default " in source]


def test_every_component_has_an_entry() -> None:
    assert ENTRIES == [
        "canvas/canvas.js",
        "chart/chart.js",
        "clickable/clickable.js",
        "figure/figure.js",
        "player/landscape/landscape.js",
        "player/surface/surface.js",
        "run_table/table.js",
        "session/screen.js",
        "session/session.js",
        "speech/speech.js",
    ]


@pytest.mark.parametrize("entry", ENTRIES)
def test_all_that_is_imported_is_there(entry: str) -> None:
    needed = needed_by(entry)
    assert needed[0] == entry
    assert len(needed) == len(set(needed))
    assert set(needed) <= set(SOURCES)


def test_every_module_is_needed() -> None:
    assert {path for entry in ENTRIES for path in needed_by(entry)} == set(SOURCES)


def test_what_a_module_needs() -> None:
    assert set(needed_by("run_table/table.js")) == {
        "run_table/table.js",
        "run_table/cells.js",
        "run_table/filter.js",
        "shared/dom.js",
        "shared/lasting.js",
        "shared/scales.js",
        "shared/format.js",
        "shared/series.js",
    }


def test_every_import_is_found() -> None:
    """An import written in another way would be missing in a page that stands alone."""
    for path, source in SOURCES.items():
        imports = re.findall(r"^import\b.*$", source, re.MULTILINE)
        assert all(re.search(r' from "\.{1,2}/[\w/.]+\.js"$', line) for line in imports), path
        assert not re.search(r'\bimport\(|^export .* from "', source, re.MULTILINE), path


def test_a_component_imports_from_the_server() -> None:
    script = component_script("clickable/clickable.js")
    assert f'["{ADDRESS}/clickable/clickable.js"]' in script
    assert script.endswith("export default mount\n")


@pytest.mark.parametrize("entry", ["player/landscape/landscape.js", "player/surface/surface.js"])
def test_an_import_map_holds_all_modules_under_plain_names(entry: str) -> None:
    imports = json.loads(import_map(entry))["imports"]
    assert list(imports) == needed_by(entry)
    for address in imports.values():
        kind, content = address.split(",")
        assert kind == "data:text/javascript;base64"
        for name in re.findall(r'\bfrom "([^"]+)"', base64.b64decode(content).decode()):
            assert name in imports
