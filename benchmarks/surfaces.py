"""Speed of the walks on surfaces: ``python -m benchmarks.surfaces [--repeats 7]``.

The written-out walk against the same walk by the torch.optim objects, in the same run; the search for every
optimizer's rate; and a basin map for each optimizer. Figures are seconds: median (lowest to highest).
"""

import argparse
from functools import partial

import torch

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio, timed
from core.surfaces import FIRST_ORDER, SURFACES, basins, torch_walk, tune, walk
from core.training.config import RunConfig

STEPS = 500
#: Twelve, as many as a class compares; the slowest, Muon, among them.
TWELVE = (*FIRST_ORDER[:9], "rprop", "muon", "adafactor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(min(2, torch.get_num_threads()))
    print(machine())
    surface = SURFACES["himmelblau"]
    configs = [RunConfig.recommended(name) for name in TWELVE]
    slow_enough = [RunConfig.recommended(name, lr=min(c.lr, 1e-3)) for name, c in zip(TWELVE, configs, strict=True)]

    def by_torch() -> None:
        for config in slow_enough:
            for _ in torch_walk(surface, config, surface.start, STEPS):
                pass

    figures = interleaved(
        {
            "written out": timed(lambda: walk(surface, slow_enough, [surface.start], STEPS)),
            "torch.optim": timed(by_torch),
            "search": timed(lambda: tune(surface, configs, surface.start, STEPS)),
        },
        repeats,
    )
    print(f"{len(TWELVE)} optimizers x {STEPS} steps on Himmelblau, n = {repeats}")
    print(f"  written out        {median_and_range(figures['written out'])}")
    ratio = paired_ratio(figures["torch.optim"], figures["written out"])
    print(f"  torch.optim        {median_and_range(figures['torch.optim'])}, {ratio} times as long")
    print(f"  search of 81 rates {median_and_range(figures['search'])}")

    tuned = tune(surface, [RunConfig.recommended(name) for name in FIRST_ORDER], surface.start, STEPS)
    best = [RunConfig.recommended(name, lr=found.best) for name, found in zip(FIRST_ORDER, tuned, strict=True)]
    maps = {config.optimizer: timed(partial(basins, surface, config, STEPS)) for config in best}
    print(f"basin map, 100 x 100 starts x {STEPS} steps on Himmelblau, n = {repeats}")
    for name, seconds in interleaved(maps, repeats).items():
        print(f"  {name:18} {median_and_range(seconds)}")


if __name__ == "__main__":
    main()
