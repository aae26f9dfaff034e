"""What LiteRT and onnxruntime have no fast kernel for is drawn in operators that they have one for, and is the same."""

import keras
import numpy as np
import pytest
from keras import layers as K
from parity import images, randomise
from test_conformance import TINY

from kerascnn import layers as L
from kerascnn.deploy import export
from kerascnn.graph.factors import without_factors
from kerascnn.graph.integers import in_fast_kernels
from kerascnn.graph.lower import without_lone_norms
from kerascnn.graph.rewrite import affine
from kerascnn.graph.wide_kernels import without_wide_kernels


def drawn(draw, shape=(9, 8, 6)) -> keras.Model:
    image = keras.Input(shape)
    model = keras.Model(image, draw(image))
    for layer in model.layers:
        if not layer.name.startswith("factor"):
            randomise(layer)
    return model


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers[1:]]


def same(new: keras.Model, model: keras.Model) -> keras.Model:
    x = images(model)
    np.testing.assert_allclose(new(x), model(x), rtol=1e-5, atol=1e-5 * float(np.abs(model(x)).max()))
    return new


def factor(x, scale=0.3, offset=0.0):
    return affine(x, scale, offset, "factor")


def gated(x):
    y = factor(K.Conv2D(6, 3)(x))
    gate = K.Conv2D(6, 1, activation="sigmoid")(K.GlobalAveragePooling2D(keepdims=True)(y))
    return K.Conv2D(4, 1)(K.Multiply()([y, gate]))


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: K.Conv2D(5, 3, padding="same")(factor(x)),
        lambda x: K.Dense(5)(K.Flatten()(K.MaxPooling2D()(K.Activation("relu")(factor(K.Conv2D(3, 3)(x)))))),
        lambda x: K.Add()(
            [K.Conv2D(3, 1)(y := factor(x)), K.DepthwiseConv2D(1)(K.Conv2D(3, 1)(K.ZeroPadding2D(0)(y)))]
        ),
        gated,
    ],
)
def test_a_factor_goes_into_the_kernels_behind_it(draw):
    model = drawn(draw)
    new = same(without_factors(model), model)
    assert sorted(kinds(new)) == sorted(kind for kind in kinds(model) if kind != "BatchNormalization")


@pytest.mark.parametrize(
    "draw",
    [
        factor,
        lambda x: K.Add()([K.Conv2D(6, 1)(y := factor(x)), y]),
        lambda x: K.Conv2D(5, 3)(K.Multiply()([y := factor(x), K.MaxPooling2D(1)(y)])),
        lambda x: K.Conv2D(5, 3)(K.Activation("relu6")(factor(x))),
        lambda x: K.Conv2D(5, 3)(factor(x, offset=0.1)),
        lambda x: K.Conv2D(5, 3)(K.MaxPooling2D()(factor(x, -1.0))),
        lambda x: K.Conv2D(5, 3)(factor(x, np.arange(1.0, 7.0))),
        lambda x: K.Add()([conv := (shared := K.Conv2D(6, 1))(factor(x)), shared(conv)]),
    ],
)
def test_a_factor_stays_where_something_else_sees_it(draw):
    model = drawn(draw)
    assert kinds(same(without_factors(model), model)) == kinds(model)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (K.AveragePooling2D(2), ["DepthwiseConv2D"]),
        (K.AveragePooling2D(3, 1), ["DepthwiseConv2D"]),
        (K.AveragePooling2D((3, 2), 3, padding="same"), ["DepthwiseConv2D"]),
        (K.AveragePooling2D(3, 2, padding="same"), ["AveragePooling2D"]),
        (K.AveragePooling2D(2, (1, 2)), ["AveragePooling2D"]),
        (K.AveragePooling2D(7), ["AveragePooling2D"]),
        (lambda x: K.Activation("relu")(K.MaxPooling2D()(x)), ["MaxPooling2D", "DepthwiseConv2D"]),
        (lambda x: K.Activation("relu6")(K.BatchNormalization()(x)), ["DepthwiseConv2D", "Activation"]),
        (
            lambda x: K.Activation("relu")(K.BatchNormalization()(K.Conv2D(4, 3)(x))),
            ["Conv2D", "BatchNormalization", "Activation"],
        ),
        (
            lambda x: K.Concatenate()([K.Activation("relu")(y := K.Conv2D(4, 3)(x)), y]),
            ["Conv2D", "DepthwiseConv2D", "Concatenate"],
        ),
        (lambda x: K.Activation("relu")(K.Dense(4)(K.Flatten()(x))), ["Flatten", "Dense", "Activation"]),
    ],
)
def test_what_bytes_have_no_kernel_for_is_a_depthwise_convolution(draw, expected):
    model = drawn(draw)
    assert kinds(same(in_fast_kernels(model), model)) == expected


