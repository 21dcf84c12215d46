import math

import pytest
import torch
from torch.nn import functional as F

from core.analysis.evaluation import evaluate
from core.data import batch_order
from core.optimizers import OPTIMIZERS
from core.training.augmentation import distort
from core.training.commands import Pause, SetLearningRate, Stop
from core.training.config import RunConfig
from core.training.events import CommandApplied, Diverged, EpochDone, Paused, RunFinished, RunStarted, StepsDone
from core.training.network import Network, target_table
from core.training.schedules import SCHEDULES
from core.training.trainer import Trainer, train
from tests.few import Few

#: Leaves 1,920 training images: 30 steps of 64 an epoch.
SMALL = 0.968
#: A run whose first step, at a rate of 0, ends in a line search that finds no better point.
NO_FIRST_STEP = {
    "optimizer": "lbfgs",
    "lr": 1.0,
    "batch_size": "full",
    "loss": "mse",
    "initialization": "small",
    "schedule": "cyclic",
    "schedule_params": {"low": 0.0},
    "epochs": 4,
}


@pytest.fixture(scope="module")
def few(mnist):
    return Few(mnist.train, mnist.test[:1000])


@pytest.fixture
def one_by_one(monkeypatch):
    """No steps are taken together; with a ``StepClock``, what a run does is then seen step by step."""
    monkeypatch.setattr("core.training.stepper.STEPS_AT_ONCE", 1)


class StepClock:
    """Ticks so far at each look that a block ends after the steps that are taken together."""

    def __init__(self, tick=1.0):
        self.time, self.tick = 0.0, tick

    def __call__(self):
        self.time += self.tick
        return self.time


def follow(trainer):
    """The run's events."""
    return list(trainer.events())


def kinds(events):
    return [type(event).__name__ for event in events]


def losses(events):
    return [loss for event in events if isinstance(event, StepsDone) for loss in event.losses]


def rates(events):
    return [rate for event in events if isinstance(event, StepsDone) for rate in event.learning_rates]


def last(events, kind):
    return [event for event in events if isinstance(event, kind)][-1]


def plain_loop(config, mnist, steps):
    """The textbook loop: autograd, F.cross_entropy or F.mse_loss, the same torch.optim classes. (network, losses)."""
    train_digits, _ = config.split(mnist)
    network = Network(config.seed, config.initialization)
    optimizers = config.optimizer_spec.create(
        network.parameters(), config.lr, config.weight_decay, **config.optimizer_params
    )
    schedule = config.schedule_spec.create(config.lr, config.span, (), config.warmup_steps, **config.schedule_params)
    targets, seen, step = target_table(config.label_smoothing), [], 0
    for epoch in range(config.epochs):
        order = batch_order(train_digits.labels, config.shuffle, config.seed, epoch)
        for rows in order.split(config.images_per_step):
            if step == steps:
                return network, seen
            images, wanted = train_digits.images[rows].float() / 255, targets[train_digits.labels[rows]]

            def closure(images=images, wanted=wanted):
                network.zero_grad()
                logits = network(images)
                mse = config.loss == "mse"
                loss = F.mse_loss(logits.softmax(1), wanted) if mse else F.cross_entropy(logits, wanted)
                loss.backward()
                return loss.detach()

            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = schedule(step) * group["lr_scale"]
            if config.optimizer_spec.closure:
                (optimizer,) = optimizers
                seen.append(float(optimizer.step(closure)))
            else:
                seen.append(float(closure()))
                for optimizer in optimizers:
                    optimizer.step()
            step += 1
    return network, seen


def apart(ours, theirs, initialization="glorot"):
    """Distance between two networks' parameters, relative to how far these have moved from the start."""
    start = Network(0, initialization)
    distance = sum((a - b).square().sum() for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)).sqrt()
    moved = sum((a - b).square().sum() for a, b in zip(start.parameters(), theirs.parameters(), strict=True)).sqrt()
    return (distance / moved).item()


