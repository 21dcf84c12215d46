"""The network as an ONNX graph, built node by node: nothing but the four tensors and two layers is in it."""

import json
from typing import Any

from core.data import CLASSES, PIXELS
from core.training.network import Network

#: Old enough for every runtime in use; the three operators have not changed since.
OPSET, IR_VERSION = 17, 8


def write(network: Network, metadata: dict[str, Any]) -> bytes:
    """Make an ONNX model: ``images`` (batch, 784) float32 from 0 to 1 in, ``logits`` (batch, 10) float32 out.

    ``metadata`` (JSON values) become the model's metadata properties.
    """
    from onnx import TensorProto, helper, numpy_helper

    # By hand, not by torch's exporter: that would put traces of the machine into the file and need more packages.
    tensors = [numpy_helper.from_array(t.detach().cpu().numpy(), name) for name, t in network.state_dict().items()]
    nodes = [
        helper.make_node("Gemm", ["images", "0.weight", "0.bias"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "2.weight", "2.bias"], ["logits"], transB=1),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", PIXELS])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])
    model = helper.make_model(
        helper.make_graph(nodes, "digits", [images], [logits], tensors),
        producer_name="Descent Lab",
        doc_string="Digits: grey values 0 to 255, ink is 255, divided by 255. A softmax of the logits is the answer.",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    helper.set_model_props(model, texts)
    content: bytes = model.SerializeToString()
    return content
