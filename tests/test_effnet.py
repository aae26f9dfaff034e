"""EffNet's block against a plain NumPy reading of Freeman et al. 2018, figure 1."""

import keras
import numpy as np
from parity import randomise

from kerascnn.applications import EffNet


def leaky_bn(x, weights):
    gamma, beta, mean, variance = weights
    x = np.where(x > 0, x, 0.3 * x)
    return (x - mean) / np.sqrt(variance + EffNet.style.epsilon) * gamma + beta


def along(x, kernel, axis):
    """A depthwise convolution with the three taps of ``kernel`` along one axis."""
    taps = kernel.reshape(3, -1)
    padded = np.pad(x, [(1, 1) if i == axis else (0, 0) for i in range(4)])
    return sum(np.take(padded, range(i, i + x.shape[axis]), axis) * taps[i] for i in range(3))


def block(x, weights):
    """1x1, 1x3 along the width, pool of two rows, 3x1 along the height, two rows at every second column."""
    x = leaky_bn(x @ weights["conv"][0][0, 0], weights["bn"])
    x = leaky_bn(along(x, weights["depthwise"][0], 2), weights["bn2"])
    x = np.maximum(x[:, ::2], x[:, 1::2])
    x = leaky_bn(along(x, weights["depthwise2"][0], 1), weights["bn3"])
    upper, lower = weights["conv2"][0][:, 0]
    x = x[:, :, ::2]
    below = np.pad(x[:, 1:], [(0, 0), (0, 1), (0, 0), (0, 0)])
    return leaky_bn(x @ upper + below @ lower, weights["bn4"])


def test_a_block_computes_what_the_figure_says():
    model = EffNet.replace(table=((5, 7),))(include_top=False)
    randomise(model)
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    weights = {layer.name.removeprefix("block1-"): layer.get_weights() for layer in model.layers if layer.weights}
    np.testing.assert_allclose(model(x), block(x, weights), rtol=1e-4, atol=1e-5)
    assert model.output_shape == (None, None, None, 7) and model(x).shape == (2, 16, 16, 7)


def test_the_network_is_the_one_for_cifar10():
    model = EffNet()
    assert (model.input_shape, model.output_shape) == ((None, 32, 32, 3), (None, 10))
    assert isinstance(model.get_layer("block1-leaky_relu"), keras.layers.LeakyReLU)
