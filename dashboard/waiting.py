"""A background job on a page: its progress while it runs, its failure, and its result for the page to show."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from core.jobs import Job, Status
from dashboard import address, fields

R = TypeVar("R")

POLL_SECONDS = 0.4


def show(job: Job[R], draw: Callable[[Status[R]], object] | None = None, poll: bool = False) -> R | None:
    """Start a job and draw it until it is done; then the page runs again.

    Only this part of the page is drawn at every poll. A failure is one sentence with a button that tries again.

    Args:
        draw: draws the status, with a result or without, in place of the progress bar.
        poll: keep drawing when the job is done, for a ``draw`` that shows more than the job.

    Returns:
        The job's result; None while there is none, and the page has nothing to show yet.
    """
    job.start()
    first = job.status()

    @address.fragment(POLL_SECONDS if poll or not first.done else None)
    def part() -> None:
        status = job.status()
        if status.failure:
            st.error(fields.explain(ValueError(status.failure)), icon=":material/error:")
            # By a hash: a key may hold a path of the server, and a widget's key is sent to the browser.
            st.button("Try again", key=f"retry.{hash((job.kind, job.key))}", on_click=job.retry)
        elif draw:
            draw(status)
        elif not status.done:
            st.progress(status.share, status.stage)
        # Done, retried, or cancelled by someone else: the page decides anew what it shows.
        if status.done != first.done or not status.started:
            st.rerun()

    if draw or first.failure or not first.done:
        part()
    return first.result if first.done else None
