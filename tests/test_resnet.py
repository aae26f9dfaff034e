"""Shortcuts without parameters, against a plain NumPy reading of He et al. 2015, section 3.3; and who is dropped."""

import keras
import numpy as np
import pytest
from parity import randomise
from plain import convolve, normalise, relu

from kerascnn import layers as L
from kerascnn.applications import ResNet20CIFAR, StochasticDepth110CIFAR
from kerascnn.blocks import basic, padded_shortcut
from kerascnn.networks.layer_factory import LayerFactory
from kerascnn.spec import Style


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def drawn(block, x):
    image = keras.Input(x.shape[1:])
    model = keras.Model(image, block(LayerFactory(Style(epsilon=1e-5, padding="symmetric")), image))
    randomise(model)
    return model


@pytest.mark.parametrize("shape", [(2, 6, 8, 4), (2, 7, 5, 4)])
def test_option_a_takes_every_second_pixel_and_adds_zeros(shape):
    x = noise(*shape)
    model = drawn(lambda k, x: padded_shortcut(k, x, 10, 2), x)
    expected = np.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, 6)))
    np.testing.assert_array_equal(model(x), expected)
    assert not model.weights


def test_the_shortcut_of_stochastic_depth_averages_the_pixels_it_merges():
    x = noise(2, 6, 8, 4)
    means = x.reshape(2, 3, 2, 4, 2, 4).mean((2, 4))
    model = drawn(lambda k, x: padded_shortcut(k, x, 10, 2, window=2), x)
    np.testing.assert_allclose(model(x)[..., :4], means, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model(x)[..., 4:], 0)


def test_where_nothing_changes_the_shortcut_is_the_map_itself():
    image = keras.Input((4, 4, 8))
    assert padded_shortcut(LayerFactory(Style()), image, 8, 1) is image


def test_a_block_with_option_a():
    x = noise(2, 6, 8, 4)
    model = drawn(lambda k, x: basic(k, x, 8, 2, skip=padded_shortcut), x)
    w = {v.path: np.asarray(v, "float64") for v in model.weights}

    def bn(y, name):
        return normalise(
            y, *(w[f"{name}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")), 1e-5
        )

    y = relu(bn(convolve(x, w["conv/kernel"])[:, ::2, ::2], "bn"))
    y = bn(convolve(y, w["conv2/kernel"]), "bn2")
    y[..., :4] += x[:, ::2, ::2]
    np.testing.assert_allclose(model(x), relu(y), rtol=1e-4, atol=1e-5)


def test_a_map_wider_than_asked_for_is_refused():
    with pytest.raises(ValueError, match="10 channels cannot be padded to 8"):
        L.PadChannels(8)(keras.Input((4, 4, 10)))


def test_depths_count_convolutions_and_the_classifier():
    model = ResNet20CIFAR()
    assert sum(isinstance(layer, L.Conv2D | L.Dense) for layer in model.layers) == 20
    assert model.output_shape == (None, 10)


def test_survival_decays_linearly_to_a_half():
    model = StochasticDepth110CIFAR()
    rates = [layer.rate for layer in model.layers if isinstance(layer, L.Dropout)]
    np.testing.assert_allclose(rates, [block / 54 * 0.5 for block in range(1, 55)])
