"""The visitor of a page: an opaque id, and a name that they may give.

The id belongs to the browser: it is a digest of a random number in a cookie that no script can read, so it can be shown
and stored with a run, and nobody can claim it. The name is a label that anyone may choose; nothing is decided by it.
"""

import hashlib
import re
import secrets
import unicodedata
from collections import OrderedDict
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, unquote

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.owners import Visitor
from dashboard import access, address, fields, lab
from dashboard.words import literal

TOKEN_COOKIE, NAME_COOKIE, ASKED_COOKIE = "descent_visitor", "descent_name", "descent_asked"
COOKIE_SECONDS = 365 * 24 * 3600
LONGEST_NAME = 40
_POPOVER = "visitor"
_NAME, _TOKEN, _TO_KEEP, _PROBLEM, _INPUT, _FIRST_INPUT = (
    f"visitor.{part}" for part in ("name", "token", "to_keep", "problem", "input", "first_input")
)
#: What the server remembers of each visitor, oldest first: all tabs of a browser share it, and a reload keeps it.
_remembered: OrderedDict[tuple[str, str], Any] = OrderedDict()
MOST_REMEMBERED = 10_000


def visitor() -> Visitor:
    """Return the visitor of the page that is running; their name has at most ``LONGEST_NAME`` characters."""
    cookies, id = dict(st.context.cookies), _id()
    # These cookies are as old as the page: a name may have been given in another tab since.
    name = recall(_NAME) or _kept_name(cookies.get(NAME_COOKIE, ""))
    gate = access.gate()
    teacher = gate.role(cookies) == access.TEACHER
    return Visitor(id, name or f"Guest {id[:4]}", bool(name), teacher, open_lab=not gate.has_teacher)


def _id() -> str:
    token = dict(st.context.cookies).get(TOKEN_COOKIE, "")
    if not _is_token(token):
        # No cookies here: the id then lasts as long as the page is open.
        token = st.session_state.setdefault(_TOKEN, secrets.token_hex(16))
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def remember(name: str, value: Any) -> None:
    """Remember a value for this visitor, in the server's memory: until it ends, or so many others have come since."""
    _remembered[_id(), name] = value
    _remembered.move_to_end((_id(), name))
    if len(_remembered) > MOST_REMEMBERED:
        _remembered.popitem(last=False)


def recall(name: str) -> Any:
    """Return what is remembered for this visitor; None if nothing is."""
    return _remembered.get((_id(), name))


def forget(name: str) -> Any:
    """Forget what is remembered for this visitor, and return it; None if nothing was. Of several calls one gets it."""
    return _remembered.pop((_id(), name), None)


def checked_name(text: str) -> str:
    """Return the name as it is stored: single spaces, composed letters.

    Raises:
        ValueError: if it is empty or too long, or has characters that cannot be seen.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        entered = f"you entered {name[:60]!a}" if name else "the field is empty"
        raise ValueError(f"Your name must be 1 to {LONGEST_NAME} visible characters; {entered}.")
    return name


@st.fragment
def control() -> None:
    """Draw the visitor's name, small, with a popover to change it."""
    you = visitor()
    label = f"You: {literal(you.name)}" + (" · teacher" if you.teacher else "")
    if not you.named:
        label += " · tell us your name"
    st.html(_STYLE)
    with st.popover(label, type="tertiary", icon=":material/person:", key=_POPOVER, on_change="rerun"):
        with st.form("visitor.form", border=False):
            given = you.name if you.named else ""
            st.text_input("Your name", given, max_chars=LONGEST_NAME, key=_INPUT, placeholder="Ada")
            st.caption("Everyone in this lab sees it beside your runs. This browser remembers it.")
            st.form_submit_button("Save", on_click=_rename, type="primary")
        _problem(_INPUT)
        if access.gate().has_teacher and not you.teacher:
            way = f"{access.SIGN_IN}?next={quote(address.here())}"
            st.html(f'<a class="visitor-teacher" href="{way}" target="_self">I am the teacher</a>')
    if kept := st.session_state.pop(_TO_KEEP, None):
        cookie, value = kept
        with st.container(key="keep-name"):
            _keep_cookie(data={"cookie": f"{cookie}={quote(value)}", "seconds": COOKIE_SECONDS})


