"""Scripts for browsers: plotly.js and the components' modules."""

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette

from dashboard import assets
from dashboard.boundary import INDEX
from dashboard.components.modules import ADDRESS, SOURCES
from tests.visiting import PAGES


def get(path: str, query: str = "") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a request."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> None:
        """The client stays connected and says nothing: some responses wait here for it to go."""
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": query.encode()}
    asyncio.run(asyncio.wait_for(Starlette(routes=assets.routes)(scope, receive, send), 30))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:])


def test_every_page_has_the_labs_style_before_its_script_runs() -> None:
    # The former address of races is a page too, and draws the frame before it leads on.
    assert {"/", *(f"/{path}" for path in assets.PATHS)} == {"/race", *(path for path, _ in PAGES.values())}
    for path in ("/", *(f"/{path}" for path in assets.PATHS)):
        status, headers, body = get(path)
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert body.replace(f"<style>{assets.STYLE}</style>".encode(), b"") == INDEX.read_bytes() != body


@pytest.mark.parametrize(("query", "leads"), [("", "./"), ("run=0123&compare=a,b", "./?run=0123&compare=a,b")])
def test_train_is_found_by_its_own_name(query: str, leads: str) -> None:
    status, headers, _ = get("/train", query)
    assert (status, headers["location"]) == (307, leads)


def test_plotly_comes_from_this_machine() -> None:
    status, headers, body = get("/lab/plotly.min.js")
    assert status == 200
    assert headers["content-type"].startswith("text/javascript")
    assert "max-age" in headers["cache-control"]
    assert b"plotly.js v" in body[:1000]


def test_a_module_is_kept_for_ever() -> None:
    status, headers, body = get(f"{ADDRESS}/shared/format.js")
    assert status == 200
    assert headers["content-type"].startswith("text/javascript")
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert body.decode() == SOURCES["shared/format.js"]


@pytest.mark.parametrize(
    "path",
    [
        "/lab/components/0000000000000000/shared/format.js",
        f"{ADDRESS}/shared/nothing.js",
        f"{ADDRESS}/modules.py",
        f"{ADDRESS}/player/player.css",
        f"{ADDRESS}/../../app.py",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    assert get(path)[0] == 404
