"""The confirmation of a sweep's best: fresh seeds, means with their intervals, and how much of the lead was luck."""

import streamlit as st

from core.sweep import confirmation
from core.sweep.confirmation import Confirmation
from core.sweep.intervals import Interval
from core.sweep.view import View
from dashboard import address, lab
from dashboard.views.sweep import actions, verdict
from dashboard.words import UNKNOWN, counted, literal, percent

POLL_SECONDS = 1.0
_STATE = address.State("sweep.confirm.", {"best": str(confirmation.BEST), "seeds": str(confirmation.SEEDS)})


def section(sweep: View) -> None:
    """Draw the confirmation, or the way to it once a setting has finished."""
    if not sweep.best:
        return
    st.markdown("#### Confirm the winner")
    if refused := confirmation.refusal(sweep.settings):
        st.caption(refused)
        return
    if sweep.confirmation is None:
        st.caption(
            "Validation chose the best of many, so its score is partly luck. Confirm trains the best few, and the "
            "settings that the sweep began from, with seeds that had no part in the choice."
        )
        if actions.may_operate(sweep):
            _form(sweep)
        return
    going = not sweep.confirmation.done
    address.fragment(POLL_SECONDS if going else None)(_show)(sweep.id, going)
    if not going and actions.may_operate(sweep):
        with st.expander("Confirm again"):
            _form(sweep)


def _form(sweep: View) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep-confirm"):
        st.text_input("Best settings", **_STATE.text("best"), width=120)
        st.text_input("Fresh seeds", **_STATE.text("seeds"), width=120)
        st.button("Confirm", icon=":material/verified:", on_click=_confirm, args=(sweep.id,))


def _confirm(sweep_id: str) -> None:
    def confirm() -> None:
        from core.sweep.studies import BEST, SEEDS

        best, seeds = BEST.parse(str(_STATE["best"])), SEEDS.parse(str(_STATE["seeds"]))
        lab.sweeps().confirm(sweep_id, int(str(best)), int(str(seeds)))

    actions.act(sweep_id, confirm)


def _show(sweep_id: str, going: bool) -> None:
    sweep = lab.sweeps().view(sweep_id)
    if sweep is None or sweep.confirmation is None or (going and sweep.confirmation.done):
        st.rerun()
    found = sweep.confirmation
    if not found.done:
        runs = [run for c in found.contestants for run_id in c.runs if (run := lab.service().run(run_id))]
        over = sum(run.over for run in runs)
        st.progress(over / max(1, len(runs)), f"{over} of {counted(len(runs), 'confirming run')} done")
    st.markdown(_table(sweep, found))
    for sentence in verdict.sentences(sweep, found):
        st.markdown(literal(sentence))


def _table(sweep: View, found: Confirmation) -> str:
    """Return the contestants as a Markdown table."""
    rows = ["| | In the sweep | Confirmed, mean | 95% interval | Behind the winner |", "|---|--:|--:|--:|--:|"]
    for i, contestant in enumerate(found.contestants):
        name = literal(verdict.name_of(sweep, contestant))
        mean, behind = contestant.accuracy, contestant.behind
        place = "winner" if i == found.winner else _behind(behind, contestant.apart)
        cells = (
            f"**{name}**" if i == found.winner else name,
            percent(contestant.score),
            percent(mean.mean) if mean else UNKNOWN,
            verdict.ends(mean),
            place,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _behind(behind: Interval | None, apart: bool) -> str:
    if behind is None:
        return UNKNOWN
    return f"{verdict.points(behind.mean)}, {'more than chance explains' if apart else 'within chance'}"
