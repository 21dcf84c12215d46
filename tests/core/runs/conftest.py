"""A real service with one real worker, shared by the tests of a file: each start of a worker takes seconds."""

import pytest

from core.runs import scheduler, states
from core.runs.service import Service
from tests.waiting import LIMIT, wait_for


@pytest.fixture
def wait():
    return wait_for


@pytest.fixture
def reach(service, wait):
    """Wait until the run is in the state, and give it."""
    return lambda run_id, state: wait(lambda: service.run(run_id), lambda run: run.state == state)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # On a busy machine a worker is silent for seconds, which would be an event among those that the tests expect.
        patch.setattr(scheduler, "STALLED_SECONDS", LIMIT)
        running = Service(tmp_path_factory.mktemp("service") / "home", workers=1, threads=1)
        yield running
        running.close()


@pytest.fixture(autouse=True)
def _idle_behind_each_test(request):
    """Stop what a test has left waiting or training: the next one finds a worker that is free."""
    yield
    if "service" in request.fixturenames:
        service = request.getfixturevalue("service")
        left = [run.id for run in service.in_states(states.GOING)]
        service.command_all(left, "stop")
        wait_for(lambda: all(service.run(run_id).over for run_id in left))
