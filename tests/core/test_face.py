import ast
from importlib import import_module
from pathlib import Path

import pytest

import core

DECLARED = {
    alias.asname or alias.name: (node.module, alias.name)
    for branch in ast.parse(Path(core.__file__).read_text()).body
    if isinstance(branch, ast.If)
    for node in branch.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}


def test_the_types_declare_every_public_name():
    assert sorted(DECLARED) == sorted(core.__all__)


@pytest.mark.parametrize("name", core.__all__)
def test_a_public_name_is_what_the_types_declare(name):
    module, attribute = DECLARED[name]
    assert getattr(core, name) is getattr(import_module(module), attribute)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'core' has no attribute 'nothing'"):
        _ = core.nothing
