"""Late requests: of a part of a page that the visitor has left, of one whose page is still on its way, and for a file.

Streamlit draws a part of a page (a fragment) by itself, at intervals or when something in it was pressed. It does not
expect such a request while another answer is on its way to the browser:

- When another page has been asked for, the part would be drawn under its former page after the new page, which the
  browser then clears; or the former page in place of the new one. A click would lead to an empty page, or nowhere.
- When the page's script has just ended, the request begins another one, and the last elements of the page, which have
  not been handed over yet, are thrown away; they would never come.
- When the page has been handed over, and not been sent yet, the part's own elements are thrown away before they are
  made anew; the browser, which misses them at the page's end, moves what follows into their place.

After a restart of the server, or minutes without a connection, a page that is open has a new session, which has drawn
nothing and knows no part: what is pressed in one would do nothing until the page is loaded again. So all is drawn.

Script and server are two threads: each rule stands where the other one cannot come between looking and doing.
"""

import asyncio
import functools
import time
from collections.abc import Callable
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackendOperationRequest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import BackendOperationResponse, DeferredFileResponsePayload
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.backend_operation_handler import DeferredFileHandler
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests, ScriptRequestType

from dashboard import fields, notices
from dashboard.words import plain

#: Seconds until a request looks again whether its page has been handed over.
PERIOD = 0.005
#: Seconds for which a file can be made after its button was drawn anew.
KEPT_SECONDS = 60.0


def install() -> None:
    """Let every session drop the requests of pages that were left, and put the others off until theirs is complete.

    Files can be had for a while after their button was drawn anew; of one that can't be made any more, a sentence
    below its button says why. A second call changes nothing.
    """
    replace(AppSession, "request_rerun", _put_off)
    replace(AppSession, "_create_scriptrunner", _begin)
    replace(AppSession, "_clear_queue", _clear)
    replace(ScriptRequests, "_request_rerun_locked", _join)
    replace(ScriptRunner, "_run_script", _draw)
    replace(MediaFileManager, "_remove_orphaned_deferred_callables", _remove_old)
    replace(DeferredFileHandler, "handle", _make_file)


def replace(owner: type, name: str, ours: Callable[..., Any]) -> None:
    """Let a function take the calls of a method; it is given the method, and then what that would be."""
    theirs = getattr(owner, name)
    if hasattr(theirs, "__wrapped__"):
        return

    @functools.wraps(theirs)
    def method(*args: Any) -> Any:
        return ours(theirs, *args)

    setattr(owner, name, method)


class _NotHandedOverError(Exception):
    """The script has ended, and its last messages have not reached the session."""


def _put_off(request: Callable[..., None], session: AppSession, client_state: ClientState | None) -> None:
    if client_state and client_state.fragment_id and not session._client_state.page_script_hash:
        client_state = ClientState.FromString(client_state.SerializeToString())
        client_state.ClearField("fragment_id")
        client_state.ClearField("is_auto_rerun")
    try:
        request(session, client_state)
    except _NotHandedOverError:
        session._event_loop.call_later(PERIOD, session.request_rerun, client_state)


def _begin(begin: Callable[..., None], session: AppSession, data: RerunData) -> None:
    # Only here it is certain: the script may end at any time, until it has refused the request.
    if data.fragment_id and session._scriptrunner is not None:
        raise _NotHandedOverError
    begin(session, data)


def _join(join: Callable[..., bool], requests: ScriptRequests, data: RerunData) -> bool:
    """Join a request with the one that waits; of two pages, the whole one or the later one stays."""
    waiting = requests._rerun_data
    elsewhere = waiting.page_script_hash not in ("", data.page_script_hash)
    if data.fragment_id and requests._state == ScriptRequestType.RERUN and elsewhere:
        if not waiting.fragment_id_queue:
            return True
        requests._state = ScriptRequestType.CONTINUE
    return join(requests, data)


def _draw(draw: Callable[..., None], runner: ScriptRunner, data: RerunData) -> None:
    """Draw what was asked for, unless it is a part of another page than the one that was drawn last."""
    if not data.fragment_id_queue or data.page_script_hash == runner._pages_manager.current_page_script_hash:
        draw(runner, data)


def _clear(clear: Callable[..., None], session: AppSession, fragment_ids: list[str] | None = None) -> None:
    """Drop what the browser need not get any more: nothing, when only a part of the page is drawn."""
    if fragment_ids:
        # What comes is sent after what waits, in place of joined with it.
        session._browser_queue._delta_index_map = {}
    else:
        clear(session)


def _remove_old(_: Callable[..., None], manager: MediaFileManager) -> None:
    """Forget how to make the files whose buttons are gone since ``KEPT_SECONDS``; in place of: since now."""
    shown = {number for files in manager._files_by_session_and_coord.values() for number in files.values()}
    now, known = time.monotonic(), getattr(manager, "gone_since", {})
    gone = {number: known.get(number, now) for number in manager._deferred_callables if number not in shown}
    manager.gone_since = gone  # type: ignore[attr-defined]
    for number, since in gone.items():
        if now - since > KEPT_SECONDS:
            manager._drop_deferred_id(number)


async def _make_file(
    theirs: Callable[..., Any], handler: DeferredFileHandler, request: BackendOperationRequest, session: str
) -> BackendOperationResponse:
    """Make the file of a download button, or say why that is refused: what it is of may be gone meanwhile."""
    manager = handler._get_media_file_mgr()
    try:
        url = await asyncio.to_thread(manager.execute_deferred, request.deferred_file.file_id)
    except MediaFileStorageError as error:
        if isinstance(refusal := error.__cause__, notices.REFUSALS):
            # Streamlit shows it as plain text.
            sentence = plain(fields.explain(refusal))
            return BackendOperationResponse(request_id=request.request_id, error_msg=sentence)
        failed: BackendOperationResponse = await theirs(handler, request, session)
        return failed
    return BackendOperationResponse(request_id=request.request_id, deferred_file=DeferredFileResponsePayload(url=url))
