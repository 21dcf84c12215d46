import pytest

from core.runs.service import Service
from dashboard.views.lessons import lessons
from tests.dashboard.conftest import button, in_address, labels, open_page, text, wait_for_runs


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


def test_a_guess_comes_first_then_the_run_then_the_outcome(service: Service) -> None:
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
    button(page, "Run again").click().run()
    assert "runs" not in page.query_params


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
    page = open_page("lessons", lesson="2-order", epochs="0", hide="prediction")
    assert [error.value for error in page.error] == ["Epochs must be a whole number from 1 to 1000; you entered 0."]
    assert button(page, "Run it").disabled


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
