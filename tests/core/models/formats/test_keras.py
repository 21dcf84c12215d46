"""Real Keras, in a process of its own: its import warns, and its backend is chosen by the environment."""

import os
import subprocess
import sys

import numpy as np
import pytest

from core import data
from core.models import formats
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
def test_what_keras_saves_is_read_with_its_optimizer_and_its_layers_without_parameters(folder, network):
    loaded, _ = formats.read("theirs.weights.h5", (folder / "theirs.weights.h5").read_bytes())
    assert same(loaded, network)
