"""The installation; what it does is seen in tests/journeys/test_navigation.py."""

from streamlit.runtime.app_session import AppSession

from dashboard import late_requests


def test_a_second_installation_changes_nothing() -> None:
    late_requests.install()
    once = AppSession.request_rerun
    late_requests.install()
    assert AppSession.request_rerun is once
