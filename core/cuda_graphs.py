"""Work of a CUDA device recorded once and launched as a whole.

A step of this network is some twenty kernels, each shorter than its own launch by the CPU; as a graph they are
launched together.
"""

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Work = Callable[[], object]


def record(work: Work, changed: Sequence[Tensor], device: torch.device) -> Callable[[], None]:
    """Record ``work`` on a CUDA device as a graph, without doing it, and return what does it from then on.

    Args:
        work: reads and writes the same memory each time, and never waits for the device.
        changed: what it adds to rather than overwrites. The libraries make their own buffers when they are first used,
            which no graph can hold, so the work is done once before it is recorded; these tensors are then put back.

    Source: CUDA C++ Programming Guide, section on CUDA graphs.
    """
    with torch.cuda.device(device), torch.no_grad():
        before = [tensor.clone() for tensor in changed]
        stream = _stream(torch.cuda.current_device())
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            work()
        torch.cuda.current_stream().wait_stream(stream)
        for tensor, value in zip(changed, before, strict=True):
            tensor.copy_(value)
        graph = torch.cuda.CUDAGraph()
        # Other threads of the process may use the device meanwhile.
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            work()

    def replay() -> None:
        with torch.cuda.device(device):
            graph.replay()

    return replay


@functools.cache
def _stream(device: int) -> torch.cuda.Stream:
    """Return the one stream on which a device's work is recorded: cuBLAS keeps 32 MiB for each that it has served."""
    return torch.cuda.Stream(device)
