"""Late requests: of a part of a page that the visitor has left, of one whose page is still on its way, and for a file.

Streamlit draws a part of a page (a fragment) by itself, at intervals or when something in it was pressed. It does not
expect such a request while another answer is on its way to the browser:

- When another page has been asked for, the part would be drawn under its former page after the new page, which the
  browser then clears; or the former page in place of the new one. A click would lead to an empty page, or nowhere.
- When the page's script has just ended, the request begins another one, and the last elements of the page, which have
  not been handed over yet, are thrown away; they would never come.
"""

import functools
import time

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

#: Seconds until a request looks again whether its page has been handed over.
PERIOD = 0.005
#: Seconds for which a file can be made after its button was drawn anew.
KEPT_SECONDS = 60.0


def install() -> None:
    """Let every session drop the requests of pages that were left, and put the others off until theirs is complete.

    Files can be had for a while after their button was drawn anew. A second call changes nothing.
    """
    MediaFileManager._remove_orphaned_deferred_callables = _remove_old  # type: ignore[method-assign, assignment]
    request_rerun = AppSession.request_rerun
    if hasattr(request_rerun, "__wrapped__"):
        return

    @functools.wraps(request_rerun)
    def in_time(session: AppSession, client_state: ClientState | None) -> None:
        if client_state is None or not client_state.fragment_id:
            request_rerun(session, client_state)
        elif _is_ending(session):
            session._event_loop.call_later(PERIOD, in_time, session, client_state)
        elif client_state.page_script_hash == _page(session):
            request_rerun(session, client_state)

    AppSession.request_rerun = in_time  # type: ignore[method-assign, assignment]


def _is_ending(session: AppSession) -> bool:
    """Return True if the script has ended, and its last messages have not reached the session."""
    runner = session._scriptrunner
    return runner is not None and runner._requests._state == ScriptRequestType.STOP


def _page(session: AppSession) -> str:
    """Return the hash of the page that was asked for last."""
    runner = session._scriptrunner
    # One that has not begun comes before the one that is drawn.
    asked = runner._requests._rerun_data if runner and runner._requests._state == ScriptRequestType.RERUN else None
    return (asked.page_script_hash if asked else "") or session._pages_manager.current_page_script_hash


def _remove_old(manager: MediaFileManager) -> None:
    """Forget how to make the files whose buttons are gone since ``KEPT_SECONDS``; in place of: since now."""
    shown = {number for files in manager._files_by_session_and_coord.values() for number in files.values()}
    now, known = time.monotonic(), getattr(manager, "gone_since", {})
    gone = {number: known.get(number, now) for number in manager._deferred_callables if number not in shown}
    manager.gone_since = gone  # type: ignore[attr-defined]
    for number, since in gone.items():
        if now - since > KEPT_SECONDS:
            manager._drop_deferred_id(number)
