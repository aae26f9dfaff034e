"""A lowered model computes the same, in layers that are one operator each."""

import keras
import numpy as np
import pytest
from keras import layers as K
from parity import assert_equal, images, randomise
from test_conformance import TINY
from test_fold import Forgets

from kerascnn import layers as L
from kerascnn.graph.graph import Graph
from kerascnn.graph.inline import inline_models
from kerascnn.graph.lower import lower

GONE = ("BatchNormalization", "Dropout", "GroupNormalization", "LayerNormalization", "LocalResponseNormalization")
GONE += ("StandardizedConv2D", "MultiHeadAttention", "Rescaling", "FractalJoin", "LearnedGroupConv2D", "RadialBasis")
GONE += ("PartialConv2D", "Subsampling", "CropLike", "UpSampling2D", "SeparableConv2D", "Average")
GONE += ("LayerScale", "SamePadding2D")


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def lowered(model: keras.Model) -> keras.Model:
    """``model`` in plain layers, after proof that it computes the same."""
    randomise(model)
    x = images(model)
    expected = model(x)
    new = lower(model)
    assert new.name == model.name and not {id(w) for w in new.weights} & {id(w) for w in model.weights}
    assert not set(kinds(new)) & set(GONE)
    for layer in new.layers:
        assert getattr(layer, "activation", None) in (None, keras.activations.linear) or type(layer) is K.Activation
    for a, b in zip(*(keras.tree.flatten(y) for y in (new(x), expected)), strict=True):
        assert_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))
    return new


def on(*layers, shape=(9, 9, 6)) -> keras.Model:
    image = x = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


@pytest.mark.sharded
@pytest.mark.parametrize("family", TINY)
def test_every_family_computes_the_same(family):
    lowered(TINY[family](classes=7, classifier_activation=None))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (lambda: [K.Conv2D(4, 3, activation="silu")], ["Conv2D", "Activation", "Multiply"]),
        (lambda: [K.Dense(4, activation="relu"), K.Dropout(0.5)], ["Dense", "Activation"]),
        (lambda: [K.ReLU(6.0), K.ReLU(), K.Softmax()], ["Activation"] * 3),
        (lambda: [K.ReLU(negative_slope=0.2)], ["LeakyReLU"]),
        (lambda: [K.ReLU(1.0, threshold=0.5), K.Softmax(axis=1)], ["ReLU", "Softmax"]),
        (lambda: [K.Conv2D(4, 1), K.Activation("hard_sigmoid"), K.Conv2D(4, 1)], ["Conv2D", "Activation", "Conv2D"]),
        (
            lambda: [K.Conv2D(4, 1), K.Activation("hard_silu"), K.Conv2D(4, 3, padding="same")],
            ["Conv2D", "ShiftedReLU6", "Multiply", "Conv2D"],
        ),
        (lambda: [K.Activation("hard_silu")], ["ShiftedReLU6", "Multiply", "DepthwiseConv2D"]),
        (
            lambda: [K.DepthwiseConv2D(7, padding="same"), K.BatchNormalization()],
            ["DepthwiseConv2D", "DepthwiseConv2D", "Add", "DepthwiseConv2D", "Add", "DepthwiseConv2D", "Add"],
        ),
        (lambda: [K.SeparableConv2D(4, 3, activation="relu")], ["DepthwiseConv2D", "Conv2D", "Activation"]),
        (lambda: [L.StandardizedConv2D(4, 3, activation="relu", strides=2)], ["Conv2D", "Activation"]),
        (lambda: [K.BatchNormalization()], ["DepthwiseConv2D"]),
        (lambda: [K.Flatten(), K.BatchNormalization()], ["Flatten", "Reshape", "DepthwiseConv2D", "Reshape"]),
        (lambda: [K.Conv2D(4, 3), K.Rescaling(0.3, 0.1)], ["Conv2D"]),
        (lambda: [K.UpSampling2D(2)], ["Resizing"]),
        (lambda: [K.Conv2D(4, 3), L.LayerScale(0.5)], ["Conv2D"]),
        (lambda: [L.SamePadding2D(3, 2), K.MaxPooling2D(3, 2)], ["ZeroPadding2D", "MaxPooling2D"]),
        (lambda: [L.LocalResponseNormalization(5, beta=0.5)], ["LocalResponseNormalization"]),
        (
            lambda: [L.LearnedGroupConv2D(4, 2, 3), K.Flatten(), L.LearnedGroupConv2D(4, 2, 3)],
            ["Conv2D", "Flatten", "Dense"],
        ),
    ],
    ids=lambda x: "-".join(x) if isinstance(x, list) else "",
)
def test_layers_become_these(layers, expected):
    new = lower(model := on(*layers()))
    x = images(model)
    np.testing.assert_allclose(new(x), model(x), rtol=1e-4, atol=1e-5)
    assert kinds(new)[1:] == expected


