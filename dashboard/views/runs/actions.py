"""What a person can do with the runs that they chose, in callbacks and as downloads."""

from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from core.runs import export, states
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import handoff, lab
from dashboard.views.runs import rows
from dashboard.visitors import may_delete, visitor
from dashboard.words import counted

_TROUBLE, _DONE = "runs.trouble", "runs.done"


def go(**address: str) -> None:
    """Show another part of the page; its address is the link to share."""
    st.query_params.from_dict(address)
    st.rerun()


def say() -> None:
    """What came of what a person just did."""
    if done := st.session_state.pop(_DONE, None):
        st.toast(done, icon=":material/check:")
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.error(trouble, icon=":material/error:")


def attempt(what: Callable[[], object], done: str = "") -> None:
    """Do it, and tell what came of it: core's sentence if it could not be done."""
    try:
        what()
    except ValueError as error:
        st.session_state[_TROUBLE] = str(error)
    else:
        st.session_state[_DONE] = done
    rows.forget()


def command(runs: Iterable[str], name: str) -> None:
    def each() -> None:
        for run_id in runs:
            lab.service().command(run_id, name)

    attempt(each)


def resume_all() -> None:
    attempt(lab.service().resume_all, "All interrupted runs go on.")


def move(run_id: str, by: int) -> None:
    attempt(lambda: lab.service().move(run_id, by))


def deletable(runs: Sequence[Run]) -> bool:
    """Whether the visitor may delete all of them, and none trains or waits."""
    you = visitor()
    return all(run.state not in (states.QUEUED, states.RUNNING) and may_delete(you, run.owner) for run in runs)


def delete(runs: Sequence[Run]) -> None:
    if deletable(runs):
        ids = [run.id for run in runs]
        attempt(lambda: lab.service().delete(ids), f"{counted(len(ids), 'run')} put into the bin.")


def restore(ids: Sequence[str]) -> None:
    attempt(lambda: lab.service().restore(ids), f"{counted(len(ids), 'run')} restored.")


def purge(runs: Sequence[Run]) -> None:
    if deletable(runs):
        ids = [run.id for run in runs]
        attempt(lambda: lab.service().purge(ids), f"{counted(len(ids), 'run')} deleted for good.")


def train_with(config: RunConfig, parent: str | None = None) -> None:
    """Open the Train page with these settings in its form.

    Args:
        parent: the run that they are a fork of.
    """
    handoff.to_train(config, parent)
    st.switch_page("views/train/page.py")


def downloads(ids: Sequence[str], key: str) -> None:
    """The runs with all their steps, made when the button is pressed."""
    name = f"run-{ids[0][:6]}" if len(ids) == 1 else f"{len(ids)}-runs"
    for label, kind, mime in (("CSV", "csv", "text/csv"), ("JSON", "json", "application/json")):
        st.download_button(
            label,
            lambda kind=kind: exported(ids, kind),
            file_name=f"{name}.{kind}",
            mime=mime,
            icon=":material/download:",
            key=f"{key}.{kind}",
            on_click="ignore",
            help="Every step, its loss and learning rate, and each epoch's figures.",
        )


def exported(ids: Sequence[str], kind: str) -> bytes:
    """The runs as a file's content; runs that are gone by now are left out."""
    found = [run for run_id in ids if (run := lab.service().run(run_id))]
    read = ((run, lab.service().events(run.id)) for run in found)
    return ("".join(export.csv_lines(read)) if kind == "csv" else export.json_text(read)).encode()
