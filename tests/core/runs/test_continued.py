"""Runs that go on from another one's checkpoint with other settings: whether they say that their way is another."""

import torch

from core.models.checkpoints import Checkpoint, load_checkpoint, load_parameters
from core.runs.service import Service
from core.training.config import RunConfig
from core.training.network import to_flat
from core.training.trainer import Trainer

COSINE = "Continues, not bit-exact: epochs were 1 and are 2, and Cosine sets other rates for another length."


def test_another_length_is_said_where_the_schedule_depends_on_it(service: Service, wait) -> None:
    for schedule, message in (("cosine", COSINE), ("step", "")):
        short = RunConfig(epochs=1, batch_size=1000, validation_split=0.9, schedule=schedule)
        parent = service.submit(short)
        wait(lambda run_id=parent: service.run(run_id).state == "finished")
        start = load_checkpoint(service.checkpoint_file(parent))
        child = service.submit(start.continued(2), parent=parent, start=start)
        run = wait(lambda run_id=child: service.run(run_id), lambda run: run.state == "finished")
        (resumed,) = service.events(child, ("Resumed",))
        assert (resumed["exact"], resumed["message"]) == (not message, message)
        assert (run.exact, run.message, run.step) == (not message, message, 12)


def test_a_run_that_diverges_goes_back_no_further_than_to_the_model_that_it_continues(service: Service, wait) -> None:
    # 60 steps in each epoch, of which the continued run takes few.
    given = {"optimizer": "sgd", "lr": 0.1, "weight_decay": 0.1, "batch_size": 100, "validation_split": 0.9}
    config = RunConfig(**given, epochs=2)
    trainer = Trainer(config)
    trainer.pause_at = 65
    list(trainer.events())
    begun = to_flat(trainer.network)
    # As if it had been set by hand.
    start = Checkpoint(config, {**trainer.state(), "lr": 1000.0})
    child = service.submit(start.continued(3), start=start)
    run = wait(lambda: service.run(child), lambda run: run.over)
    assert (run.state, run.first_step, run.step) == ("diverged", 65, 65)
    assert torch.equal(to_flat(load_parameters(service.parameters_file(child))[0]), begun)
    assert service.trajectory(child).wait().load()[0].tolist() == [65]
