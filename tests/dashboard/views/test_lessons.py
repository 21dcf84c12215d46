from dataclasses import replace

import pytest

from core.hyperparameters import number
from core.runs.service import Service
from dashboard import forms
from dashboard.views.lessons import Outcome, lessons
from tests.dashboard.conftest import button, in_address, labels, open_page, page_of, text, wait_for_runs


def test_the_list_opens_a_lesson(service: Service) -> None:
    page = open_page("lessons")
    assert all(lesson.title in text(page) for lesson in lessons().values())
    page.button(key="open.2-order").click().run()
    assert in_address(page, "lesson") == "2-order"
    assert "Does it matter in which order the images come?" in text(page)


@pytest.mark.parametrize("key", lessons())
def test_every_lesson_draws(service: Service, key: str) -> None:
    page = open_page("lessons", lesson=key)
    assert not page.exception
    assert lessons()[key].question in text(page)


def test_a_guess_comes_first_then_the_run_then_the_outcome(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page("lessons", lesson="4-learning-rate")
    assert button(page, "Run it").disabled
    # What to look at is there from the start.
    assert lessons()["4-learning-rate"].look in text(page)
    page.radio(key="lesson.4-learning-rate.prediction").set_value(2).run()
    page.text_input(key="lesson.4-learning-rate.epochs").set_value("1").run()
    button(page, "Run it").click().run()
    ids = in_address(page, "runs").split(",")
    runs = [service.run(run_id) for run_id in ids]
    assert [run.config.lr for run in runs if run] == [0.001, 0.03, 0.3, 5.0]
    assert {run.config.epochs for run in runs if run} == {1}
    wait_for_runs(service, ids)
    page.run()
    assert "As you predicted" in text(page)
    assert "Measured: It learns nothing" in text(page)
    # The guess is the third: what seeds decide is no verdict on it, what they do not is.
    for possible, verdict in (
        ((1,), "**Not what you predicted.** Measured: It learns, but clearly worse"),
        (
            (2, 1),
            "**Too close to call.** Another seed alone may make a difference of 0.3 points. Measured: It learns noth",
        ),
        ((0, 1), "**Not what you predicted, and the others are too close to call.**"),
    ):
        monkeypatch.setattr("dashboard.views.lessons.outcome", lambda *_, found=possible: Outcome({}, found))
        page.run()
        assert verdict in text(page)
    button(page, "Run again").click().run()
    assert "runs" not in page.query_params


def test_a_prediction_is_the_visitors_own_and_outlives_a_reload(service: Service) -> None:
    page = open_page("lessons", lesson="4-learning-rate")
    page.radio(key="lesson.4-learning-rate.prediction").set_value(2).run()
    page.text_input(key="lesson.4-learning-rate.epochs").set_value("1").run()
    button(page, "Run it").click().run()
    given = {"lesson": "4-learning-rate", "runs": in_address(page, "runs")}
    wait_for_runs(service, given["runs"].split(","))
    again = page_of("lessons", **given)
    again.session_state["visitor.token"] = page.session_state["visitor.token"]
    assert "**As you predicted.**" in text(again.run()) and again.radio[0].value == 2
    other = open_page("lessons", **given)
    assert "**Measured:**" in text(other) and other.radio[0].value is None
    # Another prediction, before the next runs, is none of these.
    button(again, "Run again").click().run()
    again.radio[0].set_value(0).run()
    again.query_params.update(given)
    assert "**As you predicted.**" in text(again.run())


def test_a_link_fixes_settings_and_hides_controls(service: Service) -> None:
    page = open_page("lessons", lesson="2-order", epochs="1", seed="3", hide="prediction,list,rule")
    assert "All lessons" not in labels(page)
    assert lessons()["2-order"].look in text(page)
    assert lessons()["2-order"].look not in text(open_page("lessons", lesson="2-order", hide="look"))
    assert not page.radio
    assert page.text_input(key="lesson.2-order.epochs").disabled
    assert not button(page, "Run it").disabled
    button(page, "Run it").click().run()
    runs = [service.run(run_id) for run_id in in_address(page, "runs").split(",")]
    assert {(run.config.epochs, run.config.seed) for run in runs if run} == {(1, 3)}
    assert not open_page("lessons", lesson="2-order", hide="settings,prediction,list").text_input


def test_a_wrong_number_is_said_in_cores_words(service: Service) -> None:
    page = open_page("lessons", lesson="2-order", hide="prediction")
    page.text_input(key="lesson.2-order.epochs").set_value("0").run()
    assert [error.value for error in page.error] == ["Epochs must be a whole number from 1 to 1000; you entered 0."]
    assert button(page, "Run it").disabled


def test_what_cannot_be_used_of_a_link_is_said_and_leaves_its_field_free(service: Service) -> None:
    page = open_page("lessons", lesson="2-order", seed="abc", epochs="0", hide="prediction")
    assert [note.value for note in page.info] == [
        "Epochs must be a whole number from 1 to 1000; this link's 0 is not used.",
        "Seed must be a whole number from 0 to 2147483647; this link's abc is not used.",
    ]
    assert not page.error and not button(page, "Run it").disabled
    assert not any(page.text_input(key=f"lesson.2-order.{name}").disabled for name in ("epochs", "seed"))
    # The lesson has five epochs, and no control of them.
    page = open_page("lessons", lesson="8-the-network", epochs="2")
    assert [note.value for note in page.info][:1] == ["Epochs cannot be set in this lesson; this link's 2 is not used."]
    button(page, "Run it").click().run()
    (run,) = [service.run(run_id) for run_id in in_address(page, "runs").split(",")]
    assert run and run.config.epochs == 5
    service.command(run.id, "stop")
    wait_for_runs(service, [run.id])


def test_a_link_is_made_of_values_that_can_be_used(service: Service) -> None:
    page = open_page("lessons", lesson="2-order")
    assert [code.value for code in page.code] == ["/lessons?lesson=2-order"]
    page.text_input(key="link.2-order.seed").set_value(" 7 ").run()
    assert [code.value for code in page.code] == ["/lessons?lesson=2-order&seed=7"]
    page.text_input(key="link.2-order.seed").set_value("abc").run()
    assert not page.code
    assert [error.value for error in page.error] == [
        "Seed must be a whole number from 0 to 2147483647; you entered abc."
    ]


def test_a_verdict_needs_the_ends_of_the_runs_that_the_question_is_about(service: Service) -> None:
    lesson = lessons()["2-order"]
    assert lesson.prediction and lesson.prediction.needs == ("Sorted by digit",)
    names = list(lesson.lines)
    for stopped, said in (
        (names.index("Sorted by digit"), "There is no verdict, since “Sorted by digit” was stopped: press Run again"),
        (0, "**Measured:** "),
    ):
        configs = lesson.configs(epochs=1, seed=70 + stopped)
        configs[stopped] = replace(configs[stopped], epochs=1000)
        ids = service.submit_group(configs)
        service.command(ids[stopped], "stop")
        wait_for_runs(service, ids)
        states = [run.state for run in map(service.run, ids) if run]
        assert states == ["stopped" if place == stopped else "finished" for place in range(3)]
        page = open_page("lessons", lesson="2-order", runs=",".join(ids))
        assert not page.exception and said in text(page)
        assert ("Measured" in text(page)) == (stopped == 0)


def test_an_unknown_lesson_leads_to_the_list(service: Service) -> None:
    page = open_page("lessons", lesson="nothing")
    assert "does not have" in page.info[0].value
    assert len([b for b in page.button if b.label == "Open"]) == len(lessons())


def test_the_rule_takes_the_numbers_of_a_step(service: Service) -> None:
    page = open_page("lessons", lesson="6-momentum")
    page.toggle(key="numbers.6-momentum").set_value(True).run()
    page.selectbox(key="numbers.6-momentum.run").set_value(1).run()
    assert any(r"v_1 &= g_1" in formula.value for formula in page.latex)
    page.text_input(key="numbers.6-momentum.step").set_value("2").run()
    assert any(r"\mu\, v_{t-1}" in formula.value for formula in page.latex)
    page.text_input(key="numbers.6-momentum.step").set_value("99999").run()
    assert page.info[-1].value == "Step must be a whole number from 1 to 1500; you entered 99999."
    # A lesson of fewer epochs has fewer steps: what was entered before is the last one then.
    page.text_input(key="numbers.6-momentum.step").set_value("1500").run()
    page.text_input(key="lesson.6-momentum.epochs").set_value("1").run()
    assert page.text_input(key="numbers.6-momentum.step").value == "750" and not page.error


@pytest.mark.parametrize(
    ("key", "state", "value", "runs"),
    [
        ("1-batch", "batch_size", ["full", "64", "1"], 3),
        ("2-order", "shuffle", ["epoch", "none", "by-label"], 3),
        ("3-batch-size", "batch_size", [str(2**power) for power in range(3, 13)], 10),
        ("4-learning-rate", "lr", "0.001, 0.03, 0.3, 5", 4),
        ("5-schedules", "schedule", ["constant", "exponential", "cyclic", "plateau"], 4),
        # Each optimizer once, and five tries of a rate for each.
        ("6-momentum", "optimizer", ["sgd", "momentum", "nesterov"], 18),
        ("7-adaptive", "optimizer", ["sgd", "adagrad", "rmsprop", "adam"], 24),
    ],
)
def test_a_fair_race_varies_what_the_lesson_varied(
    service: Service, key: str, state: str, value: list[str] | str, runs: int
) -> None:
    page = open_page("").switch_page("views/lessons/page.py")
    page.query_params["lesson"] = key
    page.run()
    page.text_input(key=f"lesson.{key}.seed").set_value("7").run()
    button(page, "Race them fairly").click().run()
    assert not page.exception and not page.error
    assert page.session_state["race.knob"] == state
    assert page.session_state[f"race.{state}"] == value
    assert button(page, "Start").label == f"Start {runs} runs"
    form = {name: page.text_input(key=forms.key(name)).value for name in ("epochs", "seed", "validation_split")}
    first = next(iter(lessons()[key].lines.values()))
    assert form == {"epochs": str(first.epochs), "seed": "7", "validation_split": number(first.validation_split)}


def test_a_class_trains_a_lesson_once(service: Service) -> None:
    """Two visitors start the lesson one after the other, and a third one when it is over."""
    pages = [open_page("lessons", lesson="2-order", epochs="1", seed="61", hide="prediction") for _ in range(3)]
    found = []
    for page in pages[:2]:
        button(page, "Run it").click().run()
        found.append(in_address(page, "runs").split(","))
    wait_for_runs(service, found[0])
    button(pages[2], "Run it").click().run()
    found.append(in_address(pages[2], "runs").split(","))
    assert found[0] == found[1] == found[2] and len(set(found[0])) == 3
    assert "Train again" not in labels(pages[0])
    numbers = [run.number for run in map(service.run, found[0]) if run]
    said = f"Same settings as #{numbers[0]}, #{numbers[1]} and #{numbers[2]}: training again gives the same figures."
    assert said in text(pages[2])
    button(pages[2], "Train again").click().run()
    fresh = in_address(pages[2], "runs").split(",")
    assert len(fresh) == 3 and not set(fresh) & set(found[0])
    wait_for_runs(service, fresh)


def test_a_link_says_how_many_of_its_runs_are_gone(service: Service) -> None:
    page = open_page("lessons", lesson="2-order", runs="gone,lost")
    assert not page.exception
    assert [info.value for info in page.info] == ["This link names 2 runs that this lab does not have."]
