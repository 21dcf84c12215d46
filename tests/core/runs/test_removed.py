"""Runs that are removed, and the listeners who hear of it."""

import pytest

from core.runs import states
from core.training.config import RunConfig


def test_listeners_hear_of_runs_that_are_removed(service, wait):
    first = service.submit(RunConfig(epochs=1000))
    wait(lambda: service.run(first).state, lambda state: state == states.RUNNING)
    second = service.submit(RunConfig(epochs=1000))
    service.command(second, "pause")
    heard = []
    service.listen(lambda run_id, event: heard.append((run_id, event)) if event["event"] == "Removed" else None)
    with pytest.raises(ValueError, match="must be over or paused to be deleted"):
        service.delete([second, first])
    assert heard == []
    recorded = service.events(second)
    service.delete([second])
    assert heard == [(second, {"event": "Removed"})]
    assert service.events(second) == recorded
    service.purge([second, first])
    assert heard == [(second, {"event": "Removed"})] * 2
