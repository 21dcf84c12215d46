"""The lab's keys: what is let through, what signs in, what is refused. With real servers: tests/e2e/test_access.py."""

import re
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from dashboard import access
from dashboard.access import TEACHER, VISITOR, Access, Attempts, Gate
from tests.dashboard.asking import ask

KEY, TEACHER_KEY = "steepest-descent", "golden teacher"
HTML = {"accept": "text/html,*/*"}


@pytest.fixture(scope="module")
def gate():
    return Gate(KEY, TEACHER_KEY)


@pytest.fixture
def app(gate):
    """A closed lab with one page, one route of ours and one WebSocket, which must see only who may come in."""
    return lab_behind(gate)


def lab_behind(gate):
    async def socket(websocket):
        await websocket.accept()

    async def page(request):
        return PlainTextResponse("inside")

    methods = ["GET", "POST", "PUT", "DELETE"]
    routes = [access.sign_in(lambda: gate), WebSocketRoute("/lab/live", socket)]
    routes += [Route(path, page, methods=methods) for path in ("/lab/thing", "/{path:path}")]
    return Access(Starlette(routes=routes), lambda: gate)


def post_key(app, key, to="/", client="10.0.0.1", **headers):
    body = urlencode({"key": key, "next": to}).encode()
    return ask(app, "/lab/sign-in", "POST", body, client=client, origin="http://lab:8501", **headers)


def cookie_of(answer):
    return answer[1]["set-cookie"].split(";")[0]


