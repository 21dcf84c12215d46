"""Lessons: a question, a guess, an experiment that runs for real, and what to look at."""

from typing import Any

import streamlit as st

from core.optimizers import OPTIMIZERS
from core.runs.store import Run
from core.training import config as rules
from core.training.config import RunConfig
from dashboard import forms, insight, racing
from dashboard.components.chart import live_chart
from dashboard.screens import screen
from dashboard.views.lessons import CONTROLS, LOOK, MEASURES, Lesson, Outcome, lessons, outcome
from dashboard.views.lessons.walk import walk
from dashboard.words import percent, stacked

INVITATION = "Make your guess and press the button. What the runs do appears here as they do it."
#: What a link may hide.
HIDEABLE = {
    "prediction": "The prediction",
    "settings": "The settings",
    "rule": "The update rule",
    "list": "The way to other lessons",
}
PARAMETERS = {"epochs": rules.EPOCHS, "seed": rules.SEED}


def page() -> None:
    found = lessons()
    key = st.query_params.get("lesson")
    with screen(f"lesson: {key}"):
        if key in found:
            _lesson(found[key])
            return
        if key:
            st.info("This link names a lesson that this lab does not have. Here are those that it has.")
        _list(found)


def _list(found: dict[str, Lesson]) -> None:
    st.markdown("### Lessons")
    st.caption("Each is one question, answered by an experiment that takes seconds. Guess first.")
    for row in range(0, len(found), 2):
        for column, lesson in zip(st.columns(2), list(found.values())[row : row + 2], strict=False):
            with column, st.container(border=True, height="stretch", key=f"card-{lesson.key}"):
                st.markdown(f"**{lesson.order} · {lesson.title}**")
                st.markdown(lesson.question)
                st.button(
                    "Open",
                    key=f"open.{lesson.key}",
                    icon=":material/arrow_forward:",
                    on_click=_open,
                    args=(lesson.key,),
                )


def _open(key: str | None) -> None:
    st.query_params.clear()
    if key:
        st.query_params["lesson"] = key


def _hidden() -> set[str]:
    return set(st.query_params.get("hide", "").split(","))


def _lesson(lesson: Lesson) -> None:
    runs = racing.named("runs")
    hidden = _hidden()
    if "list" not in hidden:
        st.button("All lessons", type="tertiary", icon=":material/arrow_back:", on_click=_open, args=(None,))
    st.markdown(f"### {lesson.order} · {lesson.title}")
    racing.trouble()
    if lesson.steps:
        st.markdown(f"**{lesson.question}** {lesson.text}")
        _start_row(lesson, runs, hidden)
        walk(lesson, runs[0] if runs else None)
        _look(lesson)
    else:
        text, stage = st.columns([0.4, 0.6], gap="large")
        with text:
            st.markdown(f"**{lesson.question}**")
            st.markdown(lesson.text)
            if lesson.prediction and "prediction" not in hidden:
                _prediction(lesson, runs)
            _start_row(lesson, runs, hidden)
            if runs and racing.over(runs) and lesson.prediction:
                _outcome(lesson, runs)
        with stage:
            live_chart(runs, INVITATION, key=f"lesson.{lesson.key}", lines=_lines(lesson, runs))
            _look(lesson)
    if "rule" not in hidden:
        _rules(lesson)
    _ways_on(lesson, hidden)


def _lines(lesson: Lesson, runs: list[Run]) -> list[Any]:
    names = list(lesson.lines) if len(runs) == len(lesson.lines) else None
    return racing.lines(runs, names) if runs else []


def _prediction(lesson: Lesson, runs: list[Run]) -> None:
    assert lesson.prediction
    with st.container(border=True, key="prediction"):
        st.radio(
            f"**Your guess.** {lesson.prediction.ask}",
            range(len(lesson.prediction.choices)),
            index=None,
            format_func=lambda place: lesson.prediction.choices[place].text if lesson.prediction else "",
            key=f"guess.{lesson.key}",
            disabled=bool(runs),
            persist_state="session",
        )


def _fixed() -> dict[str, str]:
    """What the link fixes: text by the name of a control."""
    return {name: st.query_params[name] for name in CONTROLS if name in st.query_params}


def _chosen(lesson: Lesson) -> dict[str, Any]:
    """The settings of the link and of the page.

    Raises:
        ValueError: the sentence about what is wrong.
    """
    texts = {name: st.session_state.get(f"lesson.{lesson.key}.{name}") or "" for name in lesson.controls}
    return {name: PARAMETERS[name].parse(text) for name, text in {**texts, **_fixed()}.items() if text.strip()}


