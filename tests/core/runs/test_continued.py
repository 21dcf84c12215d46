"""Runs that go on from another one's checkpoint with other settings: whether they say that their way is another."""

from core.models.checkpoints import load_checkpoint
from core.runs.service import Service
from core.training.config import RunConfig

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