@pytest.mark.parametrize("path", ["/", "/surfaces?x=1", "/static/app.js", "/_stcore/host-config", "/lab/thing", "/lab"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_nothing_is_served_without_the_key(app, path, method):
    status, _, text = ask(app, path, method)
    assert (status, "inside" in text) == (401, False)


@pytest.mark.parametrize("path", ["/lab/live", "/_stcore/stream"])
def test_no_websocket_opens_without_the_key(app, path):
    assert ask(app, path, kind="websocket")[0] == 401


@pytest.mark.parametrize(
    "path", ["/_stcore/health/", "//_stcore/health", "/_stcore/healthy", "/lab/sign-in/", "/lab/sign-in/x"]
)
def test_only_the_exact_open_paths_are_open(app, path):
    assert ask(app, "/_stcore/health")[0] == 200
    assert ask(app, path)[0] == 401


def test_a_browser_gets_the_sign_in_page_in_the_place_of_a_page(app):
    status, headers, text = ask(app, '/surfaces?a="><script>', **HTML)
    assert status == 401
    assert headers["cache-control"] == "no-store"
    assert 'name="next" type="hidden" value="/surfaces?a=&quot;&gt;&lt;script&gt;"' in text
    nonces = set(re.findall(r'nonce="([^"]+)"', text))
    assert len(nonces) == 1
    assert f"script-src 'nonce-{nonces.pop()}'" in headers["content-security-policy"]


@pytest.mark.parametrize("key", [KEY, TEACHER_KEY])
def test_the_key_opens_everything_and_leads_back(app, gate, key):
    answer = post_key(app, key, "/surfaces?x=1")
    assert (answer[0], answer[1]["location"]) == (303, "/surfaces?x=1")
    given = answer[1]["set-cookie"]
    assert "HttpOnly" in given and "SameSite=lax" in given and "Path=/" in given and "Secure" not in given
    assert key not in given
    for path, kind, status in (("/", "http", 200), ("/lab/thing", "http", 200), ("/lab/live", "websocket", 101)):
        assert ask(app, path, kind=kind, cookie=cookie_of(answer))[0] == status


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\r\nb: c", ""]
)
def test_signing_in_leads_to_no_other_site(app, target):
    assert post_key(app, KEY, target)[1]["location"] == "/"


@pytest.mark.parametrize("key", ["", "wrong", KEY.upper(), f" {KEY}", KEY + "\0", "ключ", "x" * 4000])
def test_a_wrong_key_is_said_to_be_wrong_and_gives_no_cookie(app, key):
    status, headers, text = post_key(app, key)
    assert (status, "set-cookie" in headers) == (403, False)
    assert "That is not the key of this lab." in text


def test_a_form_that_is_too_long_is_not_read(app):
    assert post_key(app, "x" * 10_000)[0] == 413


def test_wrong_keys_are_bounded_by_address(app):
    wrong = [post_key(app, f"guess {i}")[0] for i in range(Attempts.AT_ONCE + 1)]
    assert wrong == [403] * Attempts.AT_ONCE + [429]
    status, headers, text = post_key(app, KEY)
    assert status == 429
    assert 1 <= int(headers["retry-after"]) <= 11
    assert re.search(r"Too many wrong keys. Try again in \d+ seconds.", text)
    assert post_key(app, KEY, client="10.0.0.2")[0] == 303


def test_one_machine_cannot_use_its_ipv6_network_to_guess_on(app):
    for i in range(Attempts.AT_ONCE):
        post_key(app, "guess", client=f"2001:db8::{i}")
    assert post_key(app, KEY, client="2001:db8::ffff")[0] == 429
    assert post_key(app, KEY, client="2001:db8:0:1::1")[0] == 303
    assert post_key(app, KEY, client="::ffff:10.0.0.3")[0] == 303


def test_attempts_come_back_one_by_one():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(6):
        assert attempts.wait("a") == 0
        attempts.failed("a")
    assert attempts.wait("a") == 10
    now[0] = 10
    assert attempts.wait("a") == 0
    attempts.failed("a")
    assert attempts.wait("a") == 10
    now[0] = 1000
    for _ in range(6):
        assert attempts.wait("a") == 0
        attempts.failed("a")
    assert attempts.wait("a") == 10


def test_the_table_of_attempts_is_bounded():
    attempts = Attempts(lambda: 0.0)
    attempts.ADDRESSES = 3
    for address in "abcd":
        attempts.failed(address)
    assert len(attempts._free_at) == 3


def test_an_open_lab_asks_for_nothing():
    app = lab_behind(Gate())
    assert ask(app, "/", **HTML)[0] == 200
    assert ask(app, "/lab/live", kind="websocket")[0] == 101
    assert post_key(app, "any key at all")[0] == 403


def test_a_teacher_signs_in_to_an_open_lab():
    gate = Gate("", TEACHER_KEY)
    app = lab_behind(gate)
    assert "A teacher can sign in here." in ask(app, "/lab/sign-in", **HTML)[2]
    name, value = cookie_of(post_key(app, TEACHER_KEY)).split("=", 1)
    assert gate.role({name: value}) == TEACHER


def test_a_cookie_holds_its_role_and_nobody_can_make_one(gate):
    for role in (VISITOR, TEACHER):
        assert gate.role({gate.cookie_name: gate.cookie(role)}) == role
    assert gate.cookie(VISITOR) != gate.cookie(VISITOR)
    nonce, time, signature = gate.cookie(VISITOR).split(".")
    forged = ["", ".", nonce, f"{nonce}.", f".{signature}", f"{nonce}x.{time}.{signature}", "é.é"]
    forged += [f"{nonce}.{time}.{signature[:-1]}", f"{nonce}.{time[:-1]}x.{signature}", f"{nonce}.{time}."]
    assert [gate.role({gate.cookie_name: value}) for value in forged] == [None] * len(forged)
    assert gate.role({}) is None


def test_another_key_signs_everybody_out_and_a_restart_nobody(gate):
    cookies = {gate.cookie_name: gate.cookie(VISITOR)}
    assert Gate(KEY, TEACHER_KEY).role(cookies) == VISITOR
    other = Gate(KEY + "!", TEACHER_KEY)
    assert other.role({other.cookie_name: cookies[gate.cookie_name]}) is None
    assert other.cookie_name != gate.cookie_name


@pytest.mark.parametrize("key", ["short", "x" * 201, "tab\tinside", " spaces around ", "\n" * 9])
def test_a_senseless_key_is_refused_without_being_shown(key):
    with pytest.raises(ValueError) as refused:
        Gate(key)
    assert str(refused.value) == (
        f"DESCENT_KEY must be 8 to 200 printable characters without spaces around them, got {len(key)} characters."
    )


def test_both_keys_must_differ():
    with pytest.raises(ValueError, match="DESCENT_TEACHER_KEY must not be the same as DESCENT_KEY"):
        Gate(KEY, KEY)


def test_the_start_says_who_can_use_the_lab(monkeypatch):
    monkeypatch.setattr(access, "allowed_hosts", lambda: frozenset({"localhost", "box"}))
    monkeypatch.setattr(access, "gate", Gate)
    assert access.notice() == (
        "This lab has no key (DESCENT_KEY): anyone on its network can use it. "
        "It answers to its addresses and as box, localhost (DESCENT_HOSTS)."
    )
    monkeypatch.setattr(access, "allowed_hosts", lambda: None)
    monkeypatch.setattr(access, "gate", lambda: Gate(KEY))
    assert access.notice() == "This lab asks for its key (DESCENT_KEY). It answers to every name (DESCENT_HOSTS)."


def test_a_sign_in_ends_after_thirty_days_by_the_servers_clock():
    now = 1_800_000_000.0
    gate = Gate(KEY, TEACHER_KEY, clock=lambda: now)
    cookies = {role: {gate.cookie_name: gate.cookie(role)} for role in (VISITOR, TEACHER)}
    for days, roles in ((0, [VISITOR, TEACHER]), (30, [VISITOR, TEACHER]), (30.001, [None, None]), (400, [None, None])):
        now = 1_800_000_000.0 + days * 24 * 3600
        assert [gate.role(cookies[role]) for role in (VISITOR, TEACHER)] == roles
        assert [ask(lab_behind(gate), "/", cookie=one(cookies[role]))[0] for role in (VISITOR, TEACHER)] == [
            200 if role else 401 for role in roles
        ]


def test_a_cookie_of_tomorrow_and_one_without_a_time_are_refused():
    gate = Gate(KEY, clock=lambda: 1_800_000_000.0)
    tomorrow = Gate(KEY, clock=lambda: 1_800_000_000.0 + 24 * 3600).cookie(VISITOR)
    nonce, _, signature = gate.cookie(VISITOR).split(".")
    for value in (tomorrow, f"{nonce}.{signature}", "", "a.b.c", "é.é.é", "."):
        assert gate.role({gate.cookie_name: value}) is None


def one(cookies):
    ((name, value),) = cookies.items()
    return f"{name}={value}"