@pytest.mark.parametrize(
    "layer",
    [
        lambda: K.GroupNormalization(3),
        lambda: K.GroupNormalization(-1, scale=False),
        lambda: K.GroupNormalization(1, center=False, epsilon=0.1),
        lambda: K.LayerNormalization(epsilon=0.1),
        lambda: L.LocalResponseNormalization(4, alpha=0.3),
        lambda: L.LocalResponseNormalization(7, k=1.0, alpha=0.1),
    ],
)
def test_normalisation(layer):
    lowered(on(layer(), K.Conv2D(5, 3, padding="same")))


@pytest.mark.parametrize("kind", [K.Add, K.Multiply, K.Maximum, K.Average])
def test_many_maps_meet_two_at_a_time(kind):
    image = keras.Input((8, 8, 3))
    new = lowered(keras.Model(image, kind(name="meet")([K.Conv2D(4, 3)(image) for _ in range(4)])))
    meets = [layer for layer in new.layers if isinstance(layer, K.Add | K.Multiply | K.Maximum)]
    assert [len(layer.input) for layer in meets] == [2, 2, 2]


@pytest.mark.parametrize(("keys", "bias"), [(None, True), ("own", False)])
def test_attention(keys, bias):
    one, other = keras.Input((5, 8)), keras.Input((7, 8))
    layer = K.MultiHeadAttention(2, 3, value_dim=5, use_bias=bias)
    y = layer(one, other) if keys is None else layer(one, other, K.Dense(8)(other))
    model = keras.Model([one, other], y)
    randomise(model)
    x = [np.random.default_rng(i).normal(size=(2, n, 8)).astype("float32") for i, n in enumerate((5, 7))]
    np.testing.assert_allclose(lower(model)(x), model(x), rtol=1e-4, atol=1e-5)


def test_attention_with_a_mask_is_refused():
    x = keras.Input((5, 8))
    model = keras.Model(x, K.MultiHeadAttention(2, 3, name="look")(x, x, use_causal_mask=True))
    with pytest.raises(ValueError, match="'look' attends in a way that has no simpler form"):
        lower(model)


def test_one_norm_before_several_layers_goes_into_all():
    x = keras.Input((5, 6))
    y = K.LayerNormalization()(x)
    new = lowered(keras.Model(x, K.Add()([K.Dense(4)(y), K.Dense(4)(y)])))
    assert kinds(new).count("DepthwiseConv2D") == 1  # before the length is taken, and none after


@pytest.mark.parametrize(
    ("side", "border", "conv", "merges"),
    [
        (9, 1, lambda: K.Conv2D(4, 3, 2), True),
        (8, 1, lambda: K.Conv2D(4, 3, 2), False),
        (8, ((0, 1), (0, 1)), lambda: K.DepthwiseConv2D(3, 2), True),
        (8, 2, lambda: K.Conv2D(4, 3, dilation_rate=2), True),
        (8, 2, lambda: K.Conv2D(4, 3), False),
        (8, 1, lambda: K.MaxPooling2D(3), False),
    ],
)
def test_padding_goes_into_the_convolution_that_pads_alike(side, border, conv, merges):
    new = lowered(on(K.ZeroPadding2D(border), conv(), shape=(side, side, 3)))
    assert ("ZeroPadding2D" not in kinds(new)) == merges


def test_padding_that_others_see_stays():
    image = keras.Input((9, 9, 3))
    x = K.ZeroPadding2D(1)(image)
    assert "ZeroPadding2D" in kinds(lowered(keras.Model(image, [x, K.Conv2D(4, 3)(x)])))
    assert "ZeroPadding2D" not in kinds(lowered(keras.Model(image, [K.Conv2D(4, 3)(x), K.Conv2D(2, 3)(x)])))


def test_a_layer_that_is_used_twice_is_drawn_twice():
    image = keras.Input((9, 9, 3))
    act, norm = K.Activation("silu", name="act"), K.GroupNormalization(1, name="norm")
    new = lowered(keras.Model(image, norm(act(norm(act(image))))))
    assert {"act", "act_2", "norm", "norm_2"} <= {layer.name for layer in new.layers}