#: The two gradients differ by about 1e-7 of their norm, in the order of the additions alone; losses and parameters then
#: differ by about 1e-6, and somewhat more where each gradient is divided by its own size, however small it is. Muon
#: rounds to bfloat16, of which one unit is 1/256, so that its parameters differ by a few of those.
APART = {"muon": 5e-2}
#: The line search of L-BFGS amplifies the difference with every trial point, so its steps are short here.
SHORT = {"lbfgs": {"max_iter": 2}}


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ten_steps_equal_the_plain_autograd_loop(few, name, loss):
    config = RunConfig.recommended(
        name, loss=loss, epochs=10, validation_split=SMALL, optimizer_params=SHORT.get(name, {})
    )
    trainer = Trainer(config, few)
    trainer.pause_at = 10
    events = follow(trainer)
    network, expected = plain_loop(config, few, 10)
    assert losses(events) == pytest.approx(expected, rel=1e-4)
    assert apart(trainer.network, network) < APART.get(name, 1e-4)


@pytest.mark.parametrize(
    "given",
    [
        {"optimizer": "sgd", "lr": 0.1, "weight_decay": 0.01, "label_smoothing": 0.1},
        {"optimizer": "adamw", "weight_decay": 0.1, "optimizer_params": {"betas": (0.8, 0.99), "amsgrad": True}},
        {"optimizer": "momentum", "lr": 0.03, "schedule": "one_cycle", "warmup_steps": 5},
        {"optimizer": "muon", "lr": 0.005, "schedule": "cosine", "optimizer_params": {"bias_optimizer": "sgd"}},
        {"optimizer": "adam", "batch_size": 7, "shuffle": "by-label"},
        {"optimizer": "nesterov", "lr": 0.03, "batch_size": 1},
        {"optimizer": "adam", "batch_size": "full", "epochs": 50},
        {"optimizer": "sgd", "lr": 0.1, "initialization": "he"},
        {"optimizer": "adam", "initialization": "small"},
        {"optimizer": "adam", "initialization": "large"},
        {"optimizer": "momentum", "initialization": "zero", "weight_decay": 0.01},
        {"optimizer": "adam", "train_images": 500, "label_noise": 0.3, "epochs": 2},
        {"optimizer": "adam", "train_images": 100, "label_noise": 0.3, "batch_size": 40, "epochs": 4, "loss": "mse"},
        {"optimizer": "adam", "label_noise": 0.5, "shuffle": "by-label"},
        {"optimizer": "adam", "batch_size": 500, "epochs": 3, "shuffle": "once"},
    ],
    ids=lambda given: "-".join(map(str, given.values()))[:40],
)
def test_ten_steps_of_other_configs_equal_the_plain_autograd_loop(few, given):
    """The last one crosses from one epoch to the next, over a short last batch."""
    config = RunConfig(**{"epochs": 1, "validation_split": SMALL, **given})
    trainer = Trainer(config, few)
    trainer.pause_at = 10
    events = follow(trainer)
    network, expected = plain_loop(config, few, 10)
    assert losses(events) == pytest.approx(expected, rel=1e-4)
    assert apart(trainer.network, network, config.initialization) < APART.get(config.optimizer, 1e-4)


