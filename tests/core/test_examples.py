"""The examples in the registries' docstrings run."""

import doctest
from types import ModuleType

import pytest

from core.optimizers import spec, step
from core.surfaces import expression
from core.training import schedules


@pytest.mark.parametrize("module", [spec, step, expression, schedules], ids=lambda module: module.__name__)
def test_the_examples_of_a_module_run(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert tried and not failed
