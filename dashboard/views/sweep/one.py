"""One sweep: its state, its picture by the number of settings that vary, its best, and what can be done with it."""

import time
from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from core.sweep import confirmation, view
from core.sweep.view import View
from dashboard import address, coding, handoff, lab, notices, run_curves
from dashboard.views.sweep import actions, confirming, heat_map, several, table, wording
from dashboard.views.sweep.wording import COLORS, choice, title
from dashboard.words import counted, date_time, duration, literal, percent

#: Seconds between two drawings of a running sweep, by the number of its trials: all of a large one takes longer to
#: draw, and changes less with each trial.
POLL_SECONDS = {0: 1.0, 100: 2.0, 250: 5.0}
#: Seconds between two looks whether a sweep that does not run has changed: somebody may let it go on.
WATCH_SECONDS = 3.0
#: The table has a row per setting, each looked up: less often.
TABLE_SECONDS = 5.0
#: In the session, by the seconds between two drawings: the sweep, the time of the latest drawing, and what it drew.
_SHOWN = "sweep.shown"
BEST = 5


def show(study_id: str) -> None:
    """Draw the sweep, or say that the lab does not have it."""
    if st.button("All sweeps", icon=":material/arrow_back:", type="tertiary"):
        address.only()
        st.rerun()
    sweep = lab.sweeps().view(study_id)
    if sweep is None:
        st.info("This lab does not have the sweep that this link names. It may have been removed.")
        return
    st.subheader(literal(title(sweep)), anchor=False)
    actions.draw(sweep)
    picture = _picture(sweep)
    every = _period(sweep)
    address.fragment(every)(_live)(study_id, _around(sweep), every, picture)
    rarely = TABLE_SECONDS if every else None
    if len(sweep.settings.space.dimensions) > 1:
        address.fragment(rarely)(_importance)(study_id, rarely)
    confirming.section(sweep)
    address.fragment(rarely)(_table)(study_id, rarely)
    actions.labels(sweep)
    if not every:
        address.fragment(WATCH_SECONDS)(_watch)(study_id, sweep.revision)


def _watch(study_id: str, revision: int) -> None:
    """Have the page drawn anew once the sweep has another revision; it draws nothing itself."""
    if lab.sweeps().revision(study_id) != revision:
        st.rerun()


def _importance(study_id: str, every: float | None) -> None:
    if sweep := _looked_at(study_id, every):
        several.importance(sweep)


def _table(study_id: str, every: float | None) -> None:
    if sweep := _looked_at(study_id, every):
        table.show(sweep)


def _picture(sweep: View) -> Callable[[View], object]:
    """Draw the picture's controls, which are in the address, and return what draws the picture itself."""
    match len(sweep.settings.space.dimensions):
        case 1:
            return _curves
        case 2:
            return heat_map.controls(sweep)
    return several.show


def _period(sweep: View) -> float | None:
    """Return the seconds between two drawings; None for a sweep that does not run."""
    if sweep.state != view.RUNNING:
        return None
    return max(seconds for trials, seconds in POLL_SECONDS.items() if len(sweep.trials) >= trials)


@lru_cache(maxsize=64)
def _shared(study_id: str, every: float, interval: int) -> View | None:
    return lab.sweeps().view(study_id)


def _looked_at(study_id: str, every: float | None) -> View | None:
    """Return a sweep that runs as it was at somebody's first look in an interval of time, which all who look share.

    What a visitor chooses in between is drawn of the same moment: figures that it does not change stay as they are.

    Args:
        every: seconds between two drawings; None for a sweep that does not run, which is returned as it is.
    """
    if not every:
        return lab.sweeps().view(study_id)
    now, key = time.monotonic(), f"{_SHOWN}.{every}"
    drawn: tuple[str, float, View | None] = st.session_state.get(key, ("", 0.0, None))
    # A drawing by the clock comes a little early at times, and is to find news.
    if drawn[0] != study_id or now - drawn[1] > 0.9 * every:
        drawn = st.session_state[key] = (study_id, now, _shared(study_id, every, int(now / every)))
    return drawn[2]


def _around(sweep: View) -> tuple[object, ...]:
    """Return what the page around the picture depends on: which buttons there are, and whether there is a best."""
    return sweep.state, sweep.best is not None, _period(sweep)


