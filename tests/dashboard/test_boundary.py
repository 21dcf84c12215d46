"""Checks of a request before the lab looks at it: its peer, its host, its origin; and the policy of every page."""

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnected

from dashboard import access, boundary
from dashboard.access import Attempts, Gate
from dashboard.boundary import Boundary, allowed_hosts, host_name
from tests.dashboard.asking import ask
from tests.waiting import LIMIT, wait_for

KEY = "steepest-descent"
ME = socket.gethostname().lower()
OWN = [ME, f"{ME}:8501", f"{ME.partition('.')[0]}.local:8501"]


@pytest.fixture(autouse=True)
def _no_hosts_of_another_test(monkeypatch):
    monkeypatch.delenv("DESCENT_HOSTS", raising=False)
    allowed_hosts.cache_clear()
    yield
    allowed_hosts.cache_clear()


def inside():
    async def socket(websocket):
        await websocket.accept()

    async def text(request):
        return PlainTextResponse("inside")

    async def page(request):
        return HTMLResponse("<p>inside</p>")

    async def strict(request):
        return HTMLResponse("<p>inside</p>", headers={"Content-Security-Policy": "default-src 'none'"})

    methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
    routes = [WebSocketRoute("/{path:path}", socket), Route("/page", page), Route("/strict", strict)]
    return Boundary(Starlette(routes=[*routes, Route("/{path:path}", text, methods=methods)]))


async def late(scope, receive, send):
    """Read from a socket, and write to it, after its end, as Streamlit does while the server ends."""
    connection = WebSocket(scope, receive, send)
    await connection.accept()
    await connection.close()
    await connection.send_text("too late")


def test_a_socket_that_is_used_after_its_end_leaves_no_traceback():
    with pytest.raises(WebSocketDisconnected):
        ask(late, "/", kind="websocket", host="localhost")
    assert ask(Boundary(late), "/", kind="websocket", host="localhost")[0] == 101


def status(path="/", kind="http", method="GET", **headers):
    return ask(inside(), path, method, kind=kind, **{"host": "localhost:8501", **headers})[0]


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8501", "localhost.", "127.0.0.1", "10.1.2.3:80", "[::1]", "[fe80::1]:8501", *OWN],
)
def test_the_lab_answers_to_addresses_and_to_this_machines_names(host):
    assert status(host=host) == 200
    assert status(host=host, kind="websocket") == 101


FOREIGN = [
    "evil.example",
    "evil.example:8501",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "::1",
    "[::1",
    "[x]",
]
FOREIGN += ["", " ", "localhost:8501:1", "localhost:x", "127.0.0.1 evil.example", "a@localhost", "localhost/x", "ł"]


@pytest.mark.parametrize("host", FOREIGN)
def test_another_name_is_refused_with_the_way_out(host):
    for path, kind in (
        ("/", "http"),
        ("/lab/thing", "http"),
        ("/lab/live", "websocket"),
        ("/_stcore/stream", "websocket"),
    ):
        answer = ask(inside(), path, kind=kind, host=host.encode().decode("latin-1"))
        assert answer[0] == 421
        assert "DESCENT_HOSTS" in answer[2] and "inside" not in answer[2]
    assert status("/_stcore/health", host=host.encode().decode("latin-1")) == 200


def test_the_sentence_repeats_little_of_a_long_name():
    assert len(ask(inside(), "/", host="x" * 100_000)[2]) < 250


def test_a_site_that_gives_its_name_the_labs_address_gets_nothing():
    """DNS rebinding: host and origin agree, and neither is the lab's."""
    assert status("/lab/live", "websocket", host="evil.example:8501", origin="http://evil.example:8501") == 421
    assert status("/lab/thing", method="POST", host="evil.example:8501", origin="http://evil.example:8501") == 421


