"""Code of runs that go on from other ones: it trains those first, and reaches the losses of the whole way."""

from dataclasses import replace

import pytest

from core.models.code import write
from core.models.code.recipe import Recipe
from core.runs import export
from core.runs.service import Service
from core.training.config import RunConfig
from tests.core.models.code.test_code import run_all
from tests.waiting import wait_for

#: 8 steps in each of 3 epochs.
CONFIG = RunConfig(optimizer="momentum", lr=0.05, epochs=3, batch_size=128, train_images=960, validation_split=0.01)
ALONE = Recipe("Run #1", CONFIG)


@pytest.fixture
def service(tmp_path):
    running = Service(tmp_path / "home", workers=1, threads=1)
    yield running
    running.close()


def recipe_of(service: Service, run_id: str) -> Recipe:
    return export.recipe_of(service.existing(run_id), service.run, service.events, service.branch_rate)


def losses_of(service: Service, run_id: str) -> list[float]:
    """The losses of a run's own steps, once it has finished."""
    wait_for(lambda: service.run(run_id).state == "finished")
    return service.history(run_id).losses.tolist()


@pytest.mark.slow
def test_every_change_at_its_step_gives_the_labs_losses(service, tmp_path):
    parent = service.submit(CONFIG)
    losses = losses_of(service, parent)
    scripts = []
    changes = [(11, {}), (11, {"lr": 0.01}), (11, {"optimizer": "adam"}), (3, {"optimizer": "muon"})]
    changes += [(8, {"batch_size": 64}), (16, {"shuffle": "by-label"})]
    for step, changed in changes:
        child = service.branch(parent, step, changed)
        own = losses_of(service, child)
        scripts.append((write(recipe_of(service, child)), losses[:step] + own))
    # The last one is left again, in the midst of its only epoch.
    grandchild = service.branch(child, 20, {"lr": 0.2})
    scripts.append((write(recipe_of(service, grandchild)), losses[:16] + own[:4] + losses_of(service, grandchild)))
    folder = tmp_path / "code"
    folder.mkdir()
    assert len(run_all(folder, scripts)) == len(changes) + 1


@pytest.mark.slow
def test_a_branch_goes_on_at_a_rate_set_by_hand_or_goes_back_to_the_one_of_the_settings(service, tmp_path):
    busy = service.submit(replace(CONFIG, epochs=1000))
    wait_for(lambda: service.run(busy).state == "running")
    parent = service.submit(CONFIG)
    # It waits, so the rate is set before its first step.
    service.command(parent, "learning_rate", 0.2)
    service.command(busy, "stop")
    losses, scripts = losses_of(service, parent), []
    for changed, rate in (({}, 0.2), ({"lr": CONFIG.lr}, CONFIG.lr)):
        child = service.branch(parent, 11, changed)
        own = losses_of(service, child)
        assert set(service.history(child).learning_rates.tolist()) == {rate}
        scripts.append((write(recipe_of(service, child)), losses[:11] + own))
    run_all(tmp_path, scripts)


def test_where_the_way_is_not_known_the_code_says_so_and_checks_nothing():
    made = replace(ALONE, title="Run #2", origin="another run", first_step=11, test_accuracy=0.9, last_rate=0.05)
    text = write(made)
    said = " ".join(text.split('"""')[1].split())
    assert "The lab's run went on from another run, whose weights are not in this file" in said
    assert (
        "it trains the same settings from the first weights, at its learning rates, so its figures are others" in said
    )
    assert "FIGURES" not in text and "sys.exit" not in text.split("# 9.")[1]
    assert "for epoch in range(3):" in text and "itertools" not in text


def test_a_schedule_that_reacts_begins_anew_where_the_way_is_not_known():
    config = replace(CONFIG, schedule="plateau")
    said = " ".join(write(replace(ALONE, config=config, origin="another run", first_step=11)).split('"""')[1].split())
    assert "from the first weights, where its schedule begins anew, so its figures are others" in said


@pytest.mark.parametrize(("schedule", "rate"), [("constant", 0.002), ("cosine", 0.002), ("plateau", None)])
def test_a_branch_whose_parent_is_gone_keeps_the_rate_that_was_set_by_hand(service, schedule, rate):
    parent = service.submit(replace(CONFIG, schedule=schedule))
    wait_for(lambda: service.run(parent).state == "finished")
    row, events = service.existing(parent), service.events(parent)
    config = replace(CONFIG, schedule=schedule)
    (planned,) = config.planned_rates([11])
    steps = {"event": "StepsDone", "first_step": 11, "losses": [1.0, 0.9], "learning_rates": [0.04 * planned, 0.1]}
    by_hand = {"event": "CommandApplied", "step": 12, "command": "learning_rate", "value": 0.1}
    child = replace(row, parent="gone", parent_step=11, first_step=11)
    made = export.recipe(child, [events[0], steps, by_hand], None)
    assert not made.whole and list(made.losses) == []
    assert made.plan == [*([(0, pytest.approx(rate))] if rate else []), (12, 0.1)]
    assert ("RATES = {0: 0.002, 12: 0.1}" in write(made)) == bool(rate)


def test_keras_says_that_it_cannot_go_on_from_another_run():
    with pytest.raises(ValueError, match=r"^Keras cannot say how a run goes on from another one's weights; take"):
        write(replace(ALONE, origin="run #1 after 11 steps", before=ALONE), "keras")


def test_the_code_names_what_it_trains_first():
    text = write(
        replace(ALONE, title="Run #2", first_step=11, origin="run #1 after 11 steps", before=replace(ALONE, steps=11))
    )
    assert "It goes on from run #1 after 11 steps, which is trained first." in text.split('"""')[1]
    assert text.index("# 5. Fit") < text.index("# 6. Go on") < text.index("# 7. Evaluate")
    assert "for epoch in range(1, 3):" in text and "itertools.islice(batches, 3, None)" in text
