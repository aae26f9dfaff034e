"""Folding changes no output, only the number of layers."""

import keras
import numpy as np
import pytest
from keras import layers as L
from parity import assert_equal, images, randomise
from test_conformance import TINY

import kerascnn
from kerascnn.graph.fold import OUTPUTS, fold_batch_norm
from kerascnn.graph.rewrite import in_float32


def norms(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers if isinstance(layer, L.BatchNormalization)]


def folded(model: keras.Model) -> keras.Model:
    """``model`` folded, after proof that both compute the same and the model is as it was."""
    randomise(model)
    x, weights, names = images(model), model.get_weights(), [layer.name for layer in model.layers]
    expected = model(x)
    new = fold_batch_norm(model)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [layer.name for layer in model.layers] == names
    gone = set(names) - {layer.name for layer in new.layers}
    assert len(names) == len(new.layers) + len(gone) and gone <= set(norms(model))
    assert new.name == model.name and not {id(w) for w in new.weights} & {id(w) for w in model.weights}
    for a, b in zip(*(keras.tree.flatten(y) for y in (new(x), expected)), strict=True):
        assert_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))
    return new


def on(*layers, shape=(9, 9, 6)) -> keras.Model:
    image = keras.Input(shape)
    x = image
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


@pytest.mark.sharded
@pytest.mark.parametrize("family", TINY)
def test_every_family_computes_the_same(family):
    new = folded(TINY[family](classes=7, classifier_activation=None))
    left = {layer.name: layer for layer in new.layers if layer.name in norms(new)}
    for bn in left.values():  # what it stands on is no convolution of its own
        source = bn.input._keras_history.operation
        assert type(source) not in OUTPUTS or len(source._outbound_nodes) > 1, bn.name


@pytest.mark.parametrize("family", ["ResNet", "MobileNetV2Family", "EfficientNet"])
def test_nothing_is_left_of_batch_norm_that_follows_convolutions(family):
    assert norms(folded(TINY[family](classes=7))) == []


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.Conv2D(8, 3, padding="same", use_bias=False),
        lambda: L.Conv2D(8, 3, strides=2, groups=2),
        lambda: L.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
        lambda: L.Dense(5),
    ],
    ids=["conv", "grouped", "depthwise", "dense"],
)
@pytest.mark.parametrize("bn", [{}, {"scale": False}, {"center": False, "epsilon": 0.1}], ids=str)
def test_a_batch_norm_after(layer, bn):
    assert norms(folded(on(layer(), L.BatchNormalization(**bn)))) == []


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.Conv2D(8, 1, padding="same", use_bias=False),
        lambda: L.Conv2D(8, 3, strides=2, groups=2, activation="relu"),
        lambda: L.Conv2D(9, 1, groups=3),
        lambda: L.DepthwiseConv2D(3, depth_multiplier=2),
        lambda: L.Dense(5, activation="tanh"),
    ],
    ids=["1x1", "valid", "grouped", "depthwise", "dense"],
)
def test_a_batch_norm_before(layer):
    assert norms(folded(on(L.BatchNormalization(), layer()))) == []


def test_one_on_each_side():
    assert norms(folded(on(L.BatchNormalization(), L.Conv2D(4, 3, groups=2), L.BatchNormalization()))) == []


@pytest.mark.parametrize(
    "layers",
    [
        lambda: (L.Conv2D(8, 3, activation="tanh"), L.BatchNormalization()),
        lambda: (L.BatchNormalization(), L.Conv2D(8, 3, padding="same")),
        lambda: (L.BatchNormalization(), L.ZeroPadding2D(1), L.Conv2D(8, 3)),
        lambda: (L.Conv2D(8, 3), L.BatchNormalization(axis=1)),
        lambda: (L.Conv2D(8, 3), L.Activation("tanh"), L.BatchNormalization()),
        lambda: (L.Conv2DTranspose(8, 3), L.BatchNormalization()),
    ],
    ids=["activation", "padding", "padding_layer", "another_axis", "activation_between", "no_rule"],
)
def test_what_must_stay(layers):
    assert len(norms(folded(on(*layers())))) == 1


def test_an_output_that_others_see_stays():
    image = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3)(image)
    assert len(norms(folded(keras.Model(image, L.Add()([x, L.BatchNormalization()(x)]))))) == 1
    assert len(norms(folded(keras.Model(image, [x, L.BatchNormalization()(x)])))) == 1
    y = L.BatchNormalization()(image)
    assert len(norms(folded(keras.Model(image, [y, L.Conv2D(4, 3)(y)])))) == 1


def test_a_layer_that_is_used_twice_stays():
    image = keras.Input((8, 8, 3))
    conv, bn = L.Conv2D(3, 3, padding="same"), L.BatchNormalization()
    assert len(norms(folded(keras.Model(image, L.BatchNormalization()(conv(conv(image))))))) == 1
    one, two = L.Conv2D(3, 3)(image), L.Conv2D(3, 3)(image)
    assert len(norms(folded(keras.Model(image, L.Add()([bn(one), bn(two)]))))) == 1


def test_a_batch_norm_that_always_trains_stays():
    image = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3)(image)
    assert norms(fold_batch_norm(keras.Model(image, L.BatchNormalization(name="bn")(x, training=True)))) == ["bn"]


