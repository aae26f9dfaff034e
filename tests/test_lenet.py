"""The layers of the LeNet-5 of 1998, against plain NumPy readings of the paper."""

import numpy as np
import pytest
from parity import randomise

import kerascnn
from kerascnn import layers as L
from kerascnn.applications.lenet import TABLE_I, codes
from kerascnn.graph.cost import cost


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_table_1_is_the_papers():
    assert [len(seen) for seen in TABLE_I] == [3] * 6 + [4] * 9 + [6]
    assert np.bincount([channel for seen in TABLE_I for channel in seen]).tolist() == [10] * 6


def test_partial_connections():
    layer = L.PartialConv2D(TABLE_I, 5)
    x = normal(2, 14, 14, 6)
    layer(x)
    layer.kernel.assign(normal(5, 5, 60, seed=1))
    layer.bias.assign(normal(16, seed=2))
    kernel, bias = np.array(layer.kernel), np.array(layer.bias)
    expected = np.zeros((2, 10, 10, 16)) + bias
    n = 0
    for i, seen in enumerate(TABLE_I):
        for channel in seen:
            for row in range(10):
                for column in range(10):
                    window = x[:, row : row + 5, column : column + 5, channel]
                    expected[:, row, column, i] += (window * kernel[:, :, n]).sum((1, 2))
            n += 1
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-4)
    assert layer.count_params() == 1516 and layer.multiply_adds(10 * 10 * 16) == 150_000


def test_connections_to_channels_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="more channels than the 5"):
        L.PartialConv2D(TABLE_I, 5)(normal(1, 14, 14, 5))


def test_subsampling():
    layer = L.Subsampling()
    x = normal(2, 6, 7, 3)
    np.testing.assert_allclose(layer(x), x[:, :, :6].reshape(2, 3, 2, 3, 2, 3).mean((2, 4)), atol=1e-6)
    layer.coefficient.assign([1.0, -2.0, 0.5])
    layer.bias.assign([0.0, 1.0, 2.0])
    expected = x[:, :, :6].reshape(2, 3, 2, 3, 2, 3).sum((2, 4)) * [1, -2, 0.5] + [0, 1, 2]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_distances_from_codes():
    x = normal(3, 84)
    centres = np.array([[1 if mark == "#" else -1 for mark in code] for code in codes(10)])
    expected = -((x[:, None] - centres) ** 2).sum(-1)
    np.testing.assert_allclose(L.RadialBasis(codes(10))(x), expected, rtol=1e-5)


def test_codes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="Codes of 84 marks do not fit vectors of 80"):
        L.RadialBasis(codes(10))(normal(3, 80))


def test_every_class_has_its_own_code():
    for classes in (2, 10, 26, 1000):
        made = codes(classes)
        assert len(set(made)) == classes and {len(code) for code in made} == {84}
        assert made == codes(classes)


def test_the_network_by_hand():
    """Every layer in turn, as section II-B has it: C1, S2, C3, S4, C5, F6 and the distances."""
    model = kerascnn.build("lenet5_1998", classifier_activation=None)
    randomise(model)
    w = {v.path: np.array(v) for v in model.weights}
    image = normal(1, 32, 32, 1)

    def squash(x):
        return 1.7159 * np.tanh(2 / 3 * x)

    def convolve(x, kernel, bias):
        side = kernel.shape[0]
        windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), (1, 2))
        return np.einsum("bxychw,hwco->bxyo", windows, kernel) + bias

    def halve(x, room):
        b, h, v, c = x.shape
        total = x.reshape(b, h // 2, 2, v // 2, 2, c).sum((2, 4))
        return squash(total * w[f"{room}-subsampling/coefficient"] + w[f"{room}-subsampling/bias"])

    full = np.zeros((5, 5, 6, 16))
    pairs = [(channel, i) for i, seen in enumerate(TABLE_I) for channel in seen]
    for n, (channel, i) in enumerate(pairs):
        full[:, :, channel, i] = w["stage2-conv/kernel"][:, :, n]
    x = squash(convolve(image, w["stage1-conv/kernel"], w["stage1-conv/bias"]))
    x = halve(x, "pool1")
    x = squash(convolve(x, full, w["stage2-conv/bias"]))
    x = halve(x, "pool2")
    x = squash(convolve(x, w["stage3-conv/kernel"], w["stage3-conv/bias"])).reshape(1, 120)
    x = squash(x @ w["head-dense/kernel"] + w["head-dense/bias"])
    expected = -((x[:, :, None] - w["head-radial_basis/centre"]) ** 2).sum(1)
    np.testing.assert_allclose(model(image), expected, rtol=1e-4)


def test_what_the_paper_counts():
    model = kerascnn.build("lenet5_1998")
    counted = cost(model)
    assert (counted.trainable, counted.parameters) == (60_000, 60_840)
    sizes = [sum(int(np.prod(v.shape)) for v in layer.trainable_weights) for layer in model.layers]
    assert [size for size in sizes if size] == [156, 12, 1516, 32, 48_120, 10_164]
    assert counted.macs == 117_600 + 150_000 + 48_000 + 10_080 + 840
