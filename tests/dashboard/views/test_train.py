from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.service import Service
from core.training.config import RunConfig
from dashboard import lab
from dashboard.forms import key
from tests.dashboard.conftest import button, in_address, open_page, text


@pytest.fixture
def train(service: Service) -> AppTest:
    return open_page("train")


def test_empty_lab(train: AppTest) -> None:
    assert not train.exception
    assert not button(train, "Train").disabled
    assert button(train, "Stop").disabled
    assert "Recent runs" not in text(train)
    assert "Save this network as" not in [field.label for field in train.text_input]


def test_network_is_counted(train: AppTest) -> None:
    assert "100,480" in text(train)
    assert "1,290" in text(train)
    assert "**101,770**" in text(train)


def test_train_starts_one_run_and_puts_it_into_the_url(train: AppTest, service: Service) -> None:
    train.text_input(key=key("epochs")).set_value("1000").run()
    button(train, "Train").click().run()
    (run,) = service.runs()
    assert train.query_params["run"] in (run.id, [run.id])
    assert run.config.epochs == 1000
    assert len(run.owner) == 16
    assert run.owner_name == f"Guest {run.owner[:4]}"
    assert button(train, "Train").disabled
    assert not button(train, "Stop").disabled
    button(train, "Stop").click().run()


def test_a_run_that_is_not_shown_disables_nothing(train: AppTest, service: Service) -> None:
    """As after a run that was started on another page, or a way to another page and back."""
    train.text_input(key=key("epochs")).set_value("1000").run()
    button(train, "Train").click().run()
    run_id = in_address(train, "run")
    assert button(train, "Train").disabled
    del train.query_params["run"]
    train.run()
    assert not button(train, "Train").disabled
    service.command(run_id, "stop")


def test_bad_input_disables_train_and_says_why(train: AppTest) -> None:
    train.text_input(key=key("lr")).set_value("-1").run()
    assert train.error[0].value == r"Learning rate must be between 0 and 1000\, above 0; you entered \-1."
    assert button(train, "Train").disabled


def test_unknown_run_gets_a_sentence(service: Service) -> None:
    page = open_page("train", run="../../etc/passwd")
    assert not page.exception
    assert "does not have the run that this link names" in page.info[0].value


def test_saved_network_is_tested(train: AppTest) -> None:
    train.selectbox(key="test.model").set_value("untrained").run()
    assert not train.exception
    assert [metric.label for metric in train.metric] == ["Accuracy on the 10,000 test digits", "Test loss"]
    assert float(train.metric[0].value.removesuffix(" %")) < 30


def fields_of(page: AppTest) -> tuple[str, str, str]:
    optimizer = page.selectbox(key=key("optimizer")).value
    return optimizer, page.text_input(key=key("lr")).value, page.text_input(key=key("epochs")).value


@pytest.fixture
def two(service: Service) -> Iterator[tuple[str, str]]:
    """Two finished runs, of other settings than the form's first ones."""
    service._store.add("sgd", RunConfig.recommended("sgd", epochs=2), 1.0, "finished")
    service._store.add("adam", RunConfig(lr=0.01, epochs=3), 2.0, "finished")
    yield "sgd", "adam"
    for run_id in ("sgd", "adam"):
        service._store.remove(run_id)


def test_a_run_that_is_opened_brings_its_settings(two: tuple[str, str]) -> None:
    page = open_page("train", run="sgd")
    assert fields_of(page) == ("sgd", "0.3", "2")
    page.text_input(key=key("lr")).set_value("7").run()
    page.button(key="open.adam").click().run()
    assert fields_of(page) == ("adam", "0.01", "3")
    assert "For the next run" not in text(page)


def test_a_form_that_is_not_the_shown_runs_any_more_says_so(two: tuple[str, str]) -> None:
    page = open_page("train", run="sgd")
    run = lab.service().run("sgd")
    assert run
    number = run.number
    page.text_input(key=key("lr")).set_value("7").run()
    assert f"For the next run. Run #{number}, shown here, has rate 0\\.3." in text(page)
    button(page, f"Settings of run #{number}").click().run()
    assert fields_of(page) == ("sgd", "0.3", "2")
    assert "For the next run" not in text(page)
