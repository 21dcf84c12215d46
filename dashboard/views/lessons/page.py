"""Lessons: a question, a prediction, an experiment that runs for real, and what to look at."""

from functools import partial

import streamlit as st

from core.hyperparameters import number
from core.optimizers import OPTIMIZERS
from core.runs import states
from core.runs.store import Run
from core.sweep import race
from dashboard import address, fields, handoff, operating, run_curves, starting, visitors
from dashboard.analysis.weight_step import step_in_numbers
from dashboard.screens import screen
from dashboard.views.lessons import LOOK, MEASURES, Lesson, Outcome, Prediction, lessons, outcome, spread_of
from dashboard.views.lessons.settings import PARAMETERS, STATE, as_set, checked, chosen, fixed_by_link
from dashboard.views.lessons.touches import touch
from dashboard.views.lessons.walk import walk
from dashboard.words import literal, not_here, percent, stacked

INVITATION = "Make your prediction and press Run. The curves grow here while the runs train."
#: The parts of the page that a link may hide.
HIDEABLE = {
    "prediction": "The prediction",
    "touch": "The control beside the formula",
    "settings": "The settings",
    "rule": "The update rule",
    "look": "What to look at",
    "list": "Links to other lessons",
}
#: What makes a race of each setting fair, and what of the lesson it does not take over.
FAIR = {
    "optimizer": "each optimizer at a learning rate that was searched for it",
    "schedule": "each schedule with its usual parameters",
} | dict.fromkeys(("lr", "batch_size", "shuffle", "seed"), "over as many seeds as you like")
#: Ends of a run after which there is nothing to judge.
_ENDS = {states.STOPPED: "was stopped", states.FAILED: "failed", states.INTERRUPTED: "was interrupted"}


def page() -> None:
    known = lessons()
    key = address.get("lesson")
    with screen(f"lesson: {key}"):
        if key in known:
            _lesson(known[key])
            return
        if key:
            st.info("This lab does not have the lesson that this link names. Choose one of these.")
        _list(known)


def _list(known: dict[str, Lesson]) -> None:
    st.markdown("### Lessons")
    st.caption("Each asks one question, which an experiment answers in seconds. Predict first.")
    for row in range(0, len(known), 2):
        for column, lesson in zip(st.columns(2), list(known.values())[row : row + 2], strict=False):
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
    address.only(**({"lesson": key} if key else {}))


def _hidden() -> set[str]:
    return set(address.get("hide").split(","))


def _lesson(lesson: Lesson) -> None:
    runs = address.runs("runs")
    lesson = as_set(lesson, runs)
    hidden = _hidden()
    if runs:
        _recall_prediction(lesson.key)
    if "list" not in hidden:
        st.button("All lessons", type="tertiary", icon=":material/arrow_back:", on_click=_open, args=(None,))
    st.markdown(f"### {lesson.order} · {lesson.title}")
    if missing := address.gone("runs"):
        st.info(not_here(missing))
    if lesson.steps:
        st.markdown(f"**{lesson.question}** {lesson.text}")
        _start_row(lesson, runs, hidden)
        walk(lesson, runs[0] if runs else None)
        _look(lesson, hidden)
    else:
        text, beside = st.columns([0.52, 0.48], gap="large")
        with text:
            st.markdown(f"**{lesson.question}**")
            st.markdown(lesson.text)
        if "touch" not in hidden:
            with beside:
                touch(lesson, None)
        start, stage = st.columns([0.4, 0.6], gap="large")
        with start:
            if lesson.prediction and "prediction" not in hidden:
                _prediction(lesson, runs)
            _start_row(lesson, runs, hidden)
            if runs and all(run.over for run in runs) and lesson.prediction:
                _outcome(lesson, runs)
        with stage:
            names = list(lesson.lines) if len(runs) == len(lesson.lines) else None
            run_curves.live(runs, INVITATION, key=f"lesson.{lesson.key}", names=names)
            _look(lesson, hidden)
    if "rule" not in hidden:
        _rules(lesson)
    _ways_on(lesson, hidden)


def _prediction(lesson: Lesson, runs: list[Run]) -> None:
    assert lesson.prediction
    with st.container(border=True, key="prediction"):
        st.radio(
            f"**Your prediction.** {lesson.prediction.ask}",
            range(len(lesson.prediction.choices)),
            index=None,
            format_func=lambda place: lesson.prediction.choices[place].text if lesson.prediction else "",
            key=STATE.key(f"{lesson.key}.prediction"),
            disabled=bool(runs),
            persist_state="session",
        )


