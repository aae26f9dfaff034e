"""Receptive fields, against the gradient of one output pixel: what it does not see has none."""

from fractions import Fraction
from math import inf

import keras
import numpy as np
import pytest
from keras import layers as L
from test_conformance import TINY

import kerascnn
from kerascnn.catalogue import find
from kerascnn.graph.receptive_field import ReceptiveField, receptive_field, receptive_fields
from kerascnn.layers import ResizeLike


class Blind(L.Layer):
    """A layer that lets no gradient through: whoever stands behind a global pool does not see the image."""

    def __init__(self, layer):
        super().__init__(name=layer.name)
        self.layer = layer

    def call(self, x):
        return keras.ops.stop_gradient(self.layer(x))


def transparent(layer):
    """The layer, made so that a gradient reaches all that its output depends on, and nothing beyond a global pool."""
    config = layer.get_config()
    if isinstance(layer, L.MaxPooling2D):
        return L.AveragePooling2D.from_config(config)
    if isinstance(layer, L.GroupNormalization | L.LayerNormalization):  # the sum of its channels has no gradient
        return L.Activation("linear", name=layer.name)
    if "activation" in config:
        config["activation"] = "linear"
    same = layer.__class__.from_config(config)
    return Blind(same) if layer.__class__.__name__.startswith("Global") else same


def seen(model: keras.Model, name: str, clone=transparent) -> tuple[tuple, tuple[int, int]]:
    """First row, end, first column and end of what the centre pixel of a map sees by its gradient, and its place."""
    tf = pytest.importorskip("tensorflow")
    copy = keras.models.clone_model(keras.Model(model.input, model.get_layer(name).output), clone_function=clone)
    random = np.random.default_rng(0)
    for w in copy.weights:
        if len(w.shape) > 1:
            fan_in = np.prod(w.shape[:2]) if "depthwise" in w.path else np.prod(w.shape[:-1])
            w.assign(random.uniform(0.5, 1.5, w.shape) / fan_in)
        elif w.path.endswith("gamma"):
            w.assign(np.ones(w.shape))
    x = tf.constant(random.uniform(0.5, 1, (1, *model.input_shape[1:])), "float32")
    row, column = (side // 2 for side in copy.output_shape[1:3])

    @tf.function  # leaves out the kernels' gradients, on which TensorFlow's oneDNN crashes for some strides
    def gradient_of(x):
        return tf.gradients(tf.reduce_sum(copy(x)[:, row, column]), x)[0]

    gradient = np.abs(gradient_of(x)[0]).sum(-1)
    rows, columns = (np.flatnonzero(gradient.any(axis)) for axis in (1, 0))
    return (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1), (row, column)


def window(field: ReceptiveField, place: tuple[int, int]) -> tuple:
    """Where the window of the pixel at ``place`` begins and ends."""
    both = [x if isinstance(x, tuple) else (x, x) for x in (field.size, field.stride, field.start)]
    first = [start + stride * i for _, stride, start, i in zip(*both, place, strict=True)]
    return first[0], first[0] + both[0][0], first[1], first[1] + both[0][1]


def assert_seen(model: keras.Model, name: str) -> None:
    gradient, place = seen(model, name)
    assert gradient == window(receptive_field(model, name), place), name


def on(*layers, shape=(48, 48, 2)) -> keras.Model:
    image = keras.Input(shape)
    x = image
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [L.Conv2D(2, 3, 2, "same"), L.MaxPooling2D(3, 2, "same"), L.DepthwiseConv2D(5, padding="same")],
        lambda: [L.Conv2D(2, 3, dilation_rate=2), L.AveragePooling2D(2), L.SeparableConv2D(2, 3, padding="same")],
        lambda: [L.ZeroPadding2D(((1, 2), (3, 0))), L.Conv2D(2, (7, 3), (2, 1)), L.Cropping2D(2), L.Conv2D(2, 2)],
        lambda: [L.Conv2D(2, 4, 3, "same"), L.BatchNormalization(), L.ReLU(), L.Dense(3), L.Conv2D(2, 1, 2)],
        lambda: [L.Conv2D(2, 3, 4), L.UpSampling2D(4)],
        lambda: [L.Conv2D(2, 3, 4, "same"), L.UpSampling2D(2, interpolation="bilinear"), L.Conv2D(2, 3, 4, "same")],
        lambda: [L.MaxPooling2D(4), L.Conv2DTranspose(2, 4, 2, "same"), L.Conv2DTranspose(2, 3, 2)],
    ],
)
def test_the_window_of_a_chain_is_where_the_gradient_is(layers):
    model = on(*layers())
    phases = receptive_field(model, model.layers[-1].name)
    gradient, place = seen(model, model.layers[-1].name)
    if isinstance(model.layers[-1], L.UpSampling2D | L.Conv2DTranspose):  # neighbours see alike: only the size is one
        assert max(gradient[1] - gradient[0], gradient[3] - gradient[2]) <= phases.size
        return
    assert gradient == window(phases, place)


