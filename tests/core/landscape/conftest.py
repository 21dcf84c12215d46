"""Two short runs from the same first weights, as tracks."""

import numpy as np
import pytest
import torch

from core.data import Mnist
from core.landscape.study import Track
from core.training.config import RunConfig
from core.training.events import EpochDone, StepsDone
from core.training.network import to_flat
from core.training.trainer import Trainer


def track_of(optimizer: str, mnist: Mnist) -> Track:
    """The start, some moments in between, and the end of one epoch."""
    config = RunConfig.recommended(optimizer, epochs=1, batch_size=512)
    trainer = Trainer(config, mnist)
    steps, points = [0], [to_flat(trainer.network)]
    for event in trainer.events():
        if isinstance(event, (StepsDone, EpochDone)) and trainer.step > steps[-1]:
            steps.append(trainer.step)
            points.append(to_flat(trainer.network))
    epochs = np.array(steps) / config.span.steps_per_epoch
    curve = np.stack([epochs, np.linspace(2.3, 0.3, len(epochs))])
    about = {"optimizer": optimizer}
    return Track(f"run:{optimizer}", optimizer, about, np.array(steps), epochs, torch.stack(points), points[0], curve)


@pytest.fixture(scope="package")
def tracks(mnist: Mnist) -> list[Track]:
    return [track_of(optimizer, mnist) for optimizer in ("sgd", "adam")]
