"""The layers that Keras lacks, against plain NumPy readings of their papers."""

import keras
import numpy as np
import pytest

from kerascnn import layers as L


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