def _live(study_id: str, around: tuple[object, ...], every: float | None, picture: Callable[[View], object]) -> None:
    """Draw what changes while the sweep runs; the page is drawn anew when what is around that changes."""
    sweep = _looked_at(study_id, every)
    if sweep is None or _around(sweep) != around:
        # It may have changed in this interval.
        sweep = lab.sweeps().view(study_id)
    if sweep is None or _around(sweep) != around:
        st.rerun()
    notices.place("sweep")
    _byline(sweep)
    if sweep.state in (view.RUNNING, view.PAUSED):
        _progress(sweep)
    if sweep.message:
        st.warning(literal(sweep.message), icon=":material/error:")
    picture(sweep)
    _best(sweep)


def _byline(sweep: View) -> None:
    parts = [wording.in_common(sweep)]
    if sweep.owner_name:
        parts.append(f"by {sweep.owner_name}")
    parts += [
        date_time(sweep.created),
        f"{duration(sweep.seconds)} so far" if not _ended(sweep) else duration(sweep.seconds),
    ]
    st.markdown(f":{COLORS[sweep.state]}-badge[{sweep.state}] :small[{literal(' · '.join(filter(None, parts)))}]")


def _ended(sweep: View) -> bool:
    return sweep.state in (view.FINISHED, view.STOPPED, view.FAILED)


def _progress(sweep: View) -> None:
    settings = sweep.settings
    shares = [sweep.done / settings.trials] if settings.trials else []
    shares += [sweep.seconds / 60 / settings.minutes] if settings.minutes else []
    of = f" of {settings.trials:,}" if settings.trials else ""
    counts = [
        f"{sweep.count(state)} {state}" for state in ("running", "diverged", "pruned", "failed") if sweep.count(state)
    ]
    limit = [f"at most {settings.minutes:g} min"] if settings.minutes else []
    text = ", ".join([f"{sweep.done:,}{of} settings done", *counts, *limit])
    st.progress(min(1.0, max(shares, default=0.0)), literal(text))


def _curves(sweep: View) -> None:
    """Draw the runs of one varied setting as the lines of a race, and its result against its values."""
    runs = [run for trial in sweep.trials for run_id in trial.runs if (run := lab.service().run(run_id))]
    run_curves.live(runs, "The curves grow here.", key="sweep.live")
    several.slices(sweep, ())


def _best(sweep: View) -> None:
    """Name the best setting, and offer what can be done with it."""
    best = sweep.best
    if not best:
        return
    over = f", mean of {counted(len(best.finals), 'seed')}" if len(best.finals) > 1 else ""
    so_far = "" if _ended(sweep) else " so far"
    st.markdown(
        f"**Best{so_far}: {literal(choice(best.chosen))}**, {percent(best.accuracy)} validation accuracy{over}."
    )
    with st.container(horizontal=True, key="sweep-best"):
        if st.button("Take the best to Train", icon=":material/arrow_forward:", type="primary"):
            handoff.to_train(best.config)
        left = _runs_left(sweep)
        if len(left) > 1 and st.button(
            f"Race the best {len(left)}",
            icon=":material/flag:",
            help="Their runs side by side: curves, ranking, a band over the seeds; same weights, same order of images.",
        ):
            # Those that the sweep has trained, since a run is the same again.
            ids = [run_id for ids in left for run_id in ids]
            st.switch_page("views/sweep/page.py", query_params={"runs": ",".join(ids)})
        run = lab.service().run(best.runs[0]) if best.runs else None
        if run:
            if st.button("Open its run", icon=":material/open_in_new:"):
                st.switch_page("views/runs/page.py", query_params={"run": run.id})
            coding.run_as_code(run, "sweep.best")
    if len(sweep.ranking) > 1:
        chosen = (
            f"Chosen among {counted(len(sweep.ranking), 'setting')} by validation accuracy, so a part of its lead "
            "is luck."
        )
        how = (
            " **Confirm** below trains the best few again with fresh seeds, and looks at the test set for the "
            "winner alone."
        )
        st.caption(chosen if confirmation.refusal(sweep.settings) else chosen + how)


def _runs_left(sweep: View) -> list[list[str]]:
    """Return the runs of each of the best settings that the lab still has; without settings that have none."""
    left = [[run_id for run_id in trial.runs if lab.service().run(run_id)] for trial in sweep.ranking[:BEST]]
    return list(filter(None, left))
