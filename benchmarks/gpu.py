"""Proofs and times of training on a CUDA device: ``python -m benchmarks.gpu [--repeats 5] [--device cuda:1]``.

Proved, each against the same run on this machine's CPU: every optimizer and every schedule, resuming, moving a run from
one to the other, divergence. Timed in the same run: an epoch of 60,000 images at several batch sizes, by the lab on the
device, by the lab on one core, and by a textbook PyTorch loop on the device; with the device's peak memory. The last
lines are a table for README. Without a device it says so and ends. It exits with 1 if a proof failed.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio
from benchmarks.training import ours, textbook
from core import data, devices
from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from core.training.events import Diverged, StepsDone
from core.training.network import to_flat
from core.training.schedules import SCHEDULES
from core.training.trainer import Trainer

SIZES = (64, 256, 1024, data.TRAIN_IMAGES)
#: Leaves 1,920 training images: 30 steps of 64 an epoch.
SMALL = 0.968
#: Relative distances after ten steps: two orders of additions, and where one rounds to bfloat16, its units of 1/256.
NEAR, NEAR_IN_BFLOAT16 = 1e-3, 5e-2
Failure = str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    if not devices.is_available(options.device):
        print("This machine has no CUDA device: nothing was proved or timed on a GPU.")
        return
    devices.prepare_cpu(1)
    print(f"{torch.cuda.get_device_name(options.device)}; {machine()}\n")
    failed = False
    for name, proof in PROOFS.items():
        failures = list(proof(options.device))
        failed = failed or bool(failures)
        print(f"{name}: {'; '.join(failures) or 'proved'}", flush=True)
    print(f"\nAn epoch of 60,000 images: seconds, median (range) of {options.repeats} interleaved repeats.\n")
    print("| batch | lab, GPU | textbook, same GPU | lab, one core | textbook / lab | peak memory, MiB |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        torch.cuda.reset_peak_memory_stats(options.device)
        ours(size, device=options.device)()
        peak = torch.cuda.max_memory_allocated(options.device) / 2**20
        figures = interleaved(
            {
                "lab": ours(size, device=options.device),
                "textbook": textbook(size, options.device),
                "cpu": ours(size),
            },
            options.repeats,
        )
        seconds = {name: [value * data.TRAIN_IMAGES / 1e6 for value in values] for name, values in figures.items()}
        cells = " | ".join(median_and_range(values) for values in seconds.values())
        ratio = paired_ratio(seconds["textbook"], seconds["lab"])
        print(f"| {'full' if size == data.TRAIN_IMAGES else size} | {cells} | {ratio} | {peak:.0f} |", flush=True)
    sys.exit(failed)


def run(
    config: RunConfig, steps: int, stops: tuple[int, ...] = (), state: dict[str, Any] | None = None
) -> tuple[Trainer, list[Any]]:
    """Train to step ``steps``, by a new trainer from the state after each of ``stops``; (last trainer, all events)."""
    seen: list[Any] = []
    for stop in (*stops, steps):
        trainer = Trainer(config)
        if state:
            trainer.restore(state)
        trainer.pause_at = stop
        seen += trainer.events()
        state = trainer.state()
    return trainer, seen


def losses(events: list[Any]) -> list[float]:
    """Return the losses of all steps, in their order."""
    return [loss for event in events if isinstance(event, StepsDone) for loss in event.losses]


def _worst(seen: list[float], expected: list[float]) -> float:
    """Return the largest relative distance between two lists of losses."""
    return max(abs(a - b) / max(abs(b), 1e-30) for a, b in zip(seen, expected, strict=True))


def _against_cpu(device: str, label: str, near: float, **given: Any) -> Iterator[Failure]:
    """Compare ten steps on the device with those on the CPU: their losses, and where they lead to."""
    pair = [
        run(RunConfig.recommended(**{"epochs": 10, "validation_split": SMALL, **given, "device": name}), 10)
        for name in (device, "cpu")
    ]
    (there, seen), (here, expected) = pair
    worst = _worst(losses(seen), losses(expected))
    start = to_flat(Trainer(here.config).network)
    apart = (to_flat(there.network).cpu() - to_flat(here.network)).norm() / (to_flat(here.network) - start).norm()
    if not (worst < near and apart < near):
        yield f"{label} is off by {worst:.1e} in its losses and {float(apart):.1e} in its parameters"


def optimizers(device: str) -> Iterator[Failure]:
    """Compare every optimizer with both losses."""
    for name in OPTIMIZERS:
        # The line search of L-BFGS amplifies a difference with every trial point, so its steps are short here.
        params = {"max_iter": 2} if name == "lbfgs" else {}
        near = NEAR_IN_BFLOAT16 if name == "muon" else NEAR
        for loss in ("cross_entropy", "mse"):
            yield from _against_cpu(
                device, f"{name} with {loss}", near, optimizer=name, loss=loss, optimizer_params=params
            )


def schedules(device: str) -> Iterator[Failure]:
    """Compare every schedule, and distorted images."""
    for name in SCHEDULES:
        yield from _against_cpu(device, name, NEAR, schedule=name, batch_size=500)
    yield from _against_cpu(device, "augment", NEAR, augment=True)
    # On the device the rate is a float32, which is zero from the second epoch on.
    vanishing = {"schedule": "exponential", "schedule_params": {"factor": 1e-30}, "batch_size": 500}
    for name in (name for name, spec in OPTIMIZERS.items() if not spec.full_batch_only):
        near = NEAR_IN_BFLOAT16 if name == "muon" else NEAR
        yield from _against_cpu(device, f"{name} with a vanishing rate", near, optimizer=name, **vanishing)


def resuming(device: str) -> Iterator[Failure]:
    """Compare runs that were left twice with runs that were not, bit for bit."""
    for name in OPTIMIZERS:
        config = RunConfig.recommended(name, epochs=12, validation_split=SMALL, schedule="cosine", device=device)
        (whole, seen), (left, again) = run(config, 12), run(config, 12, (3, 7))
        if losses(seen) != losses(again) or not torch.equal(to_flat(whole.network), to_flat(left.network)):
            yield f"{name} does not go on bit for bit"


def moving(device: str) -> Iterator[Failure]:
    """Compare runs that went on where the other kind of device had left them with runs that stayed on the CPU."""
    for name in OPTIMIZERS:
        params = {"max_iter": 2} if name == "lbfgs" else {}
        given = {"optimizer": name, "epochs": 10, "validation_split": SMALL, "optimizer_params": params}
        here, there = (RunConfig.recommended(**given, device=place) for place in ("cpu", device))
        for first, then in ((here, there), (there, here)):
            left, _ = run(first, 5)
            moved, seen = run(then, 10, state=left.state())
            _, expected = run(here, 10)
            worst = max(
                abs(a - b) / max(abs(b), 1e-30) for a, b in zip(losses(seen), losses(expected)[5:], strict=True)
            )
            if not worst < (NEAR_IN_BFLOAT16 if name == "muon" else NEAR):
                yield f"{name} from {first.device} to {moved.config.device} is off by {worst:.1e} in its losses"


def divergence(device: str) -> Iterator[Failure]:
    """Compare the end of a run that diverges."""
    given = {"optimizer": "sgd", "lr": 1000.0, "weight_decay": 1.0, "epochs": 2, "validation_split": SMALL}
    ends = []
    for name in (device, "cpu"):
        trainer, events = run(RunConfig(**given, device=name), 60)  # type: ignore[arg-type]
        ends.append([event for event in events if isinstance(event, Diverged)])
        if not to_flat(trainer.network).isfinite().all():
            yield f"the parameters on {name} are not finite after divergence"
    if not ends[0] or ends[0] != ends[1]:
        yield f"divergence ends as {ends[0]}, on the CPU as {ends[1]}"


PROOFS: dict[str, Callable[[str], Iterator[Failure]]] = {
    "Optimizers against the CPU": optimizers,
    "Schedules and distortion against the CPU": schedules,
    "Resuming": resuming,
    "Moving between devices": moving,
    "Divergence": divergence,
}

if __name__ == "__main__":
    main()