def test_a_run_from_beginning_to_end(few):
    config = RunConfig(epochs=2, validation_split=SMALL, device="cpu")
    trainer = Trainer(config, few)
    events = follow(trainer)
    assert events[0] == RunStarted(60, 30, 2, 1920, 500, "cpu", torch.get_num_threads())
    assert [kind for kind in kinds(events) if kind != "StepsDone"] == [
        "RunStarted", "EpochDone", "EpochDone", "RunFinished",
    ]  # fmt: skip
    position = 0
    for event in events:
        if isinstance(event, StepsDone):
            assert event.first_step == position and len(event.losses) == len(event.learning_rates) > 0
            assert event.images_per_second > 0
            position += len(event.losses)
    assert position == trainer.step == 60 and set(rates(events)) == {1e-3}
    first, second = (event for event in events if isinstance(event, EpochDone))
    assert (first.epoch, first.step, second.epoch, second.step) == (0, 30, 1, 60)
    assert first.train_loss == pytest.approx(sum(losses(events)[:30]) / 30, rel=1e-5)
    assert second.train_loss < first.train_loss and second.train_accuracy > first.train_accuracy > 0.3
    validation = evaluate(trainer.network, few.split(config.validation_images)[1])
    assert (second.validation_loss, second.validation_accuracy) == (validation.loss, validation.accuracy)
    test = evaluate(trainer.network, few.test)
    finished = events[-1]
    assert (finished.reason, finished.step) == ("finished", 60)
    assert (finished.test_loss, finished.test_accuracy) == (test.loss, test.accuracy)
    assert test.accuracy > 0.8


def test_training_figures_weigh_each_image_alike(few):
    """1,920 images in batches of 500: the last one has 420."""
    config = RunConfig(batch_size=500, epochs=1, validation_split=SMALL)
    events = list(train(config, few))
    means = losses(events)
    assert len(means) == 4
    expected = (500 * sum(means[:3]) + 420 * means[3]) / 1920
    assert last(events, EpochDone).train_loss == pytest.approx(expected, rel=1e-5)


def test_without_a_validation_split(few):
    events = follow(Trainer(RunConfig(epochs=1, validation_split=0, batch_size=1000), few))
    done = last(events, EpochDone)
    assert (events[0].train_images, events[0].validation_images, done.step) == (60_000, 0, 60)
    assert done.validation_loss is None and done.validation_accuracy is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        *({"optimizer": name} for name in ("sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adamw", "muon")),
        *({}, {"augment": True}, {"batch_size": 3, "epochs": 1}, {"batch_size": 600}, {"schedule": "plateau"}),
    ],
    ids=str,
)
def test_the_same_config_twice_gives_the_same_run_bit_by_bit(few, monkeypatch, given):
    """Any cut of the run into blocks, and of blocks into steps that are taken together, gives the same."""
    config = RunConfig(**{"epochs": 2, "validation_split": SMALL, **given})
    runs = [Trainer(config, few)]
    monkeypatch.setattr("core.training.stepper.STEPS_AT_ONCE", 3)
    runs.append(Trainer(config, few, StepClock(0.02)))
    first, second = map(follow, runs)
    assert all(map(torch.equal, runs[0].network.parameters(), runs[1].network.parameters()))
    assert losses(first) == losses(second) and rates(first) == rates(second)
    assert first[-1].test_loss == second[-1].test_loss
    other = Trainer(RunConfig.from_dict({**config.to_dict(), "seed": 1}), few)
    follow(other)
    assert not torch.equal(other.network[0].weight, runs[0].network[0].weight)


@pytest.mark.parametrize("tick", [0.0, 1e-6, 0.02, 1.0, 1000.0])
def test_the_clock_changes_nothing_but_the_blocks(few, tick):
    """A clock that jumps (a suspended machine) or stands still neither ends an epoch early nor divides by zero."""
    events = follow(Trainer(RunConfig(epochs=2, validation_split=SMALL), few, StepClock(tick)))
    assert (events[-1].reason, events[-1].step, len(losses(events))) == ("finished", 60, 60)


def test_augmented_images_are_trained_on(few):
    config = RunConfig(epochs=1, validation_split=SMALL, augment=True, shuffle="none", batch_size="full")
    images = distort(few.train.images[:1920].float() * (1 / 255), torch.Generator().manual_seed(0))
    expected = F.cross_entropy(Network(0)(images), few.train.labels[:1920]).item()
    assert losses(train(config, few)) == pytest.approx([expected], rel=1e-5)


