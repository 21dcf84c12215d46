"""Access to the lab: an optional key, asked for before anything is served, and a teacher's key.

``DESCENT_KEY`` closes the lab: pages, Streamlit's own paths, our routes and both WebSockets answer 401 until the
browser has signed in. ``DESCENT_TEACHER_KEY`` also lets in, and its holder may delete what others made. Only the
health check stays open: it tells no more than that the server runs, and a monitor cannot sign in.
"""

import functools
import hashlib
import hmac
import html
import ipaddress
import os
import secrets
import string
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs

from itsdangerous import TimestampSigner
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from dashboard.boundary import HEALTH, allowed_hosts

VISITOR, TEACHER = "visitor", "teacher"
#: Open without a key, as the health check is: monitors can't sign in.
SIGN_IN = "/lab/sign-in"
COOKIE_SECONDS = 30 * 24 * 3600
KEY_LENGTHS = range(8, 201)
#: A form with the longest key and address has fewer bytes.
LARGEST_FORM = 8192

_TEMPLATE = Path(__file__).with_name("sign_in.html")


class Gate:
    """The lab's keys; an empty one is none.

    A cookie is a random number and the time of the sign-in, signed with the key after scrypt has stretched it. So the
    server stores no sessions, a restart signs nobody out and another key everybody; a sign-in ends by the server's own
    clock; and guessing the key from a stolen cookie is slow.

    Args:
        clock: unix seconds.

    Raises:
        ValueError: if a key is too short, too long or not printable, or both are the same.
    """

    def __init__(self, key: str = "", teacher_key: str = "", clock: Callable[[], float] = time.time) -> None:
        given = {VISITOR: ("DESCENT_KEY", key), TEACHER: ("DESCENT_TEACHER_KEY", teacher_key)}
        self._keys = {role: _checked(name, text) for role, (name, text) in given.items() if text}
        if key and key == teacher_key:
            raise ValueError("DESCENT_TEACHER_KEY must not be the same as DESCENT_KEY: everyone would be the teacher.")
        stretched = {role: _stretched(role, text) for role, text in self._keys.items()}
        self._signers = {role: _Signer(secret, clock) for role, secret in stretched.items()}
        #: A browser's cookies are the same for all ports: two labs on one machine would overwrite each other's.
        self.cookie_name = "descent_key_" + hashlib.sha256(b"".join(stretched.values())).hexdigest()[:8]

    @property
    def closed(self) -> bool:
        """True if a key is needed to come in."""
        return VISITOR in self._keys

    @property
    def has_teacher(self) -> bool:
        return TEACHER in self._keys

    def role_of(self, key: str) -> str | None:
        """Return the role of a key, compared in constant time; None for a wrong one."""
        given = hashlib.sha256(key.encode(errors="replace")).digest()
        same = [
            role for role, k in self._keys.items() if hmac.compare_digest(given, hashlib.sha256(k.encode()).digest())
        ]
        return same[0] if same else None

    def cookie(self, role: str) -> str:
        """Return a new cookie's value for someone who has entered this role's key."""
        return self._signers[role].sign(secrets.token_hex(16)).decode()

    def role(self, cookies: Mapping[str, str]) -> str | None:
        """Return the role that these cookies prove; None without a sign-in in the last ``COOKIE_SECONDS``."""
        cookie = cookies.get(self.cookie_name, "").encode(errors="replace")
        same = [role for role, signer in self._signers.items() if signer.validate(cookie, COOKIE_SECONDS)]
        return same[0] if same else None


class _Signer(TimestampSigner):
    """Signer with a clock of its own; it compares signatures in constant time."""

    def __init__(self, secret: bytes, clock: Callable[[], float]) -> None:
        super().__init__(secret, key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())


def _checked(name: str, key: str) -> str:
    if len(key) not in KEY_LENGTHS or not key.isprintable() or key != key.strip():
        raise ValueError(
            f"{name} must be {KEY_LENGTHS[0]} to {KEY_LENGTHS[-1]} printable characters without spaces around them, "
            f"got {len(key)} characters."
        )
    return key


def _stretched(role: str, key: str) -> bytes:
    return hashlib.scrypt(key.encode(), salt=f"descent lab {role}".encode(), n=2**14, r=8, p=1)


@functools.cache
def gate() -> Gate:
    """Return the gate that the environment asks for. Raises ValueError as ``Gate`` does."""
    return Gate(os.environ.get("DESCENT_KEY", ""), os.environ.get("DESCENT_TEACHER_KEY", ""))


