"""Late requests: those of a part of a page that the visitor has left.

A part that is drawn at intervals, or in which something was pressed, may ask to be drawn anew just when another page is
on its way. Streamlit would draw the part under its former page after the new page, which the browser then clears; and
if the new page has not begun yet, it would draw the former page in its place. A click would lead to an empty page, or
nowhere.
"""

import functools

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType


def install() -> None:
    """Let every session drop late requests; a second call changes nothing."""
    request_rerun = AppSession.request_rerun
    if hasattr(request_rerun, "__wrapped__"):
        return

    @functools.wraps(request_rerun)
    def dropping(session: AppSession, client_state: ClientState | None) -> None:
        if client_state is None or not _is_late(session, client_state):
            request_rerun(session, client_state)

    AppSession.request_rerun = dropping  # type: ignore[method-assign, assignment]


def _is_late(session: AppSession, request: ClientState) -> bool:
    if not request.fragment_id:
        return False
    page = session._pages_manager.current_page_script_hash
    runner = session._scriptrunner
    # A page that was asked for and has not begun.
    if runner and runner._requests._state == ScriptRequestType.RERUN:
        page = runner._requests._rerun_data.page_script_hash or page
    return request.page_script_hash != page