# A step of 1000 with a decay of 1 multiplies each weight by -999 at every step: 1e3, 1e6, ... beyond float32 in 13,
# and the logits, a product of two layers, in half as many.
DIVERGING = {"optimizer": "sgd", "lr": 1000.0, "weight_decay": 1.0, "epochs": 2, "validation_split": SMALL}


@pytest.mark.parametrize("tick", [0.0, 1.0])
@pytest.mark.parametrize(("kept_steps", "restored"), [(256, 0), (4, 4)])
def test_divergence_ends_the_run_at_the_parameters_kept_last(few, monkeypatch, tick, kept_steps, restored):
    """The end of a diverged run is a function of its config, for any cut into blocks."""
    monkeypatch.setattr("core.training.trainer.KEPT_STEPS", kept_steps)
    trainer = Trainer(RunConfig(**DIVERGING), few, StepClock(tick))
    events = follow(trainer)
    assert kinds(events[-3:]) == ["StepsDone", "Diverged", "RunFinished"]
    diverged, finished = events[-2:]
    _, expected = plain_loop(trainer.config, few, 30)
    first_broken = next(step for step, loss in enumerate(expected) if not math.isfinite(loss))
    assert diverged == Diverged(first_broken, 1000.0, restored)
    assert (finished.reason, finished.step, trainer.step) == ("diverged", restored, restored)
    assert all(map(math.isfinite, losses(events)[:-1])) and not math.isfinite(losses(events)[-1])
    assert len(losses(events)) == len(rates(events)) == diverged.step + 1
    network, _ = plain_loop(trainer.config, few, restored)
    assert all(p.isfinite().all() for p in trainer.network.parameters())
    for ours, theirs in zip(trainer.network.parameters(), network.parameters(), strict=True):
        assert (ours - theirs).norm() <= 1e-4 * theirs.norm()


def test_weights_that_overflow_in_the_very_last_step_are_divergence_too(few):
    config = RunConfig(**{**DIVERGING, "epochs": 1, "batch_size": "full", "lr": 1e3, "weight_decay": 10.0})
    trainer = Trainer(config, few)
    with torch.no_grad():
        trainer.network[2].bias.fill_(1e38)
    events = follow(trainer)
    assert math.isfinite(losses(events)[0])
    assert last(events, Diverged) == Diverged(0, 1000.0, 0) and events[-1].reason == "diverged"
    assert all(p.isfinite().all() for p in trainer.network.parameters())


@pytest.mark.parametrize("after", ["RunStarted", "StepsDone", "EpochDone"])
def test_stop_ends_the_run_before_its_next_step(few, after):
    trainer = Trainer(RunConfig(epochs=3, validation_split=SMALL), few, StepClock())
    events = trainer.events()
    event = next(events)
    while type(event).__name__ != after:
        event = next(events)
    step = trainer.step
    assert events.send(Stop()) == CommandApplied(step, "stop")
    (finished,) = events
    assert (finished.reason, finished.step, trainer.step) == ("stopped", step, step)
    assert finished.test_accuracy == evaluate(trainer.network, few.test).accuracy


def test_a_second_stop_is_harmless(few):
    events = Trainer(RunConfig(epochs=1, validation_split=SMALL), few).events()
    next(events)
    assert events.send(Stop()) == events.send(Stop()) == CommandApplied(0, "stop")
    assert isinstance(next(events), RunFinished)