def ask_once() -> None:
    """Ask a visitor without a name for it, kindly: after their first run, until they answer, once in a browser."""
    # Who declined has no name, an empty one.
    if recall(_NAME) is not None or visitor().named or ASKED_COOKIE in dict(st.context.cookies):
        return
    with st.container(border=True, key="ask-name"), st.form("visitor.ask", border=False):
        st.markdown("**Whose work is this?** Everyone here sees the name beside your runs.")
        st.text_input("Your name", max_chars=LONGEST_NAME, key=_FIRST_INPUT, placeholder="Ada")
        with st.container(horizontal=True):
            st.form_submit_button("Save my name", type="primary", on_click=_answer)
            st.form_submit_button("No, thank you", type="tertiary", on_click=_decline)
        _problem(_FIRST_INPUT)


def _answer() -> None:
    _rename(_FIRST_INPUT)


def _decline() -> None:
    remember(_NAME, "")
    st.session_state[_TO_KEEP] = ASKED_COOKIE, "1"


#: The control is as wide as its label, before and after its own reruns; the label stays readable under its popover.
_STYLE = """<style>
.st-key-header > [data-testid="stLayoutWrapper"] { flex: 0 1 auto; width: auto; }
.st-key-visitor button { color: inherit; }
.visitor-teacher { font-size: 0.875rem; color: inherit; }
</style>"""
_keep_cookie = st.components.v2.component(
    "descent_visitor_name",
    js="""export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; secure" : ""
  document.cookie = `${data.cookie}; path=/; max-age=${data.seconds}; samesite=lax${secure}`
}""",
)


def _rename(field: str = _INPUT) -> None:
    you = visitor()
    try:
        name = checked_name(st.session_state[field] or "")
        if not you.named:
            # What they have started as a guest is theirs too.
            lab.service().rename_owner(you.id, you.name, name)
            lab.sweeps().rename_owner(you.id, you.name, name)
    except ValueError as error:
        st.session_state[_PROBLEM] = field, error
        return
    remember(_NAME, name)
    st.session_state[_TO_KEEP] = NAME_COOKIE, name
    st.session_state[_POPOVER] = False


def _problem(field: str) -> None:
    """Say what was wrong with the name in this field, once."""
    entered, error = st.session_state.get(_PROBLEM, ("", None))
    if entered == field:
        del st.session_state[_PROBLEM]
        st.error(fields.explain(error))


def _kept_name(cookie: str) -> str:
    """Return the name in the browser's cookie; empty if there is none or it is invalid."""
    try:
        return checked_name(unquote(cookie, errors="strict"))
    except ValueError:
        return ""


def _is_token(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


class Remember:
    """Middleware that sets the cookie of a browser that opens a page without one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        new = scope["type"] == "http" and scope["method"] == "GET" and self._is_new(HTTPConnection(scope))
        await self._app(scope, receive, _with_cookie(send, scope["scheme"] == "https") if new else send)

    @staticmethod
    def _is_new(connection: HTTPConnection) -> bool:
        return "text/html" in connection.headers.get("accept", "") and not _is_token(
            connection.cookies.get(TOKEN_COOKIE, "")
        )


def _with_cookie(send: Send, secure: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            cookie = SimpleCookie({TOKEN_COOKIE: secrets.token_hex(16)})
            morsel = cookie[TOKEN_COOKIE]
            morsel["path"], morsel["max-age"], morsel["samesite"] = "/", str(COOKIE_SECONDS), "lax"
            morsel["httponly"], morsel["secure"] = True, secure
            MutableHeaders(scope=message).append("Set-Cookie", morsel.OutputString())
        await send(message)

    return sending


middleware = [Middleware(Remember)]
