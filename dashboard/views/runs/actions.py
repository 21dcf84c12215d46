"""Actions on the chosen runs, as callbacks, and their downloads."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.runs import export, states
from core.runs.store import Run
from dashboard import address, freezing, lab, notices, operating, starting
from dashboard.components.chart import Line
from dashboard.components.run_table import still_chosen
from dashboard.views.runs import figures, rows
from dashboard.visitors import visitor
from dashboard.words import counted, run_title


def go(**values: str) -> None:
    """Show another screen of the page, by its address."""
    address.only(**values)
    st.rerun()


def command(run_ids: Iterable[str], name: str) -> None:
    operating.command(run_ids, name)
    rows.forget()


def chosen(act: Callable[[list[str]], None], ids: Sequence[str], table: str) -> None:
    """Act on those of the runs that are chosen and shown in the table at the time of the click; a callback."""
    if still := still_chosen(table, ids):
        act(still)
    rows.forget()


def stop(ids: Sequence[str]) -> None:
    operating.command(ids, "stop", f"{counted(len(ids), 'run')} stopped.", partial(_go_on, ids, _paused(ids)))


def resume(ids: Sequence[str]) -> None:
    operating.command(ids, "resume", f"{counted(len(ids), 'run')} resumed.", partial(_halt, ids, _paused(ids)))


def _paused(ids: Sequence[str]) -> list[str]:
    return [run_id for run_id in ids if (run := lab.service().run(run_id)) and run.state == states.PAUSED]


def _go_on(ids: Sequence[str], paused: Sequence[str]) -> None:
    """Resume runs that were stopped, and pause those again that were paused; raise ValueError while one of them has
    not stopped yet.
    """
    if going := starting.going(run for run_id in ids if (run := lab.service().run(run_id))):
        raise ValueError(f"Run #{going[0].number} is still about to stop. Press Undo again in a moment.")
    _back(_without(ids, paused), "resume")
    _back(paused, "pause_again")


def _halt(ids: Sequence[str], paused: Sequence[str]) -> None:
    """Pause runs that were resumed and had been paused, and stop the others, which had been stopped."""
    _back(_without(ids, paused), "stop")
    _back(paused, "pause")


def _without(ids: Sequence[str], others: Sequence[str]) -> list[str]:
    return [run_id for run_id in ids if run_id not in others]


def _back(ids: Sequence[str], name: str) -> None:
    operating.give(ids, name)
    rows.forget()


def cancel_mine() -> None:
    # Those that wait now, not those that waited when the page was drawn.
    _attempt(lambda: lab.service().command_all(lab.service().waiting(visitor().id), "stop"), "Your runs are canceled.")


def clear_queue() -> None:
    you = visitor()
    if you.teacher:
        service = lab.service()
        _attempt(lambda: service.command_all(service.positions(), "stop", by=you.name), "The queue is empty.")


def move(run_id: str, by: int) -> None:
    operating.move(run_id, by)
    rows.forget()


def edit(run_id: str, **labels: Any) -> None:
    def checked() -> None:
        operating.permitted((run_id,))
        lab.service().edit(run_id, **labels)

    _attempt(checked, "Saved.")


def deletable(runs: Sequence[Run]) -> bool:
    """Return True if the visitor may delete all of them, and none trains or waits."""
    you = visitor()
    return all(not run.going and you.may_change(run.owner) for run in runs)


def delete(ids: Sequence[str]) -> None:
    done = f"{counted(len(ids), 'run')} moved to the bin."
    _attempt(lambda: lab.service().delete(_checked(ids)), done, partial(_restore, ids))


def restore(ids: Sequence[str]) -> None:
    _attempt(lambda: _restore(ids), f"{counted(len(ids), 'run')} restored.")


def _restore(ids: Sequence[str]) -> None:
    operating.permitted(ids)
    lab.service().restore(ids)
    rows.forget()


def in_the_bin(run: Run) -> None:
    """Say that the run is in the bin, and draw the button that takes it out."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info("This run is in the bin.", icon=":material/delete:", width="stretch")
        if operating.operable([run]):
            st.button("Restore", on_click=restore, args=([run.id],), type="primary", key="restore")


def purge(ids: Sequence[str]) -> None:
    _attempt(lambda: lab.service().purge(_checked(ids)), f"{counted(len(ids), 'run')} deleted permanently.")


def _checked(ids: Sequence[str]) -> Sequence[str]:
    """Return the ids of runs that the visitor may delete; raise ValueError if not: the page may be an old one."""
    if not deletable([lab.service().existing(run_id) for run_id in ids]):
        raise ValueError("Only runs that are over can be deleted, and only by their owner or the teacher.")
    return ids


def downloads(ids: Sequence[str], key: str) -> None:
    """Draw the downloads of the runs with all their steps; the files are made when a button is pressed."""
    run = lab.service().run(ids[0]) if len(ids) == 1 else None
    name = f"run-{run.number}" if run else f"{len(ids)}-runs"
    for label, kind, mime in (("CSV", "csv", "text/csv"), ("JSON", "json", "application/json")):
        st.download_button(
            label,
            partial(exported, ids, kind),
            file_name=f"{name}.{kind}",
            mime=mime,
            icon=":material/download:",
            key=f"{key}.{kind}",
            on_click="ignore",
            help="Every step, its loss and learning rate, and each epoch's figures.",
        )


def page_download(runs: Sequence[Run], key: str, lines: Sequence[Line] = ()) -> None:
    """Draw the download of the runs as a page that stands alone.

    Args:
        lines: the runs laid over each other; without them, the page is of the first alone.
    """
    title, about, name = run_title(runs[0]), freezing.about(runs[0]), f"run-{runs[0].number}"
    if lines:
        title, about, name = f"{counted(len(runs), 'run')} compared", "", "comparison"

    def page(theme: str) -> str:
        operating.present([run.id for run in runs])
        now = [lab.service().run(run.id) or run for run in runs]
        return freezing.runs_page(title, about, now, figures.HEAD, map(figures.in_words, now), theme, lines)

    freezing.download(page, f"{name}.html", f"{key}.page")


def _attempt(action: Callable[[], object], done: str = "", undo: Callable[[], object] | None = None) -> None:
    notices.attempt(action, done, undo)
    rows.forget()


def exported(ids: Sequence[str], kind: str) -> bytes:
    """Content of the file with these runs; runs that have been purged meanwhile are left out.

    Raises:
        ValueError: if that is all of them.
    """
    events = ((run, lab.service().events(run.id)) for run in operating.present(ids))
    return ("".join(export.csv_lines(events)) if kind == "csv" else export.json_text(events)).encode()
