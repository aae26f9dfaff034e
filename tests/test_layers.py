"""The layers that Keras lacks, against plain NumPy readings of their papers."""

import keras
import numpy as np
import pytest

from kerascnn import layers as L
from kerascnn.networks.layer_factory import LayerFactory
from kerascnn.spec import Style


def test_channels_are_shuffled_as_rows_read_by_column():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 12)).astype("float32")
    expected = x.reshape(2, 3, 5, 3, 4).swapaxes(3, 4).reshape(2, 3, 5, 12)
    np.testing.assert_array_equal(L.ChannelShuffle(3)(x), expected)


def test_channels_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="10 channels cannot be shuffled in 3 groups"):
        L.ChannelShuffle(3)(keras.Input((4, 4, 10)))


@pytest.mark.parametrize("sides", [(None, None), (7, 5)])
def test_a_map_is_cropped_to_the_size_of_another(sides):
    x = np.random.default_rng(0).normal(size=(2, 8, 6, 3)).astype("float32")
    like = np.zeros((2, 7, 5, 4), "float32")
    maps = [keras.Input((*(side and side + 1 for side in sides), 3)), keras.Input((*sides, 4))]
    model = keras.Model(maps, L.CropLike()(maps))
    assert model.output_shape == (None, *sides, 3)
    np.testing.assert_array_equal(model([x, like]), x[:, :7, :5])


@pytest.mark.parametrize("sides", [(None, None), (4, 3)])
def test_a_map_is_cut_from_the_left_and_the_top(sides):
    x = np.random.default_rng(0).normal(size=(2, 8, 6, 3)).astype("float32")
    maps = [keras.Input((*((8, 6) if sides[0] else sides), 3)), keras.Input((*sides, 4))]
    model = keras.models.clone_model(keras.Model(maps, L.CropLike(2)(maps)))
    np.testing.assert_array_equal(model([x, np.zeros((2, 4, 3, 4), "float32")]), x[:, 2:6, 2:5])


@pytest.mark.parametrize("size", [(9, 7), (3, 4), (5, 6), (1, 1)])
@pytest.mark.parametrize("known", [True, False])
def test_a_map_is_resized_to_that_of_another_between_the_middles_of_pixels(size, known):
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    maps = [
        keras.Input((*((5, 6) if known else (None, None)), 3)),
        keras.Input((*(size if known else (None, None)), 4)),
    ]
    model = keras.Model(maps, L.ResizeLike()(maps))
    axes = []
    for old, new in zip((5, 6), size, strict=True):  # a row for each new pixel: what it takes of the old ones
        places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        axes.append(np.maximum(0, 1 - abs(places[:, None] - np.arange(old))))
    expected = np.einsum("hi,wj,bijc->bhwc", *axes, x)
    np.testing.assert_allclose(model([x, np.zeros((2, *size, 4), "float32")]), expected, rtol=1e-4, atol=1e-5)
    assert model.output_shape == (None, *(size if known else (None, None)), 3)


@pytest.mark.parametrize("side", [6, 7, 8])
@pytest.mark.parametrize(("size", "stride"), [(3, 2), (2, 2), (3, 3), (1, 2)])
def test_a_pool_of_caffe_rounds_the_size_up(side, size, stride):
    x = np.random.default_rng(0).uniform(size=(1, side, side, 2)).astype("float32")
    starts = range(0, side if size < stride else -(-(side - size) // stride) * stride + 1, stride)
    expected = [[x[0, i : i + size, j : j + size].max((0, 1)) for j in starts] for i in starts]
    np.testing.assert_array_equal(LayerFactory(Style(padding="ceil")).max_pool(x, size, stride)[0], expected)


def test_local_response_normalisation():
    x = np.random.default_rng(0).normal(0, 3, (2, 3, 3, 7)).astype("float32")
    expected = np.empty_like(x)
    for i in range(7):
        neighbours = x[..., max(0, i - 2) : i + 3]
        expected[..., i] = x[..., i] / (2 + 0.1 * (neighbours**2).sum(-1)) ** 0.75
    np.testing.assert_allclose(L.LocalResponseNormalization(5, 2.0, 0.1, 0.75)(x), expected, rtol=1e-5)


def test_each_channel_has_a_scale_that_starts_small():
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype("float32")
    layer = L.LayerScale()
    np.testing.assert_allclose(layer(x), 1e-6 * x, rtol=1e-6)
    layer.gamma.assign([1.0, 2.0, -1.0, 0.0])
    np.testing.assert_allclose(layer(x), x * [1, 2, -1, 0])
    assert layer.trainable_weights == [layer.gamma]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("size", "stride"), [(3, 2), (2, 2), (5, 3), (4, 1)])
@pytest.mark.parametrize("sides", [(7, 8), (9, 6), (1, 5)])
def test_zeros_stand_where_padding_same_has_them(sides, size, stride, known):
    """A convolution that sums what it sees, without padding on the padded map, is the one that pads itself."""
    image = keras.Input((*(sides if known else (None, None)), 2))
    padded = L.SamePadding2D(size, stride)(image)
    add_up = {"depthwise_initializer": "ones", "use_bias": False}
    sums = keras.layers.DepthwiseConv2D(size, stride, "valid", **add_up)(padded)
    expected = keras.layers.DepthwiseConv2D(size, stride, "same", **add_up)(image)
    x = np.random.default_rng(0).normal(size=(2, *sides, 2)).astype("float32")
    ours, map_, theirs = keras.Model(image, [sums, padded, expected])(x)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert padded.shape[1:3] == (tuple(map_.shape[1:3]) if known else (None, None))


def test_a_window_smaller_than_its_stride_has_no_padding():
    with pytest.raises(ValueError, match="A window of 2 pixels cannot move by 3"):
        L.SamePadding2D(2, 3)