def _start_row(lesson: Lesson, runs: list[Run], hidden: set[str]) -> None:
    """Draw the settings, and the buttons that run and stop the experiment."""
    first = next(iter(lesson.lines.values()))
    fixed, unused = fixed_by_link(lesson)
    error = ""
    for sentence in unused:
        st.info(sentence, icon=":material/link_off:")
    with st.container(horizontal=True, vertical_alignment="bottom", key="start"):
        if "settings" not in hidden:
            for name in lesson.controls:
                st.text_input(
                    fields.label(name),
                    **STATE.text(f"{lesson.key}.{name}", ""),
                    placeholder=str(fixed.get(name, getattr(first, name))),
                    disabled=name in fixed or bool(runs),
                    help="Fixed by the link." if name in fixed else fields.help_text(PARAMETERS[name]),
                    width=110,
                )
        try:
            lesson.configs(**chosen(lesson))
        except ValueError as wrong:
            error = fields.explain(wrong)
        guessed = not lesson.prediction or "prediction" in hidden or _guess(lesson) is not None
        count = len(lesson.lines)
        if not runs:
            st.button(
                f"Run it: {count} runs" if count > 1 else "Run it",
                type="primary",
                icon=":material/play_arrow:",
                disabled=bool(error) or not guessed,
                help=None if guessed else "Predict first.",
                on_click=_start,
                args=(lesson.key,),
            )
        else:
            going = starting.going(runs)
            if stoppable := [run.id for run in operating.operable(going)]:
                st.button("Stop", icon=":material/stop:", on_click=operating.command, args=(stoppable, "stop"))
            st.button(
                "Run again",
                icon=":material/restart_alt:",
                disabled=bool(going),
                on_click=address.put,
                kwargs={"runs": None},
            )
    if runs:
        starting.trained_before(runs, partial(_train_again, lesson.key))
    if error:
        st.error(error, icon=":material/edit:")


def _guess(lesson: Lesson) -> int | None:
    place: int | None = STATE.get(f"{lesson.key}.prediction", None)
    return place


def _before_runs() -> str:
    """Return the name under which the server remembers the prediction before these runs.

    It is the visitor's own: in the address it would go with a link to others.
    """
    return ".".join(("lesson", address.get("lesson"), address.get("runs")))


def _recall_prediction(key: str) -> None:
    """Put the prediction before these runs back into its field, after a reload."""
    if (made := visitors.recall(_before_runs())) is not None:
        STATE[f"{key}.prediction"] = made


def _show(lesson: Lesson, ids: list[str]) -> None:
    """Show the runs that have been started, and remember the prediction before them."""
    if ids:
        address.put(runs=",".join(ids))
        visitors.remember(_before_runs(), _guess(lesson))


def _start(key: str) -> None:
    lesson = lessons()[key]
    if address.runs("runs"):
        return
    try:
        configs = lesson.configs(**chosen(lesson))
    except ValueError:
        return
    _show(lesson, starting.group(configs, "lesson"))


def _train_again(key: str) -> None:
    """Train the lesson's runs again that were trained before."""
    _show(lessons()[key], starting.group_again(address.runs("runs"), "lesson"))


def _outcome(lesson: Lesson, runs: list[Run]) -> None:
    """Compare the prediction with the measurement."""
    prediction = lesson.prediction
    assert prediction
    if len(runs) != len(lesson.lines):
        return
    ran = dict(zip(lesson.lines, runs, strict=True))
    if unfinished := [name for name in prediction.needs if ran[name].state not in (states.FINISHED, states.DIVERGED)]:
        ends = " and ".join(f"“{literal(name)}” {_ENDS[ran[name].state]}" for name in unfinished)
        st.info(f"There is no verdict, since {ends}: press Run again, and then Run it.", icon=":material/restart_alt:")
        return
    measured = outcome(prediction, {name: run_curves.curves(run) for name, run in ran.items()})
    guess = _guess(lesson)
    with st.container(border=True, key="outcome"):
        if lacking := [name for name in prediction.needs if name not in measured.values]:
            st.markdown(f"Diverged before the end of its first epoch: {', '.join(map(literal, lacking))}.")
        if measured.possible:
            st.markdown(_verdict(prediction, measured, guess))
        st.markdown(_measured(lesson, measured))
        st.markdown(prediction.why)