def test_models_inside_models_are_lowered_too():
    inner = on(K.Conv2D(4, 3), K.BatchNormalization(), K.Activation("silu"))
    new = lowered(on(inner, K.GroupNormalization(2), shape=(9, 9, 6)))
    assert kinds(new)[1:4] == ["Conv2D", "Activation", "Multiply"] and "Functional" not in kinds(new)


def test_models_inside_models_become_one_graph():
    """Two levels of them, one of them used twice, with names that are taken and an operation that is no layer."""
    deep = keras.Sequential([keras.Input((9, 9, 4)), K.Conv2D(4, 3, padding="same", name="conv")], name="deep")
    image = keras.Input((9, 9, 6), name="image")
    inner = keras.Model(image, deep(K.BatchNormalization()(K.Conv2D(4, 1, name="conv")(image))) * 2.0, name="inner")
    seen, mirrored = keras.Input((9, 9, 6), name="image"), keras.Input((9, 9, 6), name="mirrored")
    x = K.Add()([inner(seen, training=False), inner(mirrored)])
    model = keras.Model([seen, mirrored], K.Conv2D(3, 3, name="conv")(x), name="outer")
    randomise(model)
    new = inline_models(model)
    pixels = [np.random.default_rng(i).normal(size=(2, 9, 9, 6)).astype("float32") for i in range(2)]
    np.testing.assert_array_equal(new(pixels), model(pixels))
    assert {"conv", "inner-conv", "deep-conv"} <= {layer.name for layer in new.layers}
    assert new.count_params() == model.count_params() and not {id(w) for w in new.weights} & {
        id(w) for w in model.weights
    }
    assert inline_models(new) is new


@pytest.mark.filterwarnings("ignore:.* shares the weights")
def test_layers_of_one_name_in_two_models_become_two_in_one_graph():
    """Layers that cannot be copied are the model's own, which keep their names."""
    inners = [on(K.Conv2D(6, 1, name="conv"), Forgets(factor, weight=True, name="own")) for factor in (2.0, 3.0)]
    for inner, name in zip(inners, ("first", "second"), strict=True):
        inner.name = name
    model = on(*inners, Forgets(4.0, name="own"))
    randomise(model)
    new = inline_models(model)
    np.testing.assert_array_equal(new(images(model)), model(images(model)))
    assert {"own", "first-own", "second-own"} <= {layer.name for layer in new.layers}
    assert [inner.layers[-1].name for inner in inners] == ["own", "own"] and model.layers[-1].name == "own"
    assert new.get_layer("second-own").scale is inners[1].layers[-1].scale
    np.testing.assert_allclose(lower(model)(images(model)), model(images(model)), rtol=1e-5)
    assert inline_models(new) is new


OPERATORS = {
    "sums": lambda x, y: x + y - 1.5 + (1 - y) + np.arange(6, dtype="float32"),
    "products": lambda x, y: -x * y * 0.5 / np.arange(1, 7, dtype="float32"),
    "extremes": lambda x, y: keras.ops.minimum(keras.ops.maximum(x, y), keras.ops.maximum(x, 0.0)),
    "activations": lambda x, y: keras.ops.tanh(keras.ops.sigmoid(x)) + keras.ops.gelu(y, approximate=False),
    "rectifiers": lambda x, y: keras.activations.relu(x, 0.1) + keras.ops.leaky_relu(y, 0.3) + keras.ops.relu6(x),
    "squares": lambda x, y: keras.ops.clip(keras.ops.square(x), 0, 6) + keras.ops.softmax(keras.ops.silu(y)),
    "axes": lambda x, y: keras.ops.expand_dims(keras.ops.transpose(keras.ops.reshape(x, (-1, 81, 6)), (0, 2, 1)), 1),
    "means": lambda x, y: keras.ops.mean(x, axis=(1, 2)) * keras.ops.max(y, axis=(-2, -3)),
    "pools": lambda x, y: keras.ops.average_pool(x, 2, padding="same") + keras.ops.max_pool(y, 3, 2, "same"),
    "pads": lambda x, y: keras.ops.concatenate(
        [keras.ops.pad(each, ((0, 0), (1, 2), (0, 3), (0, 0))) for each in (x, y)], 1
    ),
}


