"""Boundary of the lab: what a request must be before anything looks at it, and what a page may load.

The middleware is the outermost one, in front of the keys. It says who asks: the machine at the other end of the
connection. It refuses a request under a name that is not the lab's, which ends DNS rebinding, where a foreign site
gives its own name the lab's address; and one that another site's page sends. And it gives every HTML page a policy by
which the browser loads nothing from elsewhere, whatever stands in the page.
"""

import base64
import contextlib
import functools
import hashlib
import ipaddress
import os
import re
import socket
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnected

from core.files import shortened

#: Open under every name: monitors ask by whatever name they know, and it says only that the server runs.
HEALTH = "/_stcore/health"
#: The page that Streamlit serves under every path.
INDEX = Path(str(files("streamlit"))) / "static" / "index.html"

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{0,5})?")


def host_name(header: str) -> str:
    """Return a host without its port and brackets, in small letters: ``[::1]:8501`` is ``::1``.

    Raises:
        ValueError: if it is no host.
    """
    match = _HOST.fullmatch(header.strip().lower())
    if not match:
        raise ValueError(f"A host must be a name or an address, got {shortened(header)}.")
    return match[1].strip("[]").removesuffix(".")


@functools.cache
def allowed_hosts() -> frozenset[str] | None:
    """Return the names under which the lab answers, besides every address; None for all names.

    Raises:
        ValueError: if ``DESCENT_HOSTS`` has a part that is no host.
    """
    listed = [part for part in os.environ.get("DESCENT_HOSTS", "").split(",") if part.strip()]
    if "*" in map(str.strip, listed):
        return None
    try:
        named = {host_name(part) for part in listed}
    except ValueError:
        raise ValueError(
            "DESCENT_HOSTS must be names with commas between them, or *, "
            f"got DESCENT_HOSTS = {shortened(os.environ['DESCENT_HOSTS'])}."
        ) from None
    short, full = socket.gethostname().lower(), socket.getfqdn().lower()
    return frozenset({"localhost", short, full, f"{short.partition('.')[0]}.local", *named})


def is_allowed(header: str) -> bool:
    """Return True if the lab answers to this ``Host``."""
    allowed = allowed_hosts()
    if allowed is None:
        return True
    try:
        name = host_name(header)
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in allowed
    return True


def is_same_origin(connection: HTTPConnection) -> bool:
    """Return True if the request comes from a page of this lab, or from no page at all.

    Any other site that a visitor opens could send requests with the lab's cookie, another port's included.
    """
    origin = connection.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == connection.headers.get("host")
    except ValueError:
        return False


@functools.cache
def policy() -> str:
    """Return the Content-Security-Policy of every page that has none of its own."""
    # Streamlit's page has a script of its own in it; named by its digest, no other can run.
    inline = re.findall(rb"<script>(.*?)</script>", INDEX.read_bytes(), re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in inline]
    sources = {
        "default-src": "'self'",
        # Streamlit imports each component's script from a blob. plotly.js writes the drawing of parallel coordinates as
        # text that it then runs: without unsafe-eval it says that the browser has no WebGL.
        "script-src": " ".join(["'self'", "blob:", "'unsafe-eval'", *(f"'sha256-{digest}'" for digest in digests)]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        # The camera's picture is fetched from a data URL.
        "connect-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {allowed}" for name, allowed in sources.items())


class Boundary:
    """Middleware that every request and every WebSocket passes first."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        _restore_peer(scope, receive)
        refusal = _refusal(scope)
        if refusal is None and scope["type"] == "websocket":
            # Streamlit reads from and writes to a socket that was closed a moment ago, as when the server ends.
            with contextlib.suppress(WebSocketDisconnected):
                await self._app(scope, receive, send)
        elif refusal is None:
            await self._app(scope, receive, _with_policy(send))
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)


def _restore_peer(scope: Scope, receive: Receive) -> None:
    """Put the address of the connection's other end back into the scope.

    uvicorn puts the one that ``X-Forwarded-For`` names there if a process of this machine asks, and anyone may write
    that header. ``FORWARDED_ALLOW_IPS``, uvicorn's own variable, names the proxies whose header counts; a lab that
    listens on IPv6 too, as Streamlit does without ``--server.address``, knows an IPv4 proxy as ``::ffff:127.0.0.1``.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    peer = transport.get_extra_info("peername") if transport else None
    if peer and not os.environ.get("FORWARDED_ALLOW_IPS"):
        scope["client"] = tuple(peer[:2])


def _refusal(scope: Scope) -> PlainTextResponse | None:
    connection = HTTPConnection(scope)
    host = connection.headers.get("host", "")
    if scope["path"] != HEALTH and not is_allowed(host):
        return PlainTextResponse(
            f"This lab does not answer to the name {shortened(host) or 'that is missing'}: open it by its address, or "
            "start it with the name in DESCENT_HOSTS.",
            421,
        )
    acts = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
    if acts and not is_same_origin(connection):
        return PlainTextResponse(
            "Another site's page may not use this lab; a proxy in front of it must pass the Host on.", 403
        )
    return None


def _with_policy(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers.setdefault("Content-Security-Policy", policy())
        await send(message)

    return sending


middleware = [Middleware(Boundary)]
