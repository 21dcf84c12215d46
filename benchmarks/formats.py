"""Writing and reading a file of each format: ``python -m benchmarks.formats [--repeats 9]``.

CPU time, that of the process that reads HDF5 included, so that other work on the machine hardly changes it. The
baseline is testing the network on 10,000 digits, which is done with every file that comes in. Then the average of two
runs of different seeds, and of two epochs of one run (``--epochs``).
"""

import argparse
import resource
import time
from collections.abc import Callable

from benchmarks.measure import interleaved, machine, median_and_range
from core import data, devices
from core.analysis.comparison import compare_networks
from core.analysis.evaluation import evaluate
from core.analysis.interpolation import average
from core.models import formats
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer


def computed() -> float:
    """CPU seconds of this process and of its ended children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def milliseconds(action: Callable[[], object]) -> Callable[[], float]:
    def measured() -> float:
        started = computed()
        action()
        return 1e3 * (computed() - started)

    return measured


def trained(seed: int, epochs: int) -> Network:
    trainer = Trainer(RunConfig(seed=seed, epochs=epochs))
    list(trainer.events())
    return trainer.network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    devices.prepare_cpu(1)
    test, first = data.load().test, trained(0, options.epochs)
    variants = {"test on 10,000 digits": milliseconds(lambda: evaluate(first, test))}
    for format in formats.FORMATS.values():
        content = formats.write(format, first, {})
        variants[f"write {format.label}"] = milliseconds(lambda format=format: formats.write(format, first, {}))
        if format.read:
            read = lambda format=format, content=content: formats.read("x" + format.suffix, content)  # noqa: E731
            variants[f"read {format.label}"] = milliseconds(read)
    print(machine())
    print(f"Milliseconds of CPU time, n = {options.repeats}:")
    for name, figures in interleaved(variants, options.repeats).items():
        print(f"  {name}: {median_and_range(figures, 1)}")
    others = {"another seed": trained(1, options.epochs), "one epoch more": trained(0, options.epochs + 1)}
    for name, other in others.items():
        accuracies = [evaluate(network, test).accuracy for network in (first, other, average([first, other]))]
        distance = compare_networks(first, other, test).relative
        print(
            f"  {name}: {accuracies[0]:.2%} and {accuracies[1]:.2%}, average {accuracies[2]:.2%}, {distance:.2f} apart"
        )


if __name__ == "__main__":
    main()
