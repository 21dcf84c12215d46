"""The visitor of a page: id, name, and what they may do."""

import asyncio
import hashlib
import html
import re
from collections import OrderedDict
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.owners import Visitor
from dashboard import access, visitors
from dashboard.access import TEACHER, VISITOR, Gate
from dashboard.visitors import checked_name, visitor
from dashboard.words import literal
from tests.waiting import LIMIT

TOKEN = "0123456789abcdef" * 2
ID = hashlib.sha256(TOKEN.encode()).hexdigest()[:16]


@pytest.fixture
def cookies(monkeypatch):
    """The cookies that the browser sends."""
    given = {}
    monkeypatch.setattr(type(st.context), "cookies", given)
    monkeypatch.setattr(st, "session_state", {})
    return given


def test_the_id_is_of_the_browser_and_does_not_tell_its_cookie(cookies):
    cookies[visitors.TOKEN_COOKIE] = TOKEN
    assert visitor() == Visitor(ID, f"Guest {ID[:4]}", False, False, open_lab=True)
    assert TOKEN not in ID


@pytest.mark.parametrize("token", ["", "short", TOKEN.upper(), TOKEN + "0", "../" * 11])
def test_without_a_cookie_the_id_lasts_as_long_as_the_page(cookies, token):
    cookies[visitors.TOKEN_COOKIE] = token
    first = visitor()
    assert visitor() == first
    assert len(first.id) == 16
    st.session_state.clear()
    assert visitor().id != first.id


@pytest.mark.parametrize("name", ["Ada", "Ольга", "José María", "<b>&amp;", "李雷", "a" * 40])
def test_a_name_is_remembered(cookies, name):
    cookies[visitors.NAME_COOKIE] = quote(name)
    assert (visitor().name, visitor().named) == (name, True)


@pytest.mark.parametrize("cookie", ["", "%ff", "%00", "a" * 41, "%e2%80%ae", "%20%20", "line%0Abreak" * 9])
def test_a_cookie_that_is_no_name_is_as_none(cookies, cookie):
    cookies[visitors.NAME_COOKIE] = cookie
    assert not visitor().named


@pytest.mark.parametrize(("typed", "kept"), [("  Ada   L ", "Ada L"), ("Jose\u0301", "José"), ("a\nb", "a b")])
def test_a_name_is_put_in_order(typed, kept):
    assert checked_name(typed) == kept


@pytest.mark.parametrize("typed", ["", "   ", "a" * 41, "a\u202eb", "a\u200bb", "a\x07b"])
def test_a_senseless_name_is_refused_in_one_sentence(typed):
    entered = "(you entered '.+'|the field is empty)"
    with pytest.raises(ValueError, match=rf"^Your name must be 1 to 40 visible characters; {entered}\.$"):
        checked_name(typed)


def test_only_the_teachers_key_makes_a_teacher(cookies, monkeypatch):
    gate = Gate("steepest-descent", "golden teacher")
    monkeypatch.setattr(access, "gate", lambda: gate)
    for role, teacher in ((VISITOR, False), (TEACHER, True)):
        cookies[gate.cookie_name] = gate.cookie(role)
        assert (visitor().teacher, visitor().open_lab) == (teacher, False)


def test_a_name_is_shown_as_it_is():
    assert literal("a*b_[x](y) :red[z] $1$ <b>") == r"a\*b\_\[x\]\(y\) \:red\[z\] \$1\$ \<b\>"


def test_the_control_takes_a_name_and_says_what_is_wrong_with_one(service):
    def page():
        from dashboard import visitors

        visitors.control()

    app = AppTest.from_function(page, default_timeout=LIMIT).run()

    def name(text):
        app.text_input[0].set_value(text)
        app.button[0].click().run()
        assert not app.exception
        return app.get("popover")[0].proto.popover.label

    assert app.get("popover")[0].proto.popover.label.endswith("tell us your name")
    assert name("a\u202eb").endswith("tell us your name")
    assert [error.value for error in app.error] == [
        literal("Your name must be 1 to 40 visible characters; you entered 'a\\u202eb'.")
    ]
    assert name("*Ada*") == r"You: \*Ada\*"
    assert not app.error


def test_another_tab_learns_the_name_and_that_one_was_asked_for(service):
    def page():
        from dashboard import visitors

        visitors.control()
        visitors.ask_once()

    def tab(token):
        app = AppTest.from_function(page, default_timeout=LIMIT)
        app.session_state["visitor.token"] = token
        return app.run()

    def label(app):
        return app.get("popover")[0].proto.popover.label

    first, second, other = tab("1" * 32), tab("1" * 32), tab("2" * 32)
    next(b for b in first.button if b.label == "No, thank you").click().run()
    assert ["Whose work" in "".join(m.value for m in app.run().markdown) for app in (second, other)] == [False, True]
    first.text_input[0].set_value("Ada")
    first.button[0].click().run()
    assert label(second.run()) == label(tab("1" * 32)) == "You: Ada"
    assert label(other.run()).endswith("tell us your name")


def test_what_is_remembered_is_the_visitors_own_and_bounded(cookies, monkeypatch):
    monkeypatch.setattr(visitors, "_remembered", OrderedDict())
    monkeypatch.setattr(visitors, "MOST_REMEMBERED", 2)
    cookies[visitors.TOKEN_COOKIE] = TOKEN
    visitors.remember("a", 1)
    visitors.remember("b", 2)
    visitors.remember("a", 3)
    cookies[visitors.TOKEN_COOKIE] = TOKEN[::-1]
    assert visitors.recall("a") is None
    visitors.remember("a", 4)
    cookies[visitors.TOKEN_COOKIE] = TOKEN
    assert (visitors.recall("a"), visitors.recall("b")) == (3, None)
    assert (visitors.forget("a"), visitors.forget("a")) == (3, None)


@pytest.mark.usefixtures("teachers_lab")
def test_the_teachers_sign_in_leads_back_to_the_page(service):
    def page():
        from dashboard import visitors

        visitors.control()

    app = AppTest.from_function(page, default_timeout=LIMIT)
    app.query_params["view"] = "Leaderboard"
    app.query_params["s-optimizers"] = ["sgd", "a&b"]
    (link,) = [found for found in app.run().get("html") if "I am the teacher" in found.proto.body]
    target = urlsplit(html.unescape(re.search('href="([^"]*)"', link.proto.body)[1]))
    (there,) = parse_qs(target.query)["next"]
    assert target.path == access.SIGN_IN and access._inside(there) == there
    assert there == "/?view=Leaderboard&s-optimizers=sgd&s-optimizers=a%26b"


def given(headers, **scope):
    """The cookie that a browser gets that sends these headers."""
    sent = []

    async def page(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asked = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "headers": raw, **scope}
    asyncio.run(visitors.Remember(page)(asked, None, send))
    return dict(sent[0]["headers"]).get(b"set-cookie", b"").decode()


def test_a_browser_that_opens_a_page_gets_a_cookie_once():
    html = {"accept": "text/html"}
    first, second = given(html), given(html)
    assert first.startswith("descent_visitor=") and first != second
    assert "HttpOnly" in first and "SameSite=lax" in first and "Path=/" in first and "Secure" not in first
    assert "Secure" in given(html, scheme="https")
    assert given({**html, "cookie": first.split(";")[0]}) == ""
    assert given({"accept": "*/*"}) == given(html, method="POST") == ""
