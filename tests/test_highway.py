"""A highway layer against a plain NumPy reading of Srivastava et al. 2015, equation 3; and how its gates start."""

import keras
import numpy as np
from parity import randomise
from plain import convolve, relu

from kerascnn.applications import Highway19CIFAR
from kerascnn.applications.highway import highway
from kerascnn.networks.layer_factory import LayerFactory


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_a_highway_layer():
    image = keras.Input((5, 6, 4))
    model = keras.Model(image, highway(LayerFactory(Highway19CIFAR.style), image, -2.0))
    randomise(model)
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 4)).astype("float32")
    w = {v.path: np.asarray(v) for v in model.weights}
    h = relu(convolve(x, w["transform-conv/kernel"], w["transform-conv/bias"]))
    t = sigmoid(convolve(x, w["gate-conv/kernel"], w["gate-conv/bias"]))
    np.testing.assert_allclose(model(x), h * t + x * (1 - t), rtol=1e-4, atol=1e-5)


def test_gates_start_shut():
    model = Highway19CIFAR()
    biases = {w.path: np.asarray(w) for w in model.weights if w.path.endswith("bias")}
    gates = [path for path in biases if "gate" in path]
    assert len(gates) == 14
    assert all((value == (-2 if path in gates else 0)).all() for path, value in biases.items())
