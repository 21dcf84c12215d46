"""``python -m core evaluate``: a saved model on the test set."""

import argparse

from core import data
from core.analysis import evaluation
from core.cli.output import say
from core.cli.parsing import Commands, add_command, file_path
from core.models.checkpoints import load_parameters, trained_loss


def add_parser(commands: Commands) -> None:
    """Add ``evaluate``."""
    parser = add_command(commands, "evaluate", evaluate, "figures of a saved model on the 10,000 test digits")
    parser.add_argument("model", type=file_path("model"))


def evaluate(options: argparse.Namespace) -> None:
    """Evaluate the model with the loss that it was trained with."""
    network, metadata = load_parameters(options.model)
    test = evaluation.evaluate(network, data.load().test, trained_loss(metadata))
    figures = {"test_accuracy": test.accuracy, "test_loss": test.loss}
    say(options, figures, f"Test accuracy {test.accuracy:.2%}, test loss {test.loss:.4f}.")