def test_a_batch_norm_beside_no_convolution_is_one():
    model = drawn(
        lambda x: K.Conv2D(3, 3)(K.Activation("relu")(K.BatchNormalization(name="norm")(K.MaxPooling2D()(x))))
    )
    new = same(without_lone_norms(model), model)
    assert kinds(new) == ["MaxPooling2D", "DepthwiseConv2D", "Activation", "Conv2D"] and new.get_layer("norm")
    for layer in (K.Conv2D(3, 3), K.SeparableConv2D(3, 3)):
        model = drawn(lambda x, layer=layer: K.BatchNormalization()(K.Dropout(0.1)(layer(x))))
        assert without_lone_norms(model) is model, "the converter folds it"
    inner = drawn(K.BatchNormalization())
    model = drawn(lambda x: inner(K.MaxPooling2D()(x)), (18, 16, 6))
    assert kinds(same(without_lone_norms(model), model).layers[-1]) == ["DepthwiseConv2D"]


@pytest.mark.parametrize("size", [7, (5, 7), (1, 31), 9])
def test_a_wide_depthwise_kernel_is_a_sum_of_narrow_ones(size):
    wide = K.DepthwiseConv2D(size, padding="same", depth_multiplier=2, activation="relu", name="wide")
    model = drawn(lambda x: K.Conv2D(3, 1)(wide(x)), (9, 32, 2))
    new = same(without_wide_kernels(model), model)
    convs = [layer for layer in new.layers if isinstance(layer, K.DepthwiseConv2D)]
    taps = [int(np.prod(conv.kernel_size)) for conv in convs]
    assert max(taps) <= 25 and sum(taps) == np.prod(wide.kernel_size) and sum(conv.use_bias for conv in convs) == 1


def test_a_kernel_wider_than_the_map_stays():
    model = drawn(lambda x: K.Conv2D(3, 1)(K.DepthwiseConv2D(7, padding="same", use_bias=False)(x)), (8, 6, 2))
    assert kinds(same(without_wide_kernels(model), model)) == ["DepthwiseConv2D", "Conv2D"]


@pytest.mark.parametrize(
    "layer",
    [
        K.DepthwiseConv2D(5, padding="same"),
        K.DepthwiseConv2D(7),
        K.DepthwiseConv2D(7, 2, padding="same"),
        K.DepthwiseConv2D(7, padding="same", dilation_rate=2),
        K.DepthwiseConv2D(8, padding="same"),
        K.DepthwiseConv2D(11, padding="same"),
    ],
)
def test_other_depthwise_kernels_stay(layer):
    model = drawn(lambda x: K.Conv2D(3, 1)(layer(x)), (18, 16, 6))
    assert without_wide_kernels(model) is model


def test_xnnpack_takes_all_of_mobilenet_v3_in_bytes(tmp_path):
    model = TINY["MobileNetV3Family"](classes=5, classifier_activation=None)
    randomise(model)
    written = export(model, tmp_path / "net.tflite", "tflite-int8", calibration=images(model, 16))
    assert "HARD_SWISH" not in written.operators
    assert written.delegated["operators"] == written.delegated["of"] and written.delegated["partitions"] == 1


def test_hard_activations_are_one_operator_each_in_onnx(tmp_path):
    def draw(x):
        x = K.Activation("hard_silu")(K.BatchNormalization()(K.Conv2D(4, 3)(x)))
        gate = K.Conv2D(4, 1, activation="hard_sigmoid")(K.GlobalAveragePooling2D(keepdims=True)(x))
        x = K.Activation("hard_silu")(K.DepthwiseConv2D(3)(K.Multiply()([x, gate])))
        return K.Dense(5)(K.Activation("hard_silu")(K.Dense(8)(K.GlobalAveragePooling2D()(x))))

    operators = export(drawn(draw), tmp_path / "net.onnx", "onnx").operators
    assert operators["HardSwish"] == 3 and operators["HardSigmoid"] == 1
    assert not {"Clip", "Div", "Add"} & operators.keys()


def test_a_shifted_relu6_is_six_times_the_hard_sigmoid():
    x = np.linspace(-5, 5, 41, dtype="float32")[None]
    np.testing.assert_allclose(L.ShiftedReLU6()(x), 6 * keras.ops.hard_sigmoid(x), rtol=1e-6, atol=1e-6)
