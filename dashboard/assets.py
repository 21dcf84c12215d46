"""Files for browsers, served from this machine, so that none needs the internet: pages, plotly.js, our own modules."""

from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard.boundary import INDEX
from dashboard.components.modules import DIGEST, PLOTLY, SOURCES

_TYPE = "text/javascript"
_PAPER = ", ".join(str(st.get_option(f"theme.{theme}.backgroundColor")) for theme in ("light", "dark"))
#: The lab's own style; ``--paper`` is the theme's background, for what lies over other parts of a page.
STYLE = f":root {{ --paper: light-dark({_PAPER}); }}\n{Path(__file__).with_name('main.css').read_text('utf-8')}"
#: The page that Streamlit serves for each of the lab's, with the style in it from the start: what a later one places
#: would move.
PAGE = INDEX.read_text("utf-8").replace("</head>", f"<style>{STYLE}</style></head>")
PATHS = ("runs", "sweep", "race", "surfaces", "landscape", "predictions", "draw", "models", "lessons")


async def page(request: Request) -> Response:
    """Frame of a page; the rest comes by the WebSocket."""
    return Response(PAGE, media_type="text/html", headers={"Cache-Control": "no-cache"})


async def train(request: Request) -> Response:
    """Train by its own name: Streamlit has the first page at the root alone."""
    return RedirectResponse(f"./?{request.url.query}" if request.url.query else "./")


async def plotly_js(request: Request) -> FileResponse:
    """plotly.js out of the Python package."""
    return FileResponse(PLOTLY, media_type=_TYPE, headers={"Cache-Control": "public, max-age=604800"})


async def module(request: Request) -> Response:
    """One of the components' modules. A page of another version must not get it: what it would import may be gone."""
    source = SOURCES.get(request.path_params["path"]) if request.path_params["digest"] == DIGEST else None
    if source is None:
        return Response("There is no such module. Reload the page.", status_code=404, media_type="text/plain")
    return Response(source, media_type=_TYPE, headers={"Cache-Control": "public, max-age=31536000, immutable"})


routes = [
    Route("/lab/plotly.min.js", plotly_js),
    Route("/lab/components/{digest}/{path:path}", module),
    Route("/train", train),
    *(Route(f"/{path}", page) for path in ("", *PATHS)),
]