def _verdict(prediction: Prediction, measured: Outcome, guess: int | None) -> str:
    """Return whether the guess was right, as far as seeds do not decide it, and what is."""
    right = "; or ".join(prediction.choices[place].text for place in measured.possible)
    wrong = guess is not None and guess not in measured.possible
    if len(measured.possible) > 1:
        apart = f"{100 * spread_of(prediction):.1f} points"
        start = "Not what you predicted, and the others are too" if wrong else "Too"
        return f"**{start} close to call.** Another seed alone may make a difference of {apart}. Measured: {right}"
    start = "Measured:" if guess is None else "Not what you predicted." if wrong else "As you predicted."
    return f"**{start}** {right}" if guess is None else f"**{start}** Measured: {right}"


def _measured(lesson: Lesson, measured: Outcome) -> str:
    assert lesson.prediction
    measure = MEASURES[lesson.prediction.measure]
    write = percent if "accuracy" in lesson.prediction.measure else (lambda value: f"{value:,.4g}")
    ordered = sorted(measured.values.items(), key=lambda item: item[1], reverse=measure.more)
    return f"{measure.words.capitalize()}: " + ", ".join(
        f"{name.split(':')[0]} **{write(value)}**" for name, value in ordered
    )


def _look(lesson: Lesson, hidden: set[str]) -> None:
    if lesson.look and "look" not in hidden:
        st.markdown(f"##{LOOK}\n\n{lesson.look}")


def _rules(lesson: Lesson) -> None:
    """Draw the update rule of each optimizer of the lesson."""
    names = list(dict.fromkeys(config.optimizer for config in lesson.lines.values()))
    st.markdown("#### The rule" if len(names) == 1 else "#### The rules")
    for row in range(0, len(names), 2):
        for column, name in zip(st.columns(min(2, len(names))), names[row : row + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                st.markdown(f"**{OPTIMIZERS[name].label}**, {OPTIMIZERS[name].year}")
                st.latex(stacked(OPTIMIZERS[name].formula))
    if st.toggle("Show one step in numbers", key=f"numbers.{lesson.key}"):
        step_in_numbers(list(lesson.lines.values()), key=f"numbers.{lesson.key}", names=list(lesson.lines))


def _ways_on(lesson: Lesson, hidden: set[str]) -> None:
    """Draw the buttons to a race with this lesson's settings, to a link for a class, and to the next lesson."""
    keys = list(lessons())
    after = keys[keys.index(lesson.key) + 1 :][:1]
    with st.container(horizontal=True, key="ways-on"):
        if knob := lesson.varied:
            setting = race.KNOBS[knob].lower()
            if st.button(
                "Race them fairly",
                icon=":material/flag:",
                help=f"A race on the Sweep page: the {setting} varied, {FAIR[knob]}.",
            ):
                _to_race(lesson, knob)
        if "list" not in hidden:
            with st.popover("Link for a class", icon=":material/link:"):
                _link(lesson)
            for key in after:
                st.button(f"Next: {lessons()[key].title}", icon=":material/arrow_forward:", on_click=_open, args=(key,))


def _to_race(lesson: Lesson, knob: str) -> None:
    """Open the Sweep page with a race of what the lesson varies, and the settings of the lesson and its visitor."""
    try:
        configs = lesson.configs(**chosen(lesson))
    except ValueError:
        configs = lesson.configs()
    handoff.to_race(configs[0], knob, [getattr(config, knob) for config in configs])
    st.switch_page("views/sweep/page.py", query_params=handoff.RACE)


def _link(lesson: Lesson) -> None:
    """Draw the choice of what a link fixes and hides, and the link."""
    st.caption("A link to this lesson that fixes settings and hides controls.")
    parts, right = [f"lesson={lesson.key}"], True
    for name in lesson.controls:
        text = st.text_input(f"Fix {fields.label(name).lower()}", key=f"link.{lesson.key}.{name}", placeholder="free")
        try:
            parts += [f"{name}={number(checked(lesson, name, text))}"] if text.strip() else []
        except ValueError as wrong:
            right = False
            st.error(fields.explain(wrong), icon=":material/edit:")
    hide = st.pills(
        "Hide", list(HIDEABLE), format_func=HIDEABLE.__getitem__, selection_mode="multi", key=f"link.{lesson.key}.hide"
    )
    if hide:
        parts.append(f"hide={','.join(hide)}")
    if right:
        st.code(f"{st.context.url.split('?')[0] if st.context.url else '/lessons'}?{'&'.join(parts)}", wrap_lines=True)


page()