def test_models_inside_models_are_folded_and_kept():
    inner = on(L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU())
    stack = keras.Sequential([keras.Input((5, 5, 4)), L.Conv2D(5, 3), L.BatchNormalization()], name="stack")
    model = on(inner, L.MaxPooling2D(2, 1), L.Conv2D(4, 2), stack, L.GlobalAveragePooling2D(), L.Dense(3))
    new = folded(model)
    assert len(new.weights) == 8 and new.get_layer("stack").count_params() == 3 * 3 * 4 * 5 + 5
    assert not any("moving_mean" in w.path for w in new.weights)


def test_a_folded_model_saves_and_loads(tmp_path):
    new = kerascnn.fold_batch_norm(TINY["ResNet"](classes=3))
    new.save(tmp_path / "folded.keras")
    again = keras.models.load_model(tmp_path / "folded.keras")
    np.testing.assert_array_equal(new(images(new)), again(images(new)))


def test_a_model_without_a_graph_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="no graph of layers"):
        fold_batch_norm(Own())


# Layers of a user's own


class Forgets(L.Layer):
    """Its configuration lacks the factor; with ``weight`` it has one to train too."""

    def __init__(self, factor=1.0, weight=False, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.weight = factor, weight

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="scale") if self.weight else 1.0

    def call(self, x):
        return x * self.factor * self.scale

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return super().get_config() | {"weight": self.weight}


class Nameless(L.Layer):
    """Its configuration lacks even the name, and its weights are all that there is to it."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="scale")

    def call(self, x):
        return x * self.scale

    def get_config(self):
        return {}


class Doubled(L.Conv2D):
    def call(self, inputs):
        return 2 * super().call(inputs) + 1


class Shifted(L.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training) + 5


OWN = {
    "forgotten argument": (lambda: Forgets(3.0), 0),
    "Lambda": (lambda: L.Lambda(lambda x: 2 * x + 1), 0),
    "lambda inside": (lambda: L.Conv2D(6, 1, activation=lambda x: x * keras.ops.sigmoid(x)), 0),
    "no name": (Nameless, 0),
    "convolution": (lambda: Doubled(4, 3), 0),
    "batch norm": (Shifted, 1),
    "inside a layer of Keras'": (lambda: L.TimeDistributed(Forgets(3.0)), 0),
}


@pytest.mark.parametrize("what", OWN)
def test_layers_of_ones_own_compute_what_they_did(what):
    make, left = OWN[what]
    new = folded(on(L.Conv2D(6, 1), make(), L.Conv2D(4, 1), L.BatchNormalization()))
    assert len(norms(new)) == left


def test_weights_that_cannot_be_copied_are_shared_and_it_says_so():
    model = on(L.Conv2D(6, 1), Forgets(3.0, weight=True, name="own"))
    randomise(model)
    with pytest.warns(UserWarning, match="shares the weights of 'own' with the model"):
        new = fold_batch_norm(model)
    assert new.get_layer("own") is model.get_layer("own") and new.layers[1] is not model.layers[1]
    np.testing.assert_allclose(new(images(model)), model(images(model)), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.* shares the weights")
def test_layers_that_cannot_be_copied_compute_in_float32_too():
    image = keras.Input((9, 9, 6), name="image")
    own = Forgets(1 / 3, weight=True, dtype="mixed_bfloat16", name="own")
    conv = L.Conv2D(6, 1, dtype="mixed_bfloat16", name="conv")
    model = keras.Model(image, keras.Model(image, own(image), name="inner")(conv(image)))
    randomise(model)
    kernel, bias, scale = (np.asarray(weight) for weight in model.weights)
    new = in_float32(model)
    expected = (images(model) @ kernel[0, 0] + bias) / 3 * scale
    np.testing.assert_allclose(new(images(model)), expected, rtol=1e-5, atol=1e-6)
    assert own.compute_dtype == "bfloat16" and in_float32(new) is new
    assert new.weights[-1] is own.scale, "shared, not copied"


def test_what_stays_in_half_precision_inside_a_layer_is_named():
    inside = Forgets(3.0, dtype="mixed_bfloat16", name="inside")
    with pytest.warns(UserWarning, match="still computes 'inside' in bfloat16: the get_config"):
        in_float32(on(L.TimeDistributed(inside)))


def test_an_adapter_becomes_a_part_of_its_kernel():
    model = on(L.Flatten(), L.Dense(8, name="dense"), L.BatchNormalization())
    model.get_layer("dense").enable_lora(2)
    new = fold_batch_norm(randomise(model) or model)
    assert [tuple(w.shape) for w in new.weights] == [(486, 8), (8,)]
    assert_equal(np.asarray(new(images(model))), np.asarray(model(images(model))))


def test_what_computes_something_else_is_refused():
    conv = L.Conv2D(6, 1, name="bent")
    conv.call = lambda x: -L.Conv2D.call(conv, x)
    with pytest.raises(ValueError, match="drawn in other layers computes something else"):
        fold_batch_norm(on(conv, L.BatchNormalization()))


def test_custom_training_and_channels_first_are_no_obstacle():
    first = {"data_format": "channels_first"}
    model = on(L.Conv2D(6, 3, **first), L.BatchNormalization(axis=1), L.Conv2D(4, 1), L.BatchNormalization())
    model.compile(type("Mine", (keras.optimizers.SGD,), {})(), loss=lambda y, p: keras.ops.mean(p))
    assert len(norms(folded(model))) == 1
