"""Writing and reading a file of each format: ``python -m benchmarks.formats [--repeats 9]``.

CPU time, that of the process that reads HDF5 included, so that other work on the machine hardly changes it. The
baseline is testing the network on 10,000 digits, which is done with every file that comes in. Then, for the reference
network's twin in each convention of pixels and digits, the accuracy as it comes and as it is imported with --convert,
and how far its logits are from the reference's; and for networks of the lab's own at many accuracies, whether another
convention was offered. Last the average of two runs of different seeds, and of two epochs of one run (``--epochs``).
"""

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from safetensors.torch import save

from benchmarks.measure import interleaved, machine, median_and_range
from core import data, devices, paths
from core.analysis.comparison import compare_networks
from core.analysis.evaluation import evaluate
from core.analysis.interpolation import average
from core.handwriting.preprocessing import SIDE
from core.models import conventions, formats
from core.models.checkpoints import load_parameters
from core.models.conventions import Convention
from core.training.config import RunConfig
from core.training.events import StepsDone
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


def twin(network: Network, convention: Convention) -> Network:
    """Make the network that needs the convention to answer as ``network`` does."""
    hidden, hidden_bias, output, output_bias = (tensor.double() for tensor in network.state_dict().values())
    if convention.transposed:
        hidden = hidden.view(-1, SIDE, SIDE).transpose(1, 2).reshape(hidden.shape)
    hidden, order, made = hidden / convention.scale, list(convention.digits), Network()
    bias = hidden_bias - convention.shift * hidden.sum(1)
    made.load_state_dict({"0.weight": hidden, "0.bias": bias, "2.weight": output[order], "2.bias": output_bias[order]})
    return made


@torch.no_grad()
def import_by_convention(test: data.Digits) -> None:
    """Import a file of each twin, and print a line for each convention."""
    reference, _ = load_parameters(paths.ROOT / "models" / "reference.safetensors")
    images = test.images.float() / 255
    expected = reference(images)
    print("Test accuracy as it comes, converted; largest difference of a logit from the reference's:")
    for convention in conventions.usual():
        for order in (conventions.IN_ORDER, (*conventions.IN_ORDER[1:], 0)):
            wanted = replace(convention, digits=order)
            tensors = {
                f"fc.{name}": tensor.contiguous() for name, tensor in twin(reference, wanted).state_dict().items()
            }
            network, _ = load_parameters(save(tensors))
            found = conventions.find(network, test)
            if found.clearly_better:
                network = conventions.fold(network, found.convention)
            after, apart = evaluate(network, test).accuracy, float((network(images) - expected).abs().max())
            right = "" if found.convention == wanted else f", taken for: {found.convention.label}"
            print(f"  {wanted.label}: {found.as_is:.2%}, {after:.2%}; {apart:.1e}{right}")


def offers_to_own_networks(test: data.Digits, seeds: int) -> None:
    """Look at networks in training at many moments, and print how often a conversion was offered, wrongly."""
    offered, seen = 0, []
    for seed in range(seeds):
        trainer = Trainer(RunConfig(seed=seed, epochs=1, optimizer=("adam", "sgd")[seed % 2]))
        for event in trainer.events():
            if isinstance(event, StepsDone):
                found = conventions.find(trainer.network, test)
                offered, seen = offered + found.clearly_better, [*seen, found.as_is]
    print(
        f"  {offered} of {len(seen)} networks of the lab's own, from {min(seen):.1%} to {max(seen):.1%}, were offered"
    )


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
    import_by_convention(test)
    offers_to_own_networks(test, seeds=4)
    others = {"another seed": trained(1, options.epochs), "one epoch more": trained(0, options.epochs + 1)}
    for name, other in others.items():
        accuracies = [evaluate(network, test).accuracy for network in (first, other, average([first, other]))]
        distance = compare_networks(first, other, test).relative
        print(
            f"  {name}: {accuracies[0]:.2%} and {accuracies[1]:.2%}, average {accuracies[2]:.2%}, {distance:.2f} apart"
        )


if __name__ == "__main__":
    main()
