"""NumPy's arrays as tensors, bfloat16 among them, which NumPy itself does not have."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: How NumPy and HDF5 hold bfloat16: two bytes of no type.
UNTYPED = np.dtype("V2")


def to_tensor(array: NDArray[Any]) -> Tensor:
    """Return a copy, in the machine's own byte order and in one piece."""
    if array.dtype == UNTYPED:
        return torch.from_numpy(np.array(array, order="C").view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
