"""Cost and feature maps of any model, ours or not."""

import keras
import numpy as np
import pytest
from keras import layers as L

import kerascnn
from kerascnn.graph.cost import cost, macs_of
from kerascnn.graph.features import features
from kerascnn.graph.graph import Graph, classifiers


def small():
    image = keras.Input((32, 32, 3))
    x = L.Conv2D(8, 3, strides=2, padding="same")(image)  # 16 * 16 * 8 outputs, 27 multiply-adds each
    y = L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)  # 16 * 16 * 8 outputs, 9 each
    y = L.Conv2D(8, 1, groups=2, use_bias=False)(y)  # 16 * 16 * 8 outputs, 4 each
    x = L.Add()([x, y])
    x = L.Conv2DTranspose(4, 2, strides=2)(x)  # 16 * 16 * 8 inputs, 2 * 2 * 4 each
    return keras.Model(image, L.Dense(10)(L.GlobalAveragePooling2D()(x)))


def test_cost_by_hand():
    counted = cost(small())
    assert counted.macs == 16 * 16 * 8 * (27 + 9 + 4 + 16) + 4 * 10
    assert counted.trainable == counted.parameters == (27 * 8 + 8) + 72 + 32 + (4 * 4 * 8 + 4) + 50
    assert counted.activations == 3 * 16 * 16 * 8 + 32 * 32 * 4 + 10
    # worst: the transposed convolution's input, 16 * 16 * 8, and its output, 32 * 32 * 4; the image is gone
    assert counted.peak_memory == 4 * max(32 * 32 * 3 + 16 * 16 * 8, 3 * 16 * 16 * 8, 16 * 16 * 8 + 32 * 32 * 4)


def test_cost_of_attention_by_hand():
    query, value = keras.Input((5, 8)), keras.Input((7, 6))
    model = keras.Model([query, value], L.MultiHeadAttention(3, key_dim=2, value_dim=4)(query, value))
    projections = 5 * 8 * 3 * 2 + 7 * 6 * 3 * (2 + 4) + 5 * 3 * 4 * 8
    assert macs_of(Graph(model).calls[-1]) == projections + 5 * 7 * 3 * (2 + 4)


def test_cost_at_another_size_changes_the_work_only():
    model = kerascnn.build("mobilenet_v2_035", input_shape=(96, 96, 3), classes=10)
    at_96, at_192 = cost(model), cost(model, 192)
    assert at_96.parameters == at_192.parameters == model.count_params()
    assert 3.9 < at_192.macs / at_96.macs < 4.1
    assert at_192.input_shape == (192, 192, 3)


def test_cost_counts_the_positions_of_another_size():
    model = kerascnn.build("vit_ti16", input_shape=(32, 32, 3))
    assert cost(model, 64).parameters - cost(model).parameters == (16 - 4) * 192


def test_cost_needs_a_size():
    model = kerascnn.build("resnet18", include_top=False, input_shape=(None, None, 3))
    with pytest.raises(ValueError, match="takes images of any size"):
        cost(model)
    assert cost(model, 64).macs > 0


def test_a_separable_convolution_costs_what_its_two_do():
    image = keras.Input((9, 9, 3))
    one = keras.Model(image, L.SeparableConv2D(4, 3, 2, depth_multiplier=2, use_bias=False)(image))
    two = keras.Model(image, L.Conv2D(4, 1, use_bias=False)(L.DepthwiseConv2D(3, 2, depth_multiplier=2)(image)))
    assert cost(one).macs == cost(two).macs == 4 * 4 * 6 * (9 + 4)


def test_models_inside_a_model_cost_what_their_layers_do():
    image = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3), L.ReLU()], name="inner")
    head = L.Dense(2)(L.GlobalAveragePooling2D()(inner(image)))
    counted = cost(keras.Model(image, head))
    assert (counted.macs, counted.trainable) == (6 * 6 * 4 * 27 + 8, 112 + 10)


