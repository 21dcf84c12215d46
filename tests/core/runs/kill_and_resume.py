"""Train a small run in a process that is killed at 20 random steps, each time going on in another process; then tell
whether it ended as the uninterrupted run did. ``python kill_and_resume.py CONFIG-JSON FOLDER``.

Processes are forked from one that has torch and the digits in memory, so that 20 of them take seconds.
"""

import json
import os
import random
import signal
import sys
from pathlib import Path

import torch

from core import data, devices
from core.data import Mnist
from core.models.checkpoints import Checkpoint, load_parameters, save_parameters
from core.runs import run_files
from core.training.config import RunConfig
from core.training.events import RunFinished, StepsDone
from core.training.trainer import Trainer

KILLS = 20


class Few(Mnist):
    """MNIST of which only 500 digits validate, so that an epoch is short."""

    def split(self, *arguments):
        train_digits, validation = super().split(*arguments)
        return train_digits, validation[:500]


def train(config: RunConfig, mnist: Mnist, folder: Path, report: int) -> None:
    """Go on from the newest checkpoint, write one after each event, report each block's last step."""
    ticks = iter(range(10**9))
    trainer = Trainer(config, mnist, clock=lambda: next(ticks) / 100)
    checkpoint, told = run_files.load(folder, config.span.steps, config.epochs)
    assert told == ""
    if checkpoint:
        trainer.restore(checkpoint.state)
    writer = run_files.Writer(folder, lambda step: None, lambda sentence: os._exit(3))
    for event in trainer.events():
        if isinstance(event, RunFinished):
            writer.close()
            save_parameters(trainer.network, folder / run_files.PARAMETERS, {})
        else:
            writer.put(Checkpoint(config, trainer.state()))
        if isinstance(event, StepsDone):
            os.write(report, b"%d\n" % trainer.step)
    os._exit(0)


def killed_at(step: int, config: RunConfig, mnist: Mnist, folder: Path) -> bool:
    """Train in another process until it reports ``step``, then kill it; False if it ended before."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        train(config, mnist, folder, writer)
    os.close(writer)
    with os.fdopen(reader) as reports:
        for line in reports:
            if int(line) >= step:
                os.kill(child, signal.SIGKILL)
                break
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def main() -> None:
    config, folder = RunConfig.from_dict(json.loads(sys.argv[1])), Path(sys.argv[2])
    devices.prepare_cpu(1)
    digits = data.load()
    mnist = Few(digits.train, digits.test[:100])
    whole = Trainer(config, mnist)
    # Also imports, before there are other processes, what torch imports at the first step.
    list(whole.events())
    steps = sorted(random.Random(7).sample(range(1, config.span.steps), KILLS))
    kills = sum(killed_at(step, config, mnist, folder) for step in steps)
    assert not killed_at(10**9, config, mnist, folder)
    ended, _ = load_parameters(folder / run_files.PARAMETERS)
    equal = all(map(torch.equal, ended.parameters(), whole.network.parameters()))
    print(json.dumps({"kills": kills, "equal": equal}))


main()
