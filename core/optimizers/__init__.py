"""The optimizers: the table of rows, and their rules written out over arrays."""

from core.optimizers.table import OPTIMIZERS, OptimizerSpec

__all__ = ["OPTIMIZERS", "OptimizerSpec"]
