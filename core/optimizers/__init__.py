"""The optimizers: the table of rows, what a row is made of (rule, explanation), and stepping points by a row.

Plain torch and numpy come in; nothing here knows surfaces, training or the dashboard.
"""

from core.optimizers.spec import OptimizerSpec
from core.optimizers.table import OPTIMIZERS

__all__ = ["OPTIMIZERS", "OptimizerSpec"]