class Own(L.Layer):
    """A layer of a user's, whose configuration says all."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4), name="kernel")

    def call(self, x):
        return x @ self.kernel


def test_cost_says_what_it_does_not_count():
    image = keras.Input((8, 8, 3))
    counted = cost(keras.Model(image, Own(name="odd")(L.Conv2D(3, 1)(image))))
    assert counted.notes == ("Not counted: the multiply-adds of odd.",)
    assert (counted.macs, counted.parameters) == (64 * 9, 12 + 12)


ROWS = [
    (lambda: L.Conv1D(5, 3), 22 * 5 * 3 * 8),
    (lambda: L.Conv1DTranspose(5, 2, 2), 24 * 8 * 2 * 5),
    (lambda: L.SeparableConv1D(5, 3), 22 * 8 * (3 + 5)),
    (lambda: L.DepthwiseConv1D(3), 22 * 8 * 3),
    (lambda: L.LSTM(4), 24 * 4 * 4 * (8 + 4)),
    (lambda: L.GRU(4), 24 * 3 * 4 * (8 + 4)),
    (lambda: L.Bidirectional(L.SimpleRNN(4)), 24 * 2 * 4 * (8 + 4)),
    (lambda: L.TimeDistributed(L.Dense(5)), 24 * 8 * 5),
    (lambda: L.EinsumDense("...c,cde->...de", (2, 5)), 24 * 8 * 10),
    (lambda: L.SpectralNormalization(L.Dense(5)), 24 * 8 * 5),
]


@pytest.mark.parametrize(("layer", "macs"), ROWS, ids=[row[0]().name for row in ROWS])
def test_cost_of_rows_by_hand(layer, macs):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layer()(L.Reshape((24, 8))(image)))
    assert (cost(model).macs, cost(model).notes) == (macs, ())


def test_cost_of_volumes_by_hand():
    image = keras.Input((8, 8, 3))
    assert cost(keras.Model(image, L.Conv3D(2, 3)(L.Reshape((8, 8, 3, 1))(image)))).macs == 36 * 2 * 27


def test_a_layer_that_is_used_twice_works_twice():
    image = keras.Input((8, 8, 3))
    conv = L.Conv2D(3, 3, padding="same")
    counted = cost(keras.Model(image, conv(conv(image))))
    assert (counted.macs, counted.activations, counted.parameters) == (2 * 64 * 3 * 27, 2 * 64 * 3, 84)


def test_cost_of_what_a_user_drew_at_another_size():
    """Layers of one's own, custom training, operators, nesting and channels in front stop nothing."""
    image = keras.Input((8, 8, 3))
    y = L.Lambda(lambda x: 2 * x)(L.Conv2D(4, 3)(image))
    model = keras.Sequential([image, keras.Model(image, keras.ops.argmax(y[:, 1:] + y[:, :-1], -1))])
    model.compile(type("Mine", (keras.optimizers.SGD,), {})(), loss=lambda y, p: keras.ops.mean(p))
    assert cost(model, 16).macs == 14 * 14 * 4 * 27
    first = keras.Input((3, 8, 8))
    model = keras.Model(first, L.Conv2D(4, 3, data_format="channels_first")(first))
    assert (cost(model, 16).macs, cost(model, 16).input_shape) == (14 * 14 * 4 * 27, (3, 16, 16))


def test_cost_counts_adapters_as_a_part_of_their_kernels():
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, L.Dense(5)(image))
    plain = cost(model)
    model.layers[-1].enable_lora(2)
    assert cost(model) == plain


def test_the_classifier_of_a_model_inside_a_model():
    image = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.Input((8, 8, 3)), L.Flatten(), L.Dense(4), L.Dense(2, name="last")])
    assert [layer.name for layer in classifiers(keras.Model(image, L.Softmax()(inner(image))))] == ["last"]


def test_features_of_a_detector_backbone():
    backbone = kerascnn.build("resnet50", include_top=False, input_shape=(None, None, 3))
    maps = features(backbone)
    out = maps(np.zeros((1, 64, 96, 3), "float32"))
    assert {s: tuple(x.shape[1:]) for s, x in out.items()} == {
        2: (32, 48, 64), 4: (16, 24, 256), 8: (8, 12, 512), 16: (4, 6, 1024), 32: (2, 3, 2048),
    }  # fmt: skip
    by_name = kerascnn.features("resnet50", input_shape=(64, 96, 3))
    assert list(by_name.output) == [2, 4, 8, 16, 32]


def test_features_leave_out_what_stays_inside_a_block():
    maps = features(kerascnn.build("mobilenet_v2_100", include_top=False, input_shape=(64, 64, 3))).output
    assert {s: x.shape[-1] for s, x in maps.items()} == {2: 16, 4: 24, 8: 32, 16: 96, 32: 1280}


def test_features_of_a_model_from_elsewhere():
    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(64, 64, 3))
    assert list(features(model).output) == [2, 4, 8, 16, 32]


def test_features_of_a_sequential_model():
    model = keras.Sequential([keras.Input((16, 16, 3)), L.Conv2D(4, 3, 2), L.ReLU(), L.MaxPool2D(), L.Flatten()])
    maps = features(model)
    assert {stride: x.shape[1:3] for stride, x in maps.output.items()} == {2: (7, 7), 4: (3, 3)}
    assert np.array_equal(maps(np.ones((1, 16, 16, 3)))[4].numpy().reshape(-1), model(np.ones((1, 16, 16, 3)))[0])


def test_features_of_a_model_without_maps():
    vector = keras.Input((4,))
    with pytest.raises(ValueError, match="makes no feature map"):
        features(keras.Model(vector, L.Dense(2)(vector), name="flat"))
