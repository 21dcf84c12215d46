import pytest

from core.optimizers import OPTIMIZERS
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