def test_an_enlarged_map_sees_what_its_widest_pixel_sees():
    pooled = on(L.AveragePooling2D(4), L.Conv2D(2, 3, padding="same"), L.UpSampling2D(4))
    assert receptive_field(pooled, pooled.layers[-1].name) == ReceptiveField(12, 1, -4)
    again = on(L.AveragePooling2D(4), L.UpSampling2D(4), L.Conv2D(2, 3, padding="same"))
    assert receptive_field(again, again.layers[-1].name) == ReceptiveField(8, 1, -4)
    smooth = on(L.AveragePooling2D(4), L.UpSampling2D(4, interpolation="bilinear"))
    assert receptive_field(smooth, smooth.layers[-1].name).size == 8
    image = keras.Input((48, 48, 2))
    maps = [L.AveragePooling2D(4)(image), L.ZeroPadding2D(3)(image)]  # 12 pixels, enlarged to 54
    resized = keras.Model(image, ResizeLike(name="resized")(maps))
    assert receptive_field(resized, "resized") == ReceptiveField(8, Fraction(48, 54), -4)
    split = on(L.AveragePooling2D(3), L.Conv2DTranspose(2, 2, 2))
    assert str(receptive_field(split, split.layers[-1].name).stride) == "3/2"


def test_branches_are_covered_by_one_window():
    image = keras.Input((40, 40, 2))
    wide = L.Conv2D(2, (1, 7), padding="same", name="wide")(image)
    deep = L.Conv2D(2, 3, padding="same")(L.Conv2D(2, (5, 1), padding="same")(image))
    model = keras.Model(image, L.Concatenate(name="both")([wide, deep, image]))
    assert receptive_field(model, "wide") == ReceptiveField((1, 7), 1, (0, -3))
    assert receptive_field(model, "both") == ReceptiveField(7, 1, -3)
    assert_seen(model, "both")


def test_a_gate_is_context_and_what_is_pooled_sees_everything():
    image = keras.Input((40, 40, 2))
    x = L.Conv2D(2, 3, name="conv")(image)
    pooled = L.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    gated = L.Multiply(name="gated")([x, L.Conv2D(2, 1, name="gate")(pooled)])
    model = keras.Model(image, L.Dense(3, name="head")(L.Flatten()(L.Conv2D(2, 3, name="after")(gated))))
    fields = receptive_fields(model)
    assert fields["conv"] == ReceptiveField(3, 1, 0)
    assert fields["gated"] == ReceptiveField(3, 1, 0, context=True)
    assert fields["after"] == ReceptiveField(5, 1, 0, context=True) == receptive_field(model)
    assert {fields[name] for name in ("pool", "gate", "head")} == {ReceptiveField(inf, inf, -inf, context=True)}
    assert_seen(model, "after")
    everything, _ = seen(model, "after", clone=lambda layer: layer.__class__.from_config(layer.get_config()))
    assert everything == (0, 40, 0, 40)


def test_models_inside_models_and_layers_used_twice():
    conv = L.Conv2D(2, 3, name="twice", padding="same")
    inner = on(conv, conv, shape=(None, None, 2))
    model = on(L.MaxPooling2D(2), inner, L.Conv2D(2, 3))
    assert receptive_field(model).size == 2 + 3 * 2 * 2
    assert receptive_field(inner, "twice", size=20).size == 5


def test_a_layer_that_keras_lacks_says_its_window():
    class Sum(L.Layer):
        window = (3, 2, "valid")

        def call(self, x):
            return keras.ops.average_pool(x, 3, 2, "valid")

    model = on(L.Conv2D(2, 3), Sum(name="sum"))
    assert receptive_field(model, "sum") == ReceptiveField(5, 2, 0)


def test_what_has_no_answer_is_said():
    model = on(L.Conv2D(2, 3), L.Resizing(20, 20, name="resize"))
    with pytest.raises(ValueError, match="no rule for the receptive field of Resizing 'resize'"):
        receptive_field(model)
    with pytest.raises(ValueError, match="has no layer 'conv9'"):
        receptive_field(on(L.Conv2D(2, 3)), "conv9")


# size and stride that Araujo, Norris & Sim 2019 list for TF-Slim's networks, and ours in few channels
PUBLISHED = {
    "vgg16": (212, 32, {"widths": (2,) * 5, "hidden": 2}),
    "resnet50": (483, 32, {"width": 4}),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(name):
    size, stride, thin = PUBLISHED[name]
    row = find(name)
    field = receptive_field(row(include_top=False, input_shape=(224, 224, 3)))
    assert (field.size, field.stride) == (size, stride)
    model = row.replace(**thin)(include_top=False, input_shape=(640, 640, 3))
    last = model.layers[-1].name
    assert receptive_field(model, last) == field
    assert_seen(model, last)


def test_at_the_front_door():
    assert kerascnn.receptive_field(kerascnn.build("resnet18")).size == 435


@pytest.mark.sharded
@pytest.mark.parametrize("family", TINY)
def test_every_family_sees_where_its_gradient_is(family):
    row = TINY[family]
    trunk = row(include_top=False, input_shape=(row.size, row.size, row.channels))
    size = np.max(receptive_field(trunk).size)
    side = 64 * -(-int(size + 96) // 64)
    model = row(include_top=False, input_shape=(side, side, row.channels))
    fields = receptive_fields(model)
    last = [name for name, field in fields.items() if field.size != inf][-1]
    assert_seen(model, last)
