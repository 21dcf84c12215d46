"""The one run service of this server process: started and stopped with the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from core import data, paths
from core.runs.service import Service

_service: Service | None = None


def service() -> Service:
    """The running service.

    Raises:
        RuntimeError: outside the server's lifetime.
    """
    if _service is None:
        raise RuntimeError("The run service is not running: start the lab with `streamlit run app.py`.")
    return _service


def start() -> None:
    """Start the service on the lab's home folder."""
    global _service
    data.load()
    _service = Service(paths.home())


def stop() -> None:
    """Stop the service, and with it every worker process."""
    global _service
    if _service is not None:
        _service.close()
        _service = None


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """The server's lifetime."""
    start()
    try:
        yield
    finally:
        stop()