@pytest.mark.parametrize("what", OPERATORS)
def test_operators_become_layers(what):
    image = keras.Input((9, 9, 6))
    x, y = (K.Conv2D(6, 1, name=name)(image) for name in "xy")
    new = lowered(keras.Model(image, OPERATORS[what](x, y)))
    assert [call.operation.name for call in Graph(new).calls if not isinstance(call.operation, K.Layer)] == []


def test_a_lowered_model_saves_and_loads(tmp_path):
    model = TINY["ViT"](classes=3)
    new = lower(model)
    new.save(tmp_path / "lowered.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "lowered.keras")(images(new)), new(images(new)))


def test_tokens_of_any_size_are_normalised_in_integers(tmp_path):
    """Where variances are tensors of their own, that of the small token is 0 next to that of the large."""
    from kerascnn.deploy import export
    from kerascnn.deploy.operators import tflite_operators
    from kerascnn.runtime import open_model

    random = np.random.default_rng(0)
    x = random.normal(size=(64, 3, 1, 16)).astype("float32") * np.array([0.5, 1, 5], "float32")[:, None, None]
    model = on(K.Reshape((3, 16)), K.LayerNormalization(epsilon=1e-5), K.Flatten(), K.Dense(5), shape=(3, 1, 16))
    randomise(model)
    file = tmp_path / "norm.tflite"
    assert export(model, file, "tflite-int8", calibration=x).error < 0.1
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(tflite_operators(file)) and "L2_NORMALIZATION" in tflite_operators(file)
    assert np.abs(open_model(file)(x)["scores"] - model(x).numpy()).max() < 0.5


@pytest.mark.parametrize("family", ["ShuffleNet", "BiT", "ViT"])
def test_mobile_runtimes_hold_it_in_four_axes_and_builtin_operators(family, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    from kerascnn.deploy import TARGETS
    from kerascnn.deploy.request import ExportRequest

    TARGETS["tflite"].write(ExportRequest(model=lower(TINY[family](classes=3))), tmp_path / "lowered.tflite")
    interpreter = Interpreter(str(tmp_path / "lowered.tflite"))
    assert max(len(tensor["shape"]) for tensor in interpreter.get_tensor_details()) <= 4


FIRST = {"data_format": "channels_first"}
IN_FRONT = {  # channels before height and width
    "separable": lambda: (K.SeparableConv2D(4, 3, activation="silu", **FIRST),),
    "enlarged": lambda: (K.UpSampling2D(2, **FIRST), K.Conv2D(4, 3, **FIRST)),
    "padded": lambda: (K.ZeroPadding2D(((1, 1), (1, 1)), **FIRST), K.Conv2D(4, 3)),
    "normalised": lambda: (K.Conv2D(4, 3, **FIRST), K.BatchNormalization(axis=1), K.GlobalAveragePooling2D(**FIRST)),
}


@pytest.mark.parametrize("what", IN_FRONT)
def test_channels_in_front_stay_there(what):
    model = on(*IN_FRONT[what](), shape=(6, 9, 9))
    randomise(model)
    assert_equal(np.asarray(lower(model)(images(model))), np.asarray(model(images(model))))


def test_bytes_are_numbers_once_they_are_scaled():
    image = keras.Input((9, 9, 3), dtype="uint8")
    model = keras.Model(image, K.Conv2D(4, 3)(K.Rescaling(1 / 255, -0.5)(image)))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3)).astype("uint8")
    assert_equal(np.asarray(lower(model)(pixels)), np.asarray(model(pixels)))


def test_operators_layers_of_ones_own_and_dictionaries_stay():
    image = keras.Input((9, 9, 3))
    y = K.Lambda(lambda x: x + 1)(K.SeparableConv2D(4, 3, activation="silu")(image))
    y = keras.ops.pad(y[:, 1:] + y[:, :-1], [[0, 0], [1, 1], [0, 0], [0, 0]])
    model = keras.Model(image, {"map": y, "class": keras.ops.argmax(K.Flatten()(y), -1)})
    found, wanted = (each(images(model)) for each in (lower(model), model))
    assert_equal(np.asarray(found["map"]), np.asarray(wanted["map"]))
    np.testing.assert_array_equal(found["class"], wanted["class"])


def test_what_keras_has_quantised_stays():
    model = on(K.Flatten(), K.Dense(8, activation="silu"), K.Dense(3))
    model.quantize("int8")
    new = lower(model)
    assert [layer.quantization_mode for layer in new.layers if isinstance(layer, K.Dense)] == ["int8", "int8"]
    assert_equal(np.asarray(new(images(model))), np.asarray(model(images(model))))
