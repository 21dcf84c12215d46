"""Real Keras, in a process of its own: its import warns, and its backend is chosen by the environment."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from core import data
from core.models import formats
from core.models.checkpoints import CheckpointError
from core.models.formats import FORMATS
from tests.core.models.formats.conftest import same
from tests.waiting import LIMIT

KERAS = """
import sys, numpy as np, keras
from keras import Input, Sequential, layers
model = Sequential([Input((784,)), layers.Dense(128, "relu"), layers.Dense(10, "softmax")])
model.load_weights("ours.weights.h5")
np.save("answers.npy", model.predict(np.load("images.npy"), verbose=0))
longer = Sequential(
    [Input((28, 28)), layers.Flatten(), layers.Dense(128, "relu"), layers.Dropout(0.2), layers.Dense(10, "softmax")]
)
longer.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
longer.fit(np.zeros((8, 28, 28)), np.zeros(8), verbose=0)
longer.load_weights("ours.weights.h5")
longer.save_weights("theirs.weights.h5")
longer.save("theirs.keras")
longer.save("theirs.h5")
nested = Sequential([Input((28, 28)), layers.Flatten(), Sequential([layers.Dense(128, name="a"), layers.ReLU()]),
                     layers.Dense(10, name="z")])
nested.set_weights(longer.get_weights())
nested.save("nested.keras")
inputs = Input((28, 28, 1))
hidden = layers.Dense(128, activation=keras.activations.relu)(layers.Flatten()(layers.Rescaling(1.0)(inputs)))
functional = keras.Model(inputs, layers.Activation("softmax")(layers.Dense(10)(hidden)))
functional.set_weights(longer.get_weights())
functional.save("functional.keras")
for dtype in ("float16", "bfloat16", "float64"):
    hidden, output = layers.Dense(128, "relu", dtype=dtype), layers.Dense(10, dtype=dtype)
    other = Sequential([Input((784,), dtype=dtype), hidden, output])
    other.set_weights(longer.get_weights())
    other.save(f"{dtype}.keras")
    other.save_weights(f"{dtype}.weights.h5")
for activation in ("tanh", "leaky_relu"):
    bent = Sequential([Input((784,)), layers.Dense(128, activation), layers.Dense(10, "softmax")])
    bent.save(f"{activation}.keras")
wide = Sequential([Input((784,)), layers.Dense(300, "relu"), layers.Dense(100, "relu"), layers.Dense(10, "softmax")])
wide.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
wide.save("wide.keras")
hidden = layers.Dense(128, "relu")
normed = Sequential([Input((784,)), hidden, layers.BatchNormalization(), layers.Dense(10, "softmax")])
normed.save("normed.keras")
"""


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras")
    (folder / "ours.weights.h5").write_bytes(formats.write(FORMATS["keras"], network, {}))
    np.save(folder / "images.npy", data.load().test.images[:64].float().numpy() / 255)
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "KERAS_HOME": str(folder)}
    subprocess.run([sys.executable, "-c", KERAS], cwd=folder, env=environment, check=True, timeout=LIMIT)
    return folder


@pytest.mark.slow
def test_keras_gives_the_same_probabilities(folder, network):
    images = data.load().test.images[:64].float() / 255
    expected = network(images).softmax(1).detach().numpy()
    assert np.abs(np.load(folder / "answers.npy") - expected).max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["theirs.weights.h5", "theirs.keras", "theirs.h5", "nested.keras", "functional.keras"])
def test_what_keras_saves_is_read_with_its_optimizer_and_its_layers_without_parameters(name, folder, network):
    loaded, metadata = formats.read(name, (folder / name).read_bytes())
    assert same(loaded, network) and metadata == {}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["keras", "weights.h5"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats_of_keras_are_converted(dtype, suffix, folder, network):
    loaded, metadata = formats.read(f"x.{suffix}", (folder / f"{dtype}.{suffix}").read_bytes())
    assert metadata == {"converted_from": dtype}
    for tensor, expected in zip(loaded.parameters(), network.parameters(), strict=True):
        assert torch.equal(tensor, expected.to(getattr(torch, dtype)).float())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "tanh",
            "The network has tanh between its two layers and softmax behind its second, and the lab takes 784-128-10",
        ),
        ("leaky_relu", "The network has leaky_relu between its two layers and softmax behind its second, and the lab"),
        ("wide", "The file holds a 784-300-100-10 network, and the lab takes 784-128-10 with ReLU alone"),
        ("normed", "batch_normalization/vars/1: the lab takes 784-128-10 with ReLU alone, without further layers"),
    ],
)
def test_another_network_of_keras_is_named(name, words, folder):
    with pytest.raises(CheckpointError, match=words):
        formats.read("x.keras", (folder / f"{name}.keras").read_bytes())
