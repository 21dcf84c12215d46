"""Late requests against stand-ins for a session; tests/journeys/test_navigation.py sees them in a browser."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from dashboard import late_requests


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[ClientState | None]:
    """The requests that come through to Streamlit."""
    passed: list[ClientState | None] = []
    monkeypatch.setattr(AppSession, "request_rerun", lambda session, state: passed.append(state))
    monkeypatch.setattr(
        MediaFileManager, "_remove_orphaned_deferred_callables", MediaFileManager._remove_orphaned_deferred_callables
    )
    late_requests.install()
    return passed


def session(requests: ScriptRequests | None, drawn: str = "train") -> Any:
    """A session that draws a page, with what its script was asked for."""
    runner = requests and SimpleNamespace(_requests=requests)
    return SimpleNamespace(_scriptrunner=runner, _pages_manager=SimpleNamespace(current_page_script_hash=drawn))


def pending(page: str) -> ScriptRequests:
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash=page))
    return requests


def test_a_second_installation_changes_nothing(asked: list[Any]) -> None:
    once = AppSession.request_rerun
    late_requests.install()
    assert AppSession.request_rerun is once


@pytest.mark.parametrize("requests", [None, ScriptRequests(), pending(""), pending("train")])
def test_a_part_of_the_page_that_is_drawn_is_drawn_again(asked: list[Any], requests: ScriptRequests | None) -> None:
    AppSession.request_rerun(session(requests), state := ClientState(fragment_id="part", page_script_hash="train"))
    assert asked == [state]


def test_a_part_of_a_page_that_was_left_is_not_drawn(asked: list[Any]) -> None:
    part = ClientState(fragment_id="part", page_script_hash="train")
    AppSession.request_rerun(session(pending("runs")), part)
    AppSession.request_rerun(session(ScriptRequests(), drawn="runs"), part)
    assert asked == []


def test_whole_pages_are_drawn_always(asked: list[Any]) -> None:
    AppSession.request_rerun(session(pending("runs")), state := ClientState(page_script_hash="train"))
    AppSession.request_rerun(session(pending("runs")), None)
    assert asked == [state, None]


def test_a_part_waits_until_its_ended_page_has_been_handed_over(asked: list[Any]) -> None:
    ended = ScriptRequests()
    ended.request_stop()
    drawn = session(ended)
    part = ClientState(fragment_id="part", page_script_hash="train")

    async def ask() -> None:
        drawn._event_loop = asyncio.get_running_loop()
        AppSession.request_rerun(drawn, part)
        await asyncio.sleep(3 * late_requests.PERIOD)
        assert asked == []
        drawn._scriptrunner = None
        while not asked:
            await asyncio.sleep(late_requests.PERIOD)

    asyncio.run(ask())
    assert asked == [part]


def test_a_file_can_be_made_for_a_while_after_its_button_was_drawn_anew(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [100.0]
    monkeypatch.setattr(late_requests.time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr("streamlit.runtime.media_file_manager._get_session_id", lambda: "visitor")
    files = MediaFileManager(MemoryMediaFileStorage("/media"))

    def draw() -> str:
        files.clear_session_refs()
        number = files.add_deferred(lambda: b"a page", "text/html", "0.1")
        files.remove_orphaned_files()
        return number

    first, second = draw(), draw()
    assert files.execute_deferred(first) and files.execute_deferred(second)
    seconds[0] += late_requests.KEPT_SECONDS + 1
    third = draw()
    with pytest.raises(Exception, match="not found"):
        files.execute_deferred(first)
    # Gone since now only.
    assert files.execute_deferred(second) and files.execute_deferred(third)
