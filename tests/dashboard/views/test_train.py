import hashlib
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.service import Service
from core.training.config import RunConfig
from dashboard import lab
from dashboard.forms import key
from dashboard.words import literal, percent
from tests.dashboard.conftest import button, in_address, labels, open_page, page_of, take_away, text, wait_for_runs


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


def test_a_run_in_the_bin_says_so_and_does_not_go_on(service: Service) -> None:
    service._store.add("binned", RunConfig(), 1.0, "paused", step=5)
    service.delete(["binned"])
    page = open_page("train", run="binned")
    assert not page.exception
    assert page.info[0].value == "This run is in the bin."
    assert not {"Resume", "One step", "One epoch"} & set(labels(page)) and button(page, "Stop").disabled
    button(page, "Restore").click().run()
    assert {"Resume", "One step", "One epoch"} <= set(labels(page)) and not page.info
    take_away(service, "binned")
    service._record.forget("binned")


def test_saved_network_is_tested(train: AppTest) -> None:
    train.selectbox(key="test.model").set_value("untrained").run()
    assert not train.exception
    assert [metric.label for metric in train.metric] == ["Accuracy on the 10,000 test digits", "Test loss"]
    assert float(train.metric[0].value.removesuffix("%")) < 30


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
        take_away(service, run_id)


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


def test_one_click_compares_with_ones_own_last_run(two: tuple[str, str], service: Service) -> None:
    page = page_of("train", run="adam")
    page.session_state["visitor.token"] = "0" * 32
    me = hashlib.sha256(b"0" * 32).hexdigest()[:16]
    assert not any("last run" in label for label in labels(page.run()))
    service._store.update("sgd", owner=me, step=1500)
    assert f"Compare with my last run (#{number_of('sgd')})" in labels(page.run())
    # Of the visitor's runs, one before the shown one: it is not compared with itself or with a later one.
    service._store.update("adam", owner=me, step=1500)
    page.query_params["run"] = "sgd"
    assert not any("last run" in label for label in labels(page.run()))


def number_of(run_id: str) -> int:
    run = lab.service().run(run_id)
    assert run
    return run.number


def test_a_saved_network_is_tested_where_it_was_saved(train: AppTest, service: Service) -> None:
    train.text_input(key=key("epochs")).set_value("1")
    train.text_input(key=key("validation_split")).set_value("0.95").run()
    button(train, "Train").click().run()
    run_id = in_address(train, "run")
    wait_for_runs(service, [run_id])
    train.run()
    assert not train.metric
    number = number_of(run_id)
    assert train.text_input(key=f"keep.{run_id}").value == f"adam-{number}"
    train.text_input(key=f"keep.{run_id}").set_value("where it was saved").run()
    button(train, "Save").click().run()
    assert "**where it was saved** is saved." in text(train)
    assert [metric.label for metric in train.metric] == ["Accuracy on the 10,000 test digits", "Test loss"]
    run = service.run(run_id)
    assert run and train.metric[0].value == percent(run.test_accuracy)
    # The name that is proposed is free each time, so that Save saves; one that was refused stays in its field.
    for name in (f"adam-{number}", f"adam-{number} 2"):
        assert train.text_input(key=f"keep.{run_id}").value == name
        button(train, "Save").click().run()
        assert f"**{literal(name)}** is saved." in text(train)
        assert "notices.refused" not in train.session_state
    train.text_input(key=f"keep.{run_id}").set_value("where it was saved").run()
    button(train, "Save").click().run()
    assert "you entered where it was saved" in train.session_state["notices.refused"]
    assert train.text_input(key=f"keep.{run_id}").value == "where it was saved"


def test_a_guest_is_asked_for_a_name_once_at_the_first_run(service: Service) -> None:
    def asked(page: AppTest) -> bool:
        return "Whose work is this?" in text(page)

    page = page_of("")
    page.run()
    assert not page.exception and not asked(page)
    page.text_input(key=key("epochs")).set_value("1000").run()
    button(page, "Train").click().run()
    run = service.runs(1)[0]
    assert asked(page) and run.owner_name.startswith("Guest ")
    page.text_input(key="visitor.first_input").set_value("Ada\u202e")
    button(page, "Save my name").click().run()
    assert asked(page) and len(page.error) == 1
    page.text_input(key="visitor.first_input").set_value("Ada")
    button(page, "Save my name").click().run()
    assert not asked(page) and not page.error
    named = service.run(run.id)
    assert named and named.owner_name == "Ada"
    service.command(run.id, "stop")


def test_a_guest_who_declines_is_not_asked_again(service: Service) -> None:
    page = page_of("")
    page.run()
    page.text_input(key=key("epochs")).set_value("1000").run()
    button(page, "Train").click().run()
    button(page, "No, thank you").click().run()
    assert "Whose work is this?" not in text(page)
    button(page, "Stop").click().run()
    assert "Whose work is this?" not in text(page)


def test_the_same_settings_are_not_trained_twice_but_on_request(service: Service) -> None:
    def again(page: AppTest) -> bool:
        return "Train again" in labels(page)

    page = page_of("")
    page.run()
    page.text_input(key=key("seed")).set_value("4711")
    page.text_input(key=key("epochs")).set_value("1")
    page.text_input(key=key("validation_split")).set_value("0.95").run()
    button(page, "Train").click().run()
    first = in_address(page, "run")
    assert not again(page)
    wait_for_runs(service, [first])
    assert not again(page.run())
    count = len(service.runs(-1))
    # Where it is shown, and where another page or none is.
    for run_id in (first, "another"):
        if run_id != first:
            page.query_params["run"] = run_id
            assert not again(page.run())
        button(page, "Train").click().run()
        assert in_address(page, "run") == first and again(page)
        said = f"Same settings as #{number_of(first)}"
        assert f"{said}: training again gives the same figures." in text(page)
        assert [toast.value for toast in page.toast] == [f"{said}."]
        assert len(service.runs(-1)) == count
    page.text_input(key=key("seed")).set_value("4712").run()
    assert not again(page) and "Same settings" not in text(page)
    page.text_input(key=key("seed")).set_value("4711").run()
    button(page, "Train again").click().run()
    second = in_address(page, "run")
    assert second != first and len(service.runs(-1)) == count + 1 and not again(page)
    wait_for_runs(service, [second])
    one, other = service.run(first), service.run(second)
    assert one and other and one.test_loss == other.test_loss and one.config == other.config
