"""``python -m core evaluate``: a saved model on the test set."""

import argparse

from core import data
from core.analysis import evaluation
from core.cli.output import say
from core.cli.parsing import Commands, add_command, file_path
from core.models.checkpoints import trained_loss
from core.models.library import read_path


def add_parser(commands: Commands) -> None:
    """Add ``evaluate``."""
    parser = add_command(commands, "evaluate", evaluate, "figures of a saved model on the 10,000 test digits")
    parser.add_argument("model", type=file_path("model"))


def evaluate(options: argparse.Namespace) -> None:
    """Evaluate the model with the loss that it was trained with."""
    model = read_path(options.model)
    test = evaluation.evaluate(model.network, data.load().test, trained_loss(model.metadata))
    figures = {"test_accuracy": test.accuracy, "test_loss": test.loss}
    say(options, figures, f"Test accuracy {test.accuracy:.2%}, test loss {test.loss:.4f}.")
