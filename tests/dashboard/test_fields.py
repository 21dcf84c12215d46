from pathlib import Path

import pytest

from core.hyperparameters import Hyperparameter, InvalidValue
from core.models.names import unused
from core.optimizers import OPTIMIZERS
from core.sweep.settings import TRIALS
from core.sweep.space import POINTS
from core.training.config import RunConfig
from core.training.schedules import SCHEDULES
from dashboard import fields


def test_the_patience_of_a_run_and_that_of_its_schedule_are_two_settings() -> None:
    shown = fields.settings(RunConfig(schedule="plateau", schedule_params={"patience": 3}, patience=10))
    assert (shown["Early-stopping patience"], shown["Patience"]) == ("10", "3")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_setting_has_a_label_of_its_own(optimizer: str, schedule: str) -> None:
    own = {p.name: p.default for p in OPTIMIZERS[optimizer].hyperparameters}
    of_schedule = {p.name: p.default for p in SCHEDULES[schedule].hyperparameters}
    config = RunConfig.recommended(
        optimizer, optimizer_params=own, schedule=schedule, schedule_params=of_schedule, epochs=20
    )
    others = len(config.to_dict()) - len(["optimizer_params", "schedule_params"])
    assert len(fields.settings(config)) == others + len(own) + len(of_schedule)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("a/b", "Name must be 1 to 64 letters"),
        ("", "the field is empty"),
        ("reference", "Name must be another than that of the network that comes with the lab; you entered reference"),
        ("mine", "Name must be one that no saved model has; you entered mine"),
    ],
)
def test_a_models_name_is_refused_in_the_pages_words(tmp_path: Path, names: str, sentence: str) -> None:
    (tmp_path / "mine.safetensors").touch()
    with pytest.raises(InvalidValue) as refused:
        unused(tmp_path, names)
    text = fields.explain(refused.value).replace("\\", "")
    assert sentence in text and "got name" not in text


@pytest.mark.parametrize(("parameter", "name"), [(POINTS, "Steps"), (TRIALS, "Settings")])
def test_a_sweeps_numbers_are_named_as_their_fields_are(parameter: Hyperparameter, name: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parameter.check(0)
    assert fields.explain(refused.value).startswith(f"{name} must be a whole number from ")


def test_settings_are_named_by_their_labels_and_files_as_they_are() -> None:
    sentence = "The batch_size = 64 and train_images differ in dl_renamed.png, my_net, batch_size.npz and batch_size-2."
    assert fields.explain(ValueError(sentence)).replace("\\", "") == (
        "The batch size 64 and training images differ in dl_renamed.png, my_net, batch_size.npz and batch_size-2."
    )
