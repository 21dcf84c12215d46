"""The one run service of this server process: started and stopped with the server."""

import gc
import importlib
import os
import pkgutil
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

# Streamlit imports pandas when a page first needs it, and plotly looks at it wherever it finds it, half imported in
# another visitor's thread too. Imported here, before there are visitors, both are whole.
import pandas  # noqa: F401
import plotly.graph_objects  # noqa: F401

import dashboard
from core import data, devices, paths
from core.runs.service import Service
from core.sweep.studies import Studies
from dashboard import access, ending

_service: Service | None = None
_sweeps: Studies | None = None
#: Both the signal and the server's own end stop the service; the second waits for the first.
_stopping = threading.Lock()


class NotRunningError(RuntimeError):
    """The service has not begun, or has ended; a server that ends is still asked for pages."""


def service() -> Service:
    """Return the running service.

    Raises:
        NotRunningError: outside the server's lifetime.
    """
    if _service is None:
        raise NotRunningError("The lab is not running: start it with `streamlit run app.py`.")
    return _service


def device_kinds() -> list[str]:
    """Return the kinds of device that a run may ask for, ``cpu`` first; without a service, this machine's."""
    return devices.available_kinds() if _service is None else _service.devices


def sweeps() -> Studies:
    """Return the sweeps of the running service; raises as ``service``."""
    service()
    assert _sweeps is not None
    return _sweeps


def start() -> None:
    """Start the service on the lab's home folder, and its sweeps."""
    global _service, _sweeps
    devices.return_large_memory()
    data.load()
    _service = Service(paths.home())
    _sweeps = Studies(paths.home() / "sweeps", _service)


def stop() -> None:
    """Stop the sweeps and the service, and with it every worker process."""
    global _service, _sweeps
    with _stopping:
        if _service is not None:
            if _sweeps is not None:
                _sweeps.close()
            _service.close()
            _service = _sweeps = None


def import_pages() -> None:
    """Import all of the dashboard but the frame and the pages, which are scripts that a visit runs."""
    for module in pkgutil.walk_packages(dashboard.__path__, f"{dashboard.__name__}."):
        if not module.name.endswith((".main", ".page")):
            importlib.import_module(module.name)


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Run the service during the server's lifetime; a lab that cannot start ends the server with one sentence."""
    try:
        notice = access.notice()
        start()
    except (data.DataError, ValueError, OSError) as error:
        print(error, file=sys.stderr, flush=True)
        # An exception from here would be printed as a traceback; nothing runs yet that would need to be ended.
        os._exit(1)
    print(notice, flush=True)
    ending.bound(stop)
    # Only now, since what is cached needs the server's runtime; and not at the first visits, which would wait for each
    # other's imports, and the event loop with them.
    import_pages()
    from dashboard.views.surfaces import controls, walks

    # No thread computes while Python looks for garbage; it need not look at what the lab itself consists of.
    gc.collect()
    gc.freeze()
    first = ((controls.FIRST_FUNCTION,), controls.FIRST_PICTURE)
    threading.Thread(target=walks.warm, args=first, daemon=True).start()
    try:
        yield
    finally:
        stop()