def _start_row(lesson: Lesson, runs: list[Run], hidden: set[str]) -> None:
    """The settings, the button that runs it, and Stop."""
    first = next(iter(lesson.lines.values()))
    fixed = _fixed()
    error = ""
    with st.container(horizontal=True, vertical_alignment="bottom", key="start"):
        if "settings" not in hidden:
            for name in lesson.controls:
                st.text_input(
                    forms.LABELS.get(name, name.capitalize()),
                    key=f"lesson.{lesson.key}.{name}",
                    placeholder=fixed.get(name, str(getattr(first, name))),
                    disabled=name in fixed or bool(runs),
                    help="Fixed by the link." if name in fixed else PARAMETERS[name].help,
                    width=110,
                    persist_state="session",
                )
        try:
            lesson.configs(**_chosen(lesson))
        except ValueError as wrong:
            error = str(wrong)
        guessed = not lesson.prediction or "prediction" in hidden or _guess(lesson) is not None
        count = len(lesson.lines)
        if not runs:
            st.button(
                f"Run it: {count} runs" if count > 1 else "Run it",
                type="primary",
                icon=":material/play_arrow:",
                disabled=bool(error) or not guessed,
                help=None if guessed else "Guess first.",
                on_click=_start,
                args=(lesson.key,),
            )
        else:
            going = [run.id for run in runs if not run.over]
            if going:
                st.button("Stop", icon=":material/stop:", on_click=racing.stop, args=(going,))
            st.button("Do it again", icon=":material/restart_alt:", disabled=bool(going), on_click=_again)
    if error:
        st.error(error, icon=":material/edit:")


def _guess(lesson: Lesson) -> int | None:
    return st.session_state.get(f"guess.{lesson.key}")


def _start(key: str) -> None:
    lesson = lessons()[key]
    if racing.named("runs"):
        return
    try:
        configs = lesson.configs(**_chosen(lesson))
    except ValueError:
        return
    racing.start("runs", configs, "lesson")


def _again() -> None:
    del st.query_params["runs"]


def _outcome(lesson: Lesson, runs: list[Run]) -> None:
    """What was guessed, and what was measured."""
    prediction = lesson.prediction
    assert prediction
    if len(runs) != len(lesson.lines):
        return
    seen = outcome(prediction, {name: racing.curves(run) for name, run in zip(lesson.lines, runs, strict=True)})
    guess = _guess(lesson)
    right = None if seen.right is None else prediction.choices[seen.right].text
    with st.container(border=True, key="outcome"):
        if guess is not None and right is not None:
            verdict = "You guessed right" if guess == seen.right else "You guessed otherwise"
            st.markdown(f"**{verdict}.** Measured: {right}")
        elif right is not None:
            st.markdown(f"**Measured:** {right}")
        st.markdown(_measured(lesson, seen))
        st.markdown(prediction.why)


def _measured(lesson: Lesson, seen: Outcome) -> str:
    assert lesson.prediction
    words, _, more = MEASURES[lesson.prediction.measure]
    write = percent if "accuracy" in lesson.prediction.measure else (lambda value: f"{value:,.4g}")
    ordered = sorted(seen.values.items(), key=lambda item: item[1], reverse=more)
    return f"{words.capitalize()}: " + ", ".join(f"{name.split(':')[0]} **{write(value)}**" for name, value in ordered)


def _look(lesson: Lesson) -> None:
    if lesson.look:
        st.markdown(f"##{LOOK}\n\n{lesson.look}")


def _rules(lesson: Lesson) -> None:
    """The update rule of each optimizer of the lesson."""
    names = list(dict.fromkeys(config.optimizer for config in lesson.lines.values()))
    st.markdown("#### The rule" if len(names) == 1 else "#### The rules")
    for row in range(0, len(names), 2):
        for column, name in zip(st.columns(min(2, len(names))), names[row : row + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                st.markdown(f"**{OPTIMIZERS[name].label}**, {OPTIMIZERS[name].year}")
                st.latex(stacked(OPTIMIZERS[name].formula))
    if st.toggle("With the numbers of a step", key=f"numbers.{lesson.key}"):
        insight.step_in_numbers(list(lesson.lines.values()), key=f"numbers.{lesson.key}", names=list(lesson.lines))


def _ways_on(lesson: Lesson, hidden: set[str]) -> None:
    """To the Race page with this lesson's settings, to the next lesson, and a link for a class."""
    keys = list(lessons())
    after = keys[keys.index(lesson.key) + 1 :][:1]
    with st.container(horizontal=True, key="ways-on"):
        if len(lesson.lines) > 1 and st.button("Race them fairly", icon=":material/flag:"):
            _to_race(list(lesson.lines.values()))
        if "list" not in hidden:
            with st.popover("Link for a class", icon=":material/link:"):
                _link(lesson)
            for key in after:
                st.button(f"Next: {lessons()[key].title}", icon=":material/arrow_forward:", on_click=_open, args=(key,))


def _to_race(configs: list[RunConfig]) -> None:
    forms.fill(configs[0])
    optimizers = list(dict.fromkeys(config.optimizer for config in configs))
    if len(optimizers) > 1:
        st.session_state["race.knob"], st.session_state["race.optimizer"] = "optimizer", optimizers
    st.switch_page("views/race/page.py", query_params={})


def _link(lesson: Lesson) -> None:
    """What the link shall fix and hide, and the link."""
    st.caption("A link to this lesson that fixes settings and hides controls.")
    parts = [f"lesson={lesson.key}"]
    for name in lesson.controls:
        value = st.text_input(f"Fix {name}", key=f"link.{lesson.key}.{name}", placeholder="free")
        if value:
            parts.append(f"{name}={value.strip()}")
    hide = st.pills(
        "Hide", list(HIDEABLE), format_func=HIDEABLE.__getitem__, selection_mode="multi", key=f"link.{lesson.key}.hide"
    )
    if hide:
        parts.append(f"hide={','.join(hide)}")
    st.code(f"{st.context.url.split('?')[0] if st.context.url else '/lessons'}?{'&'.join(parts)}", wrap_lines=True)


page()
