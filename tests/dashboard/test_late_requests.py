"""Late requests against stand-ins for a session; tests/journeys/test_navigation.py sees them in a browser."""

import asyncio
import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackendOperationRequest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import BackendOperationResponse, ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.backend_operation_handler import DeferredFileHandler
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from dashboard import late_requests

PATCHED = (
    (AppSession, "request_rerun"),
    (AppSession, "_create_scriptrunner"),
    (AppSession, "_clear_queue"),
    (ScriptRequests, "_request_rerun_locked"),
    (ScriptRunner, "_run_script"),
    (MediaFileManager, "_remove_orphaned_deferred_callables"),
    (DeferredFileHandler, "handle"),
)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in PATCHED:
        method = getattr(owner, name)
        monkeypatch.setattr(owner, name, getattr(method, "__wrapped__", method))
    late_requests.install()


def whole(page: str) -> RerunData:
    return RerunData(page_script_hash=page)


def part(page: str, name: str = "part") -> RerunData:
    return RerunData(page_script_hash=page, fragment_id=name)


def waiting(requests: ScriptRequests) -> tuple[str, list[str]]:
    """The page that is drawn next, and its parts; none is the whole page."""
    data = requests.on_scriptrunner_ready().rerun_data
    return data.page_script_hash, data.fragment_id_queue


def test_a_second_installation_changes_nothing() -> None:
    once = [getattr(owner, name) for owner, name in PATCHED]
    late_requests.install()
    assert [getattr(owner, name) for owner, name in PATCHED] == once


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ([whole("runs"), part("train")], ("runs", [])),
        ([whole("runs"), part("runs")], ("runs", [])),
        # The first request of a session names no page.
        ([whole(""), part("train")], ("train", [])),
        ([part("train"), whole("runs")], ("runs", [])),
        ([part("train"), part("train", "other")], ("train", ["part", "other"])),
        ([part("train"), part("runs", "other")], ("runs", ["other"])),
    ],
)
def test_of_two_pages_the_whole_or_the_later_one_is_drawn(asked: list[RerunData], drawn: tuple[str, list[str]]) -> None:
    requests = ScriptRequests()
    for data in asked:
        assert requests.request_rerun(data)
    assert waiting(requests) == drawn


@pytest.mark.parametrize(
    ("data", "drawn"),
    [
        (RerunData(page_script_hash="train", fragment_id_queue=["part"]), False),
        (RerunData(page_script_hash="runs", fragment_id_queue=["part"]), True),
        (whole("train"), True),
    ],
)
def test_a_part_of_a_page_that_was_left_meanwhile_is_not_drawn(
    monkeypatch: pytest.MonkeyPatch, data: RerunData, drawn: bool
) -> None:
    runs: list[RerunData] = []
    monkeypatch.setattr(ScriptRunner, "_run_script", lambda runner, data: runs.append(data))
    late_requests.install()
    ScriptRunner._run_script(runner(current="runs"), data)
    assert runs == [data] * drawn


def runner(current: str) -> Any:
    return SimpleNamespace(_pages_manager=SimpleNamespace(current_page_script_hash=current))


class Session:
    """As much of a session as a request sees; its script ends as soon as the session has looked for the part."""

    _state, request_rerun = None, AppSession.request_rerun

    def __init__(self) -> None:
        self.requests = ScriptRequests()
        self._scriptrunner: Any = self.requests
        self._client_state = ClientState(page_script_hash="train")
        self.begun: list[RerunData] = []

    def has_fragment(self, _: str) -> bool:
        self.requests.request_stop()
        return True


def test_a_part_waits_until_its_ended_page_has_been_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AppSession, "_create_scriptrunner", lambda session, data: session.begun.append(data))
    late_requests.install()
    session: Any = Session()
    session._create_scriptrunner = functools.partial(AppSession._create_scriptrunner, session)
    session.request_rerun = functools.partial(AppSession.request_rerun, session)

    async def ask() -> None:
        session._event_loop = asyncio.get_running_loop()
        session.request_rerun(ClientState(fragment_id="part", page_script_hash="train"))
        await asyncio.sleep(3 * late_requests.PERIOD)
        assert session.begun == []
        session._scriptrunner = None
        while not session.begun:
            await asyncio.sleep(late_requests.PERIOD)

    asyncio.run(ask())
    assert [data.fragment_id for data in session.begun] == ["part"]


@pytest.mark.parametrize(("drawn", "asked"), [("", [(None, False)]), ("draw", [])])
def test_of_a_page_that_its_session_has_not_drawn_the_whole_is_drawn(
    drawn: str, asked: list[tuple[str | None, bool]]
) -> None:
    begun: list[RerunData] = []
    session: Any = SimpleNamespace(
        _state=None,
        _scriptrunner=None,
        _client_state=ClientState(page_script_hash=drawn),
        has_fragment=lambda _: False,
        _create_scriptrunner=begun.append,
    )
    request = ClientState(fragment_id="part", page_script_hash="draw", is_auto_rerun=True)
    AppSession.request_rerun(session, request)
    assert [(data.fragment_id, data.is_auto_rerun) for data in begun] == asked
    assert request.fragment_id == "part"


def test_the_elements_of_a_part_that_are_on_their_way_arrive_before_its_new_ones() -> None:
    session: Any = SimpleNamespace(_browser_queue=(queue := ForwardMsgQueue()))
    for name, path in (("", [0, 0]), ("part", [0, 1]), ("", [0, 2])):
        queue.enqueue(element(name, path))
    AppSession._clear_queue(session, ["part"])
    queue.enqueue(element("part", [0, 1]))
    assert [list(message.metadata.delta_path) for message in queue.flush()] == [[0, 0], [0, 1], [0, 2], [0, 1]]
    queue.enqueue(element("", [0, 0]))
    AppSession._clear_queue(session, None)
    assert queue.is_empty()


def element(part: str, path: list[int]) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path[:] = path
    message.delta.fragment_id = part
    message.delta.new_element.markdown.body = "text"
    return message


def test_a_file_can_be_made_for_a_while_after_its_button_was_drawn_anew(
    monkeypatch: pytest.MonkeyPatch,
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


def asked_for(file: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> BackendOperationResponse:
    """The answer to a press on the download button of a file."""
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    monkeypatch.setattr("streamlit.runtime.media_file_manager._get_session_id", lambda: "session")
    request = BackendOperationRequest(request_id="1")
    request.deferred_file.file_id = manager.add_deferred(file, "text/csv", "coordinates", file_name="runs.csv")
    return asyncio.run(DeferredFileHandler(lambda: manager).handle(request, "session"))


def test_a_file_that_is_asked_for_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = asked_for(lambda: b"step,loss", monkeypatch)
    assert answer.deferred_file.url.endswith(".csv") and not answer.error_msg


def test_a_file_that_is_refused_is_a_sentence_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> bytes:
        raise ValueError("the lab does not have this any more: it was deleted.")

    answer = asked_for(refused, monkeypatch)
    assert answer.error_msg == "The lab does not have this any more: it was deleted."
    assert not answer.deferred_file.url and not caplog.records


def test_a_fault_of_the_labs_own_in_a_file_stays_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = asked_for({}.popitem, monkeypatch)
    assert answer.error_msg == "Failed to generate file for download"
    assert "Error executing deferred callable" in caplog.text