def test_closing_the_run_ends_it(few):
    events = train(RunConfig(epochs=1, validation_split=SMALL), few)
    next(events), next(events)
    events.close()
    assert list(events) == []


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns_from_its_recommended_config(few, name):
    full = OPTIMIZERS[name].batch_size == "full"
    config = RunConfig.recommended(name, epochs=20 if full else 2, validation_split=SMALL)
    events = list(train(config, few))
    seen = losses(events)
    assert events[-1].reason == "finished" and all(map(math.isfinite, seen))
    assert sum(seen[-5:]) < 0.8 * sum(seen[:5]), seen
    assert events[-1].test_accuracy > 0.6


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_learns_with_its_defaults(few, name):
    config = RunConfig(schedule=name, lr=3e-3, epochs=3, warmup_steps=5, validation_split=SMALL)
    events = list(train(config, few))
    seen = losses(events)
    assert events[-1].reason == "finished" and all(map(math.isfinite, seen))
    assert sum(seen[-5:]) < 0.5 * sum(seen[:5]), seen
    assert events[-1].test_accuracy > 0.75
    if not SCHEDULES[name].reacts:
        preview = SCHEDULES[name].create(config.lr, config.span, (), config.warmup_steps)
        assert rates(events) == [preview(step) for step in range(90)]


def test_plateau_drops_in_a_run(few):
    """So high a threshold accepts no improvement but the first, so each further epoch counts as a bad one."""
    config = RunConfig(
        schedule="plateau",
        schedule_params={"factor": 0.5, "patience": 0, "threshold": 0.99},
        epochs=4,
        batch_size=960,
        validation_split=SMALL,
    )
    events = list(train(config, few))
    assert rates(events) == [1e-3, 1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4, 2.5e-4]


def test_a_device_that_is_not_there_is_refused(few):
    with pytest.raises(ValueError, match=r"^device must be one that this machine has, got device = cuda:99\.$"):
        next(train(RunConfig(device="cuda:99"), few))


def same(ours, theirs):
    return all(map(torch.equal, ours.network.parameters(), theirs.network.parameters()))


def resumed(config, few, stops, plan=()):
    """A run that is left at each of ``stops`` and goes on in another trainer. (the last trainer, all events)"""
    seen, state = [], None
    for stop in [*stops, None]:
        trainer = Trainer(config, few, plan=plan)
        if state:
            trainer.restore(state)
        trainer.pause_at = stop
        seen += trainer.events()
        if stop is not None:
            assert seen[-1] == Paused(stop) and trainer.step == stop
        state = trainer.state()
    return trainer, seen


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_that_was_left_and_restored_ends_as_if_it_had_not_been(few, name):
    """With a schedule that changes at every step; left within epochs and at the end of one."""
    full = OPTIMIZERS[name].batch_size == "full"
    config = RunConfig.recommended(name, epochs=7 if full else 2, validation_split=SMALL, schedule="cosine")
    whole = Trainer(config, few)
    told = follow(whole)
    trainer, seen = resumed(config, few, (1, 2, 5) if full else (7, 30, 41))
    assert same(trainer, whole)
    assert losses(seen) == losses(told) and rates(seen) == rates(told)
    done, expected = ([e for e in events if isinstance(e, EpochDone)] for events in (seen, told))
    assert [(e.epoch, e.train_loss, e.train_accuracy) for e in done] == [
        (e.epoch, e.train_loss, e.train_accuracy) for e in expected
    ]
    assert (seen[-1].test_loss, seen[-1].step) == (told[-1].test_loss, told[-1].step)


@pytest.mark.parametrize(
    "given",
    [
        {"schedule": "plateau", "schedule_params": {"patience": 0, "threshold": 0.5}, "epochs": 4},
        {"schedule": "one_cycle", "warmup_steps": 10},
        {"augment": True, "batch_size": 50},
        {"shuffle": "by-label", "batch_size": 7},
        {"train_images": 700, "label_noise": 0.3, "initialization": "he", "epochs": 4},
        {"optimizer": "lbfgs", "lr": 1.0, "batch_size": "full", "schedule": "plateau", "epochs": 8},
        NO_FIRST_STEP,
    ],
    ids=lambda given: "-".join(map(str, given.values()))[:40],
)
def test_other_runs_restore_exactly_too(few, given):
    config = RunConfig(**{"epochs": 2, "validation_split": SMALL, **given})
    whole = Trainer(config, few)
    told = follow(whole)
    stops = [max(1, round(config.span.steps * share)) for share in (0.2, 0.5, 0.7)]
    trainer, seen = resumed(config, few, stops)
    assert same(trainer, whole) and losses(seen) == losses(told) and rates(seen) == rates(told)


