"""The pieces of ShuffleNet V2 and V2+ that no other implementation checks, against plain readings of the authors'."""

import keras
import numpy as np
import pytest
from parity import randomise

from kerascnn import layers as L
from kerascnn.applications import shufflenet_v2
from kerascnn.networks.layer_factory import LayerFactory
from kerascnn.spec import Style


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, 4, 4, 12)).astype("float32")


def drawn(block, x):
    """A block as a model with random weights, what it computes, and its weights by name."""
    image = keras.Input(x.shape[1:])
    model = keras.Model(
        image, block(LayerFactory(Style(epsilon=1e-5, padding="symmetric", activation="hard_swish")), image)
    )
    randomise(model)
    return np.asarray(model(x)), {w.path: np.asarray(w) for w in model.weights}


def batch_norm(x, w, name):
    mean, variance = w[f"{name}/moving_mean"], w[f"{name}/moving_variance"]
    return (x - mean) / np.sqrt(variance + 1e-5) * w[f"{name}/gamma"] + w[f"{name}/beta"]


def hard_sigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


def test_a_slice_is_those_channels(x):
    np.testing.assert_array_equal(L.ChannelSlice(2, 7)(x), x[..., 2:7])
    assert L.ChannelSlice(2, 7).compute_output_shape((None, 4, 4, 12)) == (None, 4, 4, 5)


@pytest.mark.parametrize("channels", [(0, 13), (5, 5), (-1, 3)])
def test_a_slice_that_is_not_there_is_refused(channels):
    with pytest.raises(ValueError, match="There are no channels"):
        L.ChannelSlice(*channels)(keras.Input((4, 4, 12)))


def test_the_gate_has_batch_norm_in_place_of_biases(x):
    ours, w = drawn(shufflenet_v2.gate, x)
    s = x.mean((1, 2), keepdims=True) @ w["conv/kernel"][0, 0]
    s = np.maximum(batch_norm(s, w, "bn"), 0) @ w["conv2/kernel"][0, 0]
    np.testing.assert_allclose(ours, x * hard_sigmoid(s), rtol=1e-5, atol=1e-6)
    assert len(w) == 6


def test_even_channels_pass_by_and_odd_ones_are_convolved(x):
    row = shufflenet_v2.ShuffleNetV2PlusSmall
    ours, w = drawn(lambda k, image: row.unit(k, image, 3, 12, 1, gated=False), x)
    np.testing.assert_array_equal(ours[..., :6], x[..., ::2])

    def act(y):
        return y * hard_sigmoid(y)

    y = act(batch_norm(x[..., 1::2] @ w["right-conv/kernel"][0, 0], w, "right-bn"))
    padded = np.pad(y, ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel = w["right-depthwise/kernel"][..., 0]
    y = sum(padded[:, i : i + 4, j : j + 4] * kernel[i, j] for i in range(3) for j in range(3))
    y = act(batch_norm(batch_norm(y, w, "right-bn2") @ w["right-conv2/kernel"][0, 0], w, "right-bn3"))
    np.testing.assert_allclose(ours[..., 6:], y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", [5, shufflenet_v2.X])
def test_where_the_map_is_halved_all_channels_go_both_ways(x, block):
    row = shufflenet_v2.ShuffleNetV2PlusSmall
    ours, w = drawn(lambda k, image: row.unit(k, image, block, 32, 2 if block == 5 else 1, gated=True), x)
    if block == 5:
        assert ours.shape == (2, 2, 2, 32)
        assert w["left-conv/kernel"].shape == (1, 1, 12, 12) and w["right-conv2/kernel"].shape == (1, 1, 16, 20)
    else:
        assert ours.shape == (2, 4, 4, 32) and w["right-conv3/kernel"].shape == (1, 1, 16, 26)
