"""Train a small run in a process that is killed at 20 random steps, each time going on in another process; then tell
whether it ended as the uninterrupted run did. ``python kill_and_resume.py CONFIG-JSON FOLDER``.

Processes are forked from one that has torch and the digits in memory, so that 20 of them take seconds.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from core import data, devices
from core.data import Mnist
from core.models.checkpoints import Checkpoint, load_parameters, save_parameters
from core.runs import run_files
from core.training import stepper
from core.training.config import RunConfig
from core.training.events import RunFinished, StepsDone
from core.training.trainer import Trainer
from tests.few import Few

KILLS = 20
#: Steps of a block: each reading of the clock is so late that a block ends with each call of compiled code.
BLOCK = 4
stepper.STEPS_AT_ONCE = BLOCK


def train(config: RunConfig, mnist: Mnist, folder: Path, last: int) -> None:
    """Go on from the newest checkpoint, write one after each event, until step ``last`` or soon after it: there the
    process kills itself, while its other thread is anywhere in writing.
    """
    ticks = iter(range(10**9))
    trainer = Trainer(config, mnist, clock=lambda: float(next(ticks)))
    checkpoint, told = run_files.load(folder, config.span.steps, config.epochs)
    assert told == ""
    if checkpoint:
        trainer.restore(checkpoint.state)
    with (folder / "begun").open("a") as begun:
        begun.write(f"{trainer.step}\n")
    if trainer.step >= last:
        os.kill(os.getpid(), signal.SIGKILL)
    writer = run_files.Writer(folder, lambda step: None, lambda sentence: os._exit(3))
    for event in trainer.events():
        if isinstance(event, RunFinished):
            writer.close()
            save_parameters(trainer.network, folder / run_files.PARAMETERS, {})
        else:
            writer.put(Checkpoint(config, trainer.state()))
        if isinstance(event, StepsDone) and trainer.step >= last:
            time.sleep(random.Random(last).uniform(0, 0.01))
            os.kill(os.getpid(), signal.SIGKILL)
    os._exit(0)


def killed_at(step: int, config: RunConfig, mnist: Mnist, folder: Path) -> bool:
    """Train in another process that is killed at ``step``; False if it ended before."""
    child = os.fork()
    if not child:
        train(config, mnist, folder, step)
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
    # Not at its end, beyond which there is nothing to be killed.
    steps = sorted(random.Random(7).sample(range(1, config.span.steps - BLOCK), KILLS))
    kills = sum(killed_at(step, config, mnist, folder) for step in steps)
    assert not killed_at(10**9, config, mnist, folder)
    ended, _ = load_parameters(folder / run_files.PARAMETERS)
    equal = all(map(torch.equal, ended.parameters(), whole.network.parameters()))
    begun = [int(step) for step in (folder / "begun").read_text().split()]
    print(json.dumps({"kills": kills, "equal": equal, "begun": begun}))


main()
