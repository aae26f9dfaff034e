"""Weight standardisation, against a plain NumPy reading of Qiao et al. 2019, and where Big Transfer uses it."""

import numpy as np
from plain import convolve

from kerascnn import layers as L
from kerascnn.applications import BiTR50x1


def test_filters_are_standardised_before_they_are_used():
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 5, 6, 4)).astype("float32")
    layer = L.StandardizedConv2D(3, 3, padding="same", use_bias=False)
    layer.build(x.shape)
    kernel = random.normal(3, 2, size=(3, 3, 4, 3))
    layer.kernel.assign(kernel)
    filters = kernel.reshape(-1, 3)
    standardised = ((filters - filters.mean(0)) / filters.std(0)).reshape(kernel.shape)
    np.testing.assert_allclose(layer(x), convolve(x, standardised), rtol=1e-4, atol=1e-4)


def test_every_convolution_of_big_transfer_is_standardised():
    model = BiTR50x1.replace(depths=(1, 1), width=32)(input_shape=(32, 32, 3))
    convs = [layer for layer in model.layers if isinstance(layer, L.Conv2D)]
    assert len(convs) == 9 and all(isinstance(layer, L.StandardizedConv2D) and not layer.use_bias for layer in convs)
    assert not np.any(model.get_layer("head-dense").kernel)
