from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from core.training.schedules import SCHEDULES
from dashboard import forms, lab
from tests.waiting import LIMIT


def _script() -> None:
    import streamlit as st

    from dashboard import forms

    st.session_state["read"] = forms.hyperparameter_form()[0]


@pytest.fixture
def form() -> AppTest:
    return AppTest.from_function(_script, default_timeout=LIMIT).run()


def read(form: AppTest) -> forms.Form:
    assert not form.exception
    return form.session_state["read"]


def put(form: AppTest, name: str, value: Any, scope: str = "") -> None:
    """Set a field, whatever its widget is."""
    for kind in ("text_input", "selectbox", "checkbox"):
        for widget in form.get(kind):
            if widget.key == forms.key(name, scope):
                widget.set_value(value).run()
                return
    raise AssertionError(f"the form has no field {name}")


def test_untouched_it_gives_the_defaults(form: AppTest) -> None:
    assert read(form) == forms.Form(RunConfig())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_another_optimizer_brings_its_own_settings(form: AppTest, optimizer: str) -> None:
    put(form, "optimizer", optimizer)
    assert read(form).config == RunConfig.recommended(optimizer)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_schedule_can_be_chosen(form: AppTest, schedule: str) -> None:
    put(form, "schedule", schedule)
    assert read(form).config == RunConfig(schedule=schedule)


@pytest.mark.parametrize(
    ("name", "scope", "text", "sentence"),
    [
        ("lr", "", "0", "Learning rate must be between 0 and 1000\\, above 0; you entered 0."),
        ("lr", "", "-1", "Learning rate must be between 0 and 1000\\, above 0; you entered \\-1."),
        ("lr", "", "nan", "Learning rate must be between 0 and 1000\\, above 0; you entered nan."),
        ("lr", "", "", "Learning rate must be between 0 and 1000\\, above 0; the field is empty."),
        (
            "lr",
            "",
            "0,01",
            "Learning rate must be between 0 and 1000\\, above 0; you entered 0\\,01. Use a decimal point.",
        ),
        ("epochs", "", "1e9", "Epochs must be a whole number from 1 to 1000; you entered 1e9."),
        (
            "betas",
            "adam",
            "1,1",
            "Betas must be 2 numbers between 0 and 1\\, below 1\\, separated by commas; you entered 1\\,1.",
        ),
    ],
)
def test_bad_input_gets_a_sentence_with_the_fields_label(
    form: AppTest, name: str, scope: str, text: str, sentence: str
) -> None:
    put(form, name, text, scope)
    assert read(form) == forms.Form(None, (sentence,))


def test_all_mistakes_are_told_at_once(form: AppTest) -> None:
    put(form, "lr", "x")
    put(form, "epochs", "y")
    assert [error.split()[0] for error in read(form).errors] == ["Learning", "Epochs"]


@pytest.mark.parametrize(
    ("field", "scope", "entered", "sentence"),
    [
        ("warmup_steps", "", "4000", "The warm-up of 4,000 steps is longer than the run of 3,750:"),
        ("weight_decay", "", "10", "Weight decay 10 adds so much"),
        ("eps", "adam", "1", "Epsilon 1 is far above"),
        ("batch_size", "", "full", "The run has only 5 steps of 48,000 images each."),
        ("shuffle", "", "by-label", "Ordered by label"),
    ],
)
def test_what_cannot_act_is_said_in_the_form(
    form: AppTest, field: str, scope: str, entered: str, sentence: str
) -> None:
    def said() -> list[str]:
        return [c.value.replace("\\", "") for c in form.caption if c.value.startswith(":material/info:")]

    assert said() == []
    put(form, field, entered, scope)
    (caption,) = said()
    assert caption.startswith(f":material/info: {sentence}")


def test_a_schedule_without_effect_is_said_beside_it(form: AppTest) -> None:
    put(form, "optimizer", "rprop")
    put(form, "epochs", "50")
    put(form, "schedule", "cosine")
    captions = [caption.value.replace("\\", "") for caption in form.caption]
    said = ":material/info: Rprop takes the learning rate for its first step alone: Cosine has no effect."
    assert said in captions


def _filled() -> None:
    import streamlit as st

    from core.training.config import RunConfig
    from dashboard import forms

    forms.fill(RunConfig.from_dict(st.session_state["first"]))
    st.session_state["read"] = forms.hyperparameter_form()[0]


def _given() -> None:
    import streamlit as st

    from dashboard import forms

    st.session_state["read"] = forms.hyperparameter_form({"optimizer": "sgd", "lr": 0.5})[0]


def test_a_rate_that_first_rises_is_not_said_to_stay(form: AppTest) -> None:
    form.text_input(key=forms.key("warmup_steps")).set_value("500").run()
    assert form.caption[-1].value == "Keeps the rate as it is. First it rises from 0 over 500 warm-up steps."


def test_settings_that_the_page_has_itself_are_not_drawn_and_not_read() -> None:
    form = AppTest.from_function(_given, default_timeout=LIMIT)
    form.session_state[forms.key("lr")] = "nonsense"
    assert read(form.run()).config == RunConfig(optimizer="sgd", lr=0.5)
    drawn = [widget.label for kind in ("selectbox", "text_input") for widget in form.get(kind)]
    assert "Epochs" in drawn and not {"Optimizer", "Learning rate", "Betas"} & set(drawn)


def test_a_choice_is_shown_by_its_label(form: AppTest) -> None:
    loss = form.selectbox(key=forms.key("loss"))
    assert (loss.value, loss.options) == ("cross_entropy", ["cross-entropy", "mean squared error"])
    assert "cross_entropy" not in loss.help


def test_a_config_goes_into_the_form_and_comes_out_the_same() -> None:
    config = RunConfig(
        optimizer="momentum",
        # With more digits than a page shows.
        lr=1 / 3,
        optimizer_params={"momentum": 0.8, "dampening": 0.1},
        batch_size="full",
        epochs=3,
        schedule="multi_step",
        schedule_params={"milestones": (1.0, 2.5), "factor": 0.2},
        warmup_steps=7,
        validation_split=0.1,
        shuffle="once",
        seed=5,
        weight_decay=1e-4,
        label_smoothing=0.05,
        train_images=500,
        label_noise=0.2,
        initialization="he",
        augment=True,
    )
    form = AppTest.from_function(_filled, default_timeout=LIMIT)
    form.session_state["first"] = config.to_dict()
    assert read(form.run()).config == config


def test_a_device_is_chosen_among_those_of_the_labs_workers(form: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    here = ["cpu"]
    monkeypatch.setattr(lab, "device_kinds", lambda: here)
    form.run()
    assert "Device" not in [widget.label for widget in form.selectbox]
    here.append("cuda")
    form.run()
    widget = form.selectbox(key=forms.key("device"))
    assert widget.options == ["automatic", "CPU", "GPU"]
    widget.set_value("cuda").run()
    config = read(form).config
    assert config is not None and config.device == "cuda"
    # Its last GPU leaves the cluster.
    here.remove("cuda")
    form.run()
    config = read(form).config
    assert config is not None and config.device == "auto"
