import math

import pytest

from core.models.checkpoints import pack_parameters
from core.models.library import Library
from core.models.metadata import known
from core.training.network import Network

HUGE = 10**400


@pytest.mark.parametrize("number", [HUGE, -HUGE], ids=["huge", "minus huge"])
def test_a_whole_number_too_large_for_a_float_is_a_number_like_any_other(number):
    metadata = {"metrics": {"step": number}, "environment": {"threads": number}, "history": [{"epoch": number}]}
    assert known(metadata) == metadata


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, True, "1"])
def test_what_is_no_finite_number_is_left_out(number):
    metadata = {"metrics": {"step": number, "test_loss": number}, "history": [{"epoch": number}]}
    assert known(metadata) == {"metrics": {}}


def test_one_file_with_a_huge_number_hides_no_other(tmp_path):
    library = Library(tmp_path / "models")
    library.bring("first.safetensors", pack_parameters(Network(1), {}))
    library.bring("second.safetensors", pack_parameters(Network(2), {"metrics": {"step": HUGE}}))
    assert [(model.name, model.problem) for model in library.models()] == [("first", ""), ("second", "")]
    assert library.model("second").step == HUGE