@pytest.mark.parametrize(
    ("hosts", "answers", "not_"),
    [
        ("lab.example.org, Other.Example.org:443", ["lab.example.org", "other.example.org:8501"], "x.lab.example.org"),
        ("*", ["evil.example", "[::1]", ""], None),
        ("a.example,*", ["evil.example"], None),
        (" , ", ["localhost"], "evil.example"),
    ],
)
def test_the_operator_names_further_hosts(monkeypatch, hosts, answers, not_):
    monkeypatch.setenv("DESCENT_HOSTS", hosts)
    assert [status(host=host) for host in answers] == [200] * len(answers)
    assert status() == 200
    assert not_ is None or status(host=not_) == 421


@pytest.mark.parametrize("hosts", ["http://lab.example.org", "lab.example.org lab2", "[::1", "x" * 200 + "/"])
def test_senseless_hosts_are_refused_at_the_start(monkeypatch, hosts):
    monkeypatch.setenv("DESCENT_HOSTS", hosts)
    with pytest.raises(ValueError) as refused:
        access.notice()
    assert re.fullmatch(
        r"DESCENT_HOSTS must be names with commas between them, or \*, got DESCENT_HOSTS = .{1,101}\.",
        str(refused.value),
    )


def test_a_host_has_neither_port_nor_brackets():
    assert [host_name(host) for host in ("[FE80::1]:80", "Lab.example:8501", "lab:", "10.0.0.1")] == [
        "fe80::1", "lab.example", "lab", "10.0.0.1"
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/lab/live", "/_stcore/stream", "/lab/other"])
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:8502",
        "http://localhost",
        "nonsense",
        "",
        "http://[",
        "http://[x]",
    ],
)
def test_no_page_but_the_labs_own_opens_a_websocket_or_acts(path, origin):
    assert status(path, "websocket", origin=origin) == 403
    assert [status(path, method=method, origin=origin) for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")] == [
        403
    ] * 5
    assert status(path, origin=origin) == 200


@pytest.mark.parametrize("path", ["/lab/live", "/_stcore/stream"])
def test_the_labs_own_page_and_no_page_at_all_may(path):
    for headers in ({"origin": "http://localhost:8501"}, {}):
        assert status(path, "websocket", **headers) == 101
        assert status(path, method="PUT", **headers) == 200


def test_every_page_has_a_policy_and_keeps_its_own():
    def policy(path):
        return ask(inside(), path, host="localhost")[1].get("content-security-policy")

    given = dict(part.split(" ", 1) for part in policy("/page").split("; "))
    assert given["img-src"] == "'self' data: blob:"
    assert given["connect-src"] == "'self' data: blob:"
    assert given["default-src"] == "'self'"
    assert not re.search(r"https?:|\*", policy("/page"))
    assert "unsafe-inline" not in given["script-src"]
    assert policy("/strict") == "default-src 'none'"
    assert policy("/text") is None


def test_the_policy_names_the_one_script_in_streamlits_page():
    assert len(re.findall(r"'sha256-[\w+/]{43}='", boundary.policy())) == 1


@pytest.fixture
def port() -> Iterator[int]:
    """A closed lab's sign-in behind uvicorn as Streamlit sets it up, on the loopback."""
    gate = Gate(KEY)
    app = Starlette(routes=[access.sign_in(lambda: gate)], middleware=[*boundary.middleware])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, ws="none", access_log=False, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        wait_for(lambda: server.started)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(LIMIT)


def guess(port, key, forwarded):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    headers = {"X-Forwarded-For": forwarded, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", access.SIGN_IN, urlencode({"key": key}), headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_forty_guesses_with_forty_forwarded_addresses_are_one_machines(port):
    statuses = [guess(port, f"guess {i}", f"10.0.0.{i}") for i in range(40)]
    assert statuses == [403] * Attempts.AT_ONCE + [429] * (40 - Attempts.AT_ONCE)


def test_the_visitors_behind_a_proxy_that_the_operator_names_are_told_apart(monkeypatch, request):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    port = request.getfixturevalue("port")
    assert [guess(port, "guess", "10.0.0.1") for _ in range(Attempts.AT_ONCE + 1)][-1] == 429
    assert guess(port, KEY, "10.0.0.2") == 303