def notice() -> str:
    """Return two sentences about who can use the lab, for the server's log. Raises ValueError as ``allowed_hosts``."""
    hosts = allowed_hosts()
    names = "every name" if hosts is None else f"its addresses and as {', '.join(sorted(hosts))}"
    who = (
        "asks for its key (DESCENT_KEY)"
        if gate().closed
        else "has no key (DESCENT_KEY): anyone on its network can use it"
    )
    return f"This lab {who}. It answers to {names} (DESCENT_HOSTS)."


class Attempts:
    """Wrong keys by address: a few at once, then one every few seconds. Keeps a bounded number of addresses.

    By address, so that nobody can lock a class out; behind a proxy that the operator has not named, all visitors share
    its address.
    """

    AT_ONCE, EVERY_SECONDS, ADDRESSES = 6, 10.0, 4096

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: The time at which an address has all its attempts again; the address that tried longest ago first.
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until the address may try again; 0 if it may now."""
        debt = self._free_at.get(address, 0.0) - self._clock()
        return max(0.0, debt - (self.AT_ONCE - 1) * self.EVERY_SECONDS)

    def failed(self, address: str) -> None:
        """Record a wrong key from the address."""
        self._free_at[address] = max(self._free_at.get(address, 0.0), self._clock()) + self.EVERY_SECONDS
        self._free_at.move_to_end(address)
        if len(self._free_at) > self.ADDRESSES:
            self._free_at.popitem(last=False)


def _address(connection: HTTPConnection) -> str:
    """Return a request's IPv4 address, or the network of its IPv6 address, all of which one machine can use."""
    try:
        address = ipaddress.ip_address(connection.client.host if connection.client else "")
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)


class Access:
    """Middleware that every request and every WebSocket passes: pages, uploads, files and routes alike."""

    def __init__(self, app: ASGIApp, gate: Callable[[], Gate] = gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        connection, path = HTTPConnection(scope), scope["path"]
        gate = self._gate()
        if not gate.closed or path in (SIGN_IN, HEALTH) or gate.role(connection.cookies):
            return None
        asks = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if asks and "text/html" in connection.headers.get("accept", ""):
            query = scope["query_string"].decode("latin-1")
            return _page(gate, f"{path}?{query}" if query else path, 401)
        return PlainTextResponse("This lab asks for its key: open it in a browser and sign in.", 401)


def sign_in(gate: Callable[[], Gate] = gate) -> Route:
    """Make the route that asks for the key and sets the cookie."""
    attempts = Attempts()

    async def endpoint(request: Request) -> Response:
        if request.method != "POST":
            return _page(gate(), _inside(request.query_params.get("next", "/")), 200)
        form = await _form(request)
        if form is None:
            return PlainTextResponse("The form is too long.", 413)
        target, address = _inside(form.get("next", "/")), _address(request)
        if wait := attempts.wait(address):
            seconds = int(wait) + 1
            refusal = _page(gate(), target, 429, f"Too many wrong keys. Try again in {seconds} seconds.")
            refusal.headers["Retry-After"] = str(seconds)
            return refusal
        role = gate().role_of(form.get("key", ""))
        if role is None:
            attempts.failed(address)
            return _page(gate(), target, 403, "That is not the key of this lab.")
        response = RedirectResponse(target, 303, {"Cache-Control": "no-store"})
        response.set_cookie(
            gate().cookie_name,
            gate().cookie(role),
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    return Route(SIGN_IN, endpoint, methods=["GET", "POST"])


async def _form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None if it has more than ``LARGEST_FORM`` bytes."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            return None
    fields = parse_qs(body.decode(errors="replace"), max_num_fields=None)
    return {name: values[0] for name, values in fields.items()}


def _inside(target: str) -> str:
    """Return a path of this lab to go on to; never another site's address."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable() else "/"


def _page(gate: Gate, target: str, status: int, problem: str = "") -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    sentence = (
        "This lab asks for its key. The person who runs it can tell you."
        if gate.closed
        else "This lab is open to everyone. A teacher can sign in here."
    )
    page = string.Template(_TEMPLATE.read_text()).substitute(
        sentence=sentence, problem=html.escape(problem), target=html.escape(target), action=SIGN_IN, nonce=nonce
    )
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; form-action 'self'; "
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy + "base-uri 'none'; frame-ancestors 'none'",
        # Browsers without a referrer would also hide the form's origin.
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(page, status, headers)


middleware = [Middleware(Access)]
routes = [sign_in()]
