"""ConvNeXt beyond what every family is tested for: what it gives without its classifier, and its drop rates."""

import keras
import numpy as np
import pytest
from keras.src.applications import convnext
from parity import assert_equal, randomise

from kerascnn.applications import ConvNeXtTiny

SMALL = ConvNeXtTiny.replace(depths=(1, 1, 2, 1), widths=(8, 12, 16, 24))


def theirs(**arguments) -> keras.Model:
    """Keras' ConvNeXt of the same depths and widths, under the name that its own Tiny has."""
    sizes = {"depths": [*SMALL.depths], "projection_dims": [*SMALL.widths], "name": SMALL.name}
    model = convnext.ConvNeXt(**sizes, include_preprocessing=False, input_shape=(64, 96, 3), **arguments)
    randomise(model)
    return model


@pytest.mark.parametrize("pooling", [None, "avg", "max"])
def test_without_top_it_gives_what_keras_gives(pooling, tmp_path):
    """The last norm is on the map, or behind the pool; Keras gives it no name in a network without top."""
    other = theirs(include_top=False, pooling=pooling)
    other.save(tmp_path / "convnext_tiny_notop.h5")
    arguments = {"include_top": False, "pooling": pooling, "input_shape": (64, 96, 3)}
    ours = SMALL(weights=tmp_path / "convnext_tiny_notop.h5", **arguments)
    x = np.random.default_rng(0).normal(size=(2, 64, 96, 3)).astype("float32")
    assert_equal(np.asarray(ours(x)), np.asarray(other(x)))


def test_the_trunk_of_a_whole_network_has_its_last_norm(tmp_path):
    whole = theirs()
    whole.save(tmp_path / "convnext_tiny.h5")
    trunk = SMALL(weights=tmp_path / "convnext_tiny.h5", include_top=False, input_shape=(64, 96, 3))
    np.testing.assert_array_equal(
        trunk.get_layer("last-norm").gamma, whole.get_layer("convnext_tiny_head_layernorm").gamma
    )


def test_drop_rates_climb_to_the_last_block():
    model = SMALL.replace(drop_path=0.4)(input_shape=(32, 32, 3))
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.3, 0.4])  # and none in the first of five
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in SMALL(input_shape=(32, 32, 3)).layers)


def test_its_kernels_start_narrow_and_its_scales_smaller_still():
    model = ConvNeXtTiny(input_shape=(32, 32, 3))
    for name in ("stage4-block1-dense", "stage4-down-conv", "head-dense"):
        assert np.std(model.get_layer(name).kernel) == pytest.approx(0.02, rel=0.02)
    assert np.all(np.asarray(model.get_layer("stage4-block1-layer_scale").gamma) == np.float32(1e-6))
    bare = SMALL.replace(layer_scale=0.0)(input_shape=(32, 32, 3))
    assert not any("layer_scale" in layer.name for layer in bare.layers)
