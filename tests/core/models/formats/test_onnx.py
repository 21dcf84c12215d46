import json

import numpy as np
import onnx
import onnxruntime
import pytest

from core import data
from core.models import formats
from core.models.formats import FORMATS


@pytest.fixture(scope="module")
def content(network):
    return formats.write(FORMATS["onnx"], network, {"config": {"lr": 0.001}, "notes": "mine"})


@pytest.mark.parametrize("batch", [1, 64])
def test_onnxruntime_gives_the_same_logits(content, network, batch):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    images = data.load().test.images[:batch].float() / 255
    (logits,) = session.run(["logits"], {"images": images.numpy()})
    assert logits.shape == (batch, 10)
    assert np.abs(logits - network(images).detach().numpy()).max() < 1e-5


def test_it_is_a_valid_model_that_says_what_it_is(content):
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert {p.key: p.value for p in model.metadata_props} == {"config": json.dumps({"lr": 0.001}), "notes": "mine"}
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert (model.producer_name, [o.version for o in model.opset_import], model.ir_version) == ("Descent Lab", [17], 8)