def test_a_first_step_whose_line_search_finds_no_better_point_takes_nothing_from_the_next_one(few):
    config = RunConfig(**NO_FIRST_STEP, validation_split=SMALL)
    trainer = Trainer(config, few)
    trainer.pause_at = 1
    follow(trainer)
    assert same(trainer, Trainer(config, few)) and trainer.state()["optimizers"] == [{}]
    trainer.pause_at = None
    assert losses(follow(trainer))[-1] < 0.09


def test_a_run_is_left_at_any_point_between_two_events(few):
    """Also between the last step of an epoch and its end, which comes again then."""
    config = RunConfig(epochs=2, validation_split=SMALL)
    first = Trainer(config, few, StepClock())
    for event in first.events():
        if isinstance(event, StepsDone) and first.step == 30:
            break
    second = Trainer(config, few)
    second.restore(first.state())
    assert (second.step, second.epoch) == (30, 0)
    seen = follow(second)
    assert [e.epoch for e in seen if isinstance(e, EpochDone)] == [0, 1] and losses(seen)[0] == losses(seen)[0]
    whole = Trainer(config, few)
    follow(whole)
    assert same(second, whole)


def test_a_paused_run_goes_on_when_its_events_are_asked_for_again(few):
    config = RunConfig(epochs=1, validation_split=SMALL)
    trainer, seen = Trainer(config, few), []
    for stop in (0, 1, 2, 17, None):
        trainer.pause_at = stop
        seen += trainer.events()
    assert [e.step for e in seen if isinstance(e, Paused)] == [0, 1, 2, 17]
    whole = Trainer(config, few)
    assert losses(seen) == losses(follow(whole)) and same(trainer, whole)


@pytest.mark.usefixtures("one_by_one")
def test_pause_is_obeyed_before_the_next_step_and_its_time_does_not_count(few):
    clock = StepClock()
    trainer = Trainer(RunConfig(epochs=1, validation_split=SMALL), few, clock)
    events = trainer.events()
    while trainer.step < 3:
        next(events)
    assert events.send(Pause()) == CommandApplied(3, "pause")
    assert next(events) == Paused(3)
    clock.time += 1000.0
    assert list(events) == []
    trainer.pause_at = None
    assert list(trainer.events())[-1].seconds < 200


@pytest.mark.usefixtures("one_by_one")
def test_another_learning_rate_takes_effect_at_the_next_step(few):
    config = RunConfig(epochs=1, validation_split=SMALL, schedule="one_cycle")
    trainer = Trainer(config, few, StepClock())
    events, seen = trainer.events(), []
    event = next(events)
    while not isinstance(event, RunFinished):
        seen.append(event)
        event = events.send(SetLearningRate(0.01) if trainer.step == 10 and trainer.lr != 0.01 else None)
    assert CommandApplied(10, "learning_rate", 0.01) in seen
    before, after = (SCHEDULES["one_cycle"].create(lr, config.span, ()) for lr in (1e-3, 0.01))
    assert rates(seen) == [before(step) for step in range(10)] + [after(step) for step in range(10, 30)]
    # The same by plan, as a replay does it; however the clock cuts the blocks.
    replayed = Trainer(config, few, plan=[(10, 0.01)])
    again = follow(replayed)
    assert rates(again) == rates(seen) and losses(again) == losses(seen) and same(replayed, trainer)
    assert CommandApplied(10, "learning_rate", 0.01) in again
    assert resumed(config, few, (5, 10, 12), [(10, 0.01)])[0].lr == 0.01


