"""Runs on a cluster that are interrupted, and what they must be in the end."""

import torch

from core.models.checkpoints import load_parameters
from core.training.config import RunConfig
from core.training.network import to_flat
from tests.core.runs.recorded import recorded

#: Long enough to be operated, whatever else the machine does.
LONG = RunConfig(epochs=1000)
#: Seconds of training, to be interrupted on the way and trained to its end: 2,880 steps, 48 per epoch.
MIDDLE = RunConfig(epochs=60, batch_size=1000, device="cpu")


def assert_whole(service, run_id, whole):
    """The run has the parameters and the losses of the one that nothing interrupted, each step once.

    It went on from a checkpoint that the service had, and did not begin anew.
    """
    resumed = recorded(service, run_id, "Resumed")
    assert resumed and all(event["step"] > 0 and event["exact"] for event in resumed)
    parameters, losses = whole
    ended, _ = load_parameters(service.parameters_file(run_id))
    assert torch.equal(to_flat(ended), parameters)
    history = service.history(run_id)
    assert (history.steps.tolist(), history.losses.tolist()) == (list(range(len(losses))), losses)
