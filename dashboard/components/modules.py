"""The components' JavaScript as ES modules: served to the pages, or inside a page that stands alone."""

import base64
import hashlib
import json
import posixpath
import re
from importlib.resources import files
from pathlib import Path

FOLDER = Path(__file__).parent
#: Source of every module by its path in this folder, as in ``chart/chart.js``. Read once: pages never mix versions.
SOURCES = {path.relative_to(FOLDER).as_posix(): path.read_text("utf-8") for path in sorted(FOLDER.rglob("*.js"))}
#: Part of the address, so that browsers may keep modules for ever and still get new ones after an upgrade.
DIGEST = hashlib.sha256(json.dumps(SOURCES).encode()).hexdigest()[:16]
ADDRESS = f"/lab/components/{DIGEST}"
#: plotly.js, as its Python package brings it.
PLOTLY = Path(str(files("plotly"))) / "package_data" / "plotly.min.js"

#: The end of an import from another module; the linter allows no other quotes.
_FROM = re.compile(r'(?<=\bfrom ")\.{1,2}/[^"]+(?=")')


def component_script(entry: str) -> str:
    """Return a component's ``js``: it imports ``entry`` from the server, and the modules of ``entry`` at the same time.

    Streamlit runs a component's script from a blob, which relative addresses can't be resolved against.
    """
    addresses = json.dumps([f"{ADDRESS}/{path}" for path in needed_by(entry)])
    return (
        f"const addresses = {addresses}.map(path => location.origin + path)\n"
        "const [{ default: mount }] = await Promise.all(addresses.map(address => import(address)))\n"
        "export default mount\n"
    )


def needed_by(entry: str) -> list[str]:
    """Return the paths of ``entry`` and of all that it imports, itself first."""
    paths = [entry]
    for path in paths:
        paths += [other for other in _imports(path) if other not in paths]
    return paths


def import_map(*entries: str) -> str:
    """JSON of an import map with ``entries`` and all that they import as data URLs, each under its path.

    Inside a data URL a relative name can't be resolved, so each import is rewritten to the path.
    """
    imports = {}
    for path in dict.fromkeys(path for entry in entries for path in needed_by(entry)):
        source = _FROM.sub(lambda name, path=path: _resolved(path, name[0]), SOURCES[path])  # type: ignore[misc]
        imports[path] = "data:text/javascript;base64," + base64.b64encode(source.encode()).decode()
    return json.dumps({"imports": imports})


def _imports(path: str) -> list[str]:
    return [_resolved(path, name) for name in _FROM.findall(SOURCES[path])]


def _resolved(path: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