def test_a_rate_that_a_person_sets_takes_the_place_of_those_that_are_planned(few):
    trainer = Trainer(RunConfig(epochs=1, validation_split=SMALL), few, plan=[(0, 0.5), (0, 0.4), (9, 0.3)])
    events = trainer.events()
    seen = [next(events), next(events), events.send(SetLearningRate(0.002)), *events]
    applied = [event for event in seen if isinstance(event, CommandApplied)]
    assert [(event.step, event.value) for event in applied] == [(0, 0.5), (0, 0.002)]
    assert set(rates(seen)) == {0.002}


def test_a_learning_rate_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"^lr must be .*got lr = -1\.?"):
        SetLearningRate(-1)


def damaged(state, **changes):
    return {**state, **changes}


def test_a_state_of_another_run_is_refused_with_a_sentence(few):
    config = RunConfig(epochs=2, validation_split=SMALL)
    trainer = Trainer(config, few)
    trainer.pause_at = 33
    follow(trainer)
    state = trainer.state()
    nan = state["2.bias"].clone()
    nan[3] = math.nan
    adam = state["optimizers"][0]["0"]
    for changes, sentence in [
        ({"step": 61}, r"step must be a whole number in \[0, 60\], got step = 61\."),
        ({"step": 29}, r"step must be in epoch 1 or at its end, got step = 29\."),
        ({"step": True}, r"step must be a whole number"),
        ({"epoch": 3}, r"epoch must be a whole number in \[0, 2\], got epoch = 3\."),
        ({"lr": 0.0}, r"lr must be"),
        ({"loss_sum": math.nan}, r"loss_sum must be a finite number of at least 0, got loss_sum = nan\."),
        ({"history": []}, r"history must have a step and a loss for each of 1 epochs, got \[\]\."),
        ({"2.bias": nan}, r"The tensor 2\.bias must be finite"),
        ({"0.weight": nan}, r"The tensor 0\.weight must have shape \(128, 784\), got \(10,\)\."),
        ({"kept": None}, r"The file lacks the tensor kept\."),
        ({"optimizers": []}, r"optimizers must be a list of 1 states\."),
        ({"optimizers": [{"0": {**adam, "exp_avg": nan}}]}, r"optimizers\.0\.0\.exp_avg must have shape \(101770,\)"),
        (
            {"optimizers": [{"0": {**adam, "momentum": nan}}]},
            r"optimizers\.0\.0 must hold only step, exp_avg, exp_avg_sq",
        ),
        ({"optimizers": [{"0": {**adam, "step": "x"}}]}, r"optimizers\.0\.0\.step must be a number\."),
    ]:
        with pytest.raises(ValueError, match=sentence):
            Trainer(config, few).restore(damaged(state, **changes))
    with pytest.raises(ValueError, match="must hold only"):
        Trainer(RunConfig(optimizer="momentum", epochs=2, validation_split=SMALL), few).restore(state)


def test_a_state_is_in_the_order_of_the_parameters_however_steps_are_taken(few):
    """Files of before hold it so: Adam's first mean is a tenth of the first gradient, row by row."""
    trainer = Trainer(RunConfig(epochs=1, validation_split=SMALL, shuffle="none", device="cpu"), few)
    trainer.pause_at = 1
    follow(trainer)
    state, network = trainer.state(), Network(0)
    F.cross_entropy(network(few.train.images[:64].float() / 255), few.train.labels[:64]).backward()
    gradient = torch.cat([p.grad.flatten() for p in network.parameters()])
    mean = state["optimizers"][0]["0"]["exp_avg"]
    assert (mean - 0.1 * gradient).norm() <= 1e-5 * mean.norm()
    assert torch.equal(state["kept"], torch.cat([p.detach().flatten() for p in Network(0).parameters()]))
    assert all(state[name].is_contiguous() for name in ("0.weight", "0.bias", "2.weight", "2.bias"))
