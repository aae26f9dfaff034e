"""Edge-safe models: nothing unmapped in its int8 file, and the same outputs wherever it says so."""

import keras
import numpy as np
import pytest
from keras import layers as K
from parity import images, randomise
from test_conformance import TINY

import kerascnn
from kerascnn import layers as L
from kerascnn.applications import EfficientNetB0, EfficientNetLite0
from kerascnn.deploy import TARGETS
from kerascnn.deploy.delegates import check_delegates
from kerascnn.deploy.images import noise
from kerascnn.deploy.request import ExportRequest
from kerascnn.graph.edge import edge_safe
from kerascnn.graph.graph import Graph
from kerascnn.runtime import quiet

STILL_UNMAPPED = {  # what there is no sound replacement for
    "ViT": "BATCH_MATMUL",
    "BiT": "RSQRT",  # group normalisation
}
SAFE = ("linear", "relu", "relu6", "sigmoid", "tanh", "softmax")


def unmapped(model: keras.Model, path) -> dict[str, int]:
    with quiet():
        images = noise(tuple(model.input_shape[1:]))[:6]
        TARGETS["tflite-int8"].write(ExportRequest(model=model, images=images, types=("int8", "int8")), path)
    (report,) = check_delegates(path, ["edgetpu"])
    return report.unmapped


@pytest.mark.sharded
@pytest.mark.parametrize("family", TINY)
def test_every_family_is_mapped_whole(family, tmp_path):
    model = TINY[family](classes=7)
    randomise(model)
    safe = edge_safe(model)
    left = unmapped(safe.model, tmp_path / "net.tflite")
    assert STILL_UNMAPPED[family] in left if family in STILL_UNMAPPED else left == {}

    changed = {change.layer for change in safe.changes}
    there = {layer.name: layer for layer in safe.model.layers}
    for layer in model.layers:
        if layer.name in changed or layer.name in safe.dropped:
            continue
        for ours, theirs in zip(there[layer.name].weights, layer.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=layer.name)
    assert set(safe.dropped).isdisjoint(there) and changed <= {layer.name for layer in model.layers}
    if safe.exact:
        x = images(model)
        np.testing.assert_allclose(safe.model(x), model(x), rtol=1e-4, atol=1e-5)
    else:
        assert {"left out", "relu6", "sigmoid"} & {change.now for change in safe.changes}


def small(*layers, shape=(8, 8, 12)) -> keras.Model:
    image = x = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    model = keras.Model(image, x)
    randomise(model)
    return model


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [L.ChannelShuffle(3, name="it")],
        lambda: [L.SelectChannels(5, name="it")],
        lambda: [K.GlobalAveragePooling2D(), L.SelectChannels(5, name="it")],
        lambda: [K.Conv2D(8, 3, groups=4, padding="same", activation="relu", name="it")],
        lambda: [K.Conv2D(24, 3, 2, groups=12, use_bias=False, name="it")],
        lambda: [K.Dense(5, activation="relu", name="it")],
        lambda: [K.SeparableConv2D(6, 3, name="it")],
    ],
)
def test_what_is_exact(layers):
    model = small(*layers())
    safe = edge_safe(model)
    assert [change.layer for change in safe.changes] == ["it"] and safe.exact
    x = np.random.default_rng(0).normal(size=(3, *model.input_shape[1:])).astype("float32")
    np.testing.assert_allclose(safe.model(x), model(x), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(layer, L.ChannelShuffle | L.SelectChannels) for layer in safe.model.layers)
    assert all(getattr(layer, "groups", 1) == 1 for layer in safe.model.layers)


@pytest.mark.parametrize("activation", ["silu", "hard_silu", "gelu", "elu", "selu", "mish", "softplus", "leaky_relu"])
def test_activations_become_relu6_wherever_they_stand(activation):
    model = small(K.Conv2D(4, 1, activation=activation, name="inside"), K.Activation(activation, name="alone"))
    safe = edge_safe(model)
    assert [(change.layer, change.now) for change in safe.changes] == [("inside", "relu6"), ("alone", "relu6")]
    assert all(layer.activation is keras.activations.relu6 for layer in safe.model.layers[1:])
    np.testing.assert_array_equal(safe.model.get_layer("inside").kernel, model.get_layer("inside").kernel)
    with pytest.raises(AssertionError):
        x = 5 * np.random.default_rng(0).normal(size=(3, 8, 8, 12)).astype("float32")
        np.testing.assert_allclose(safe.model(x), model(x), atol=1e-3)


def test_gates_go_and_other_products_stay():
    image = keras.Input((8, 8, 12))
    gate = K.GlobalAveragePooling2D(keepdims=True, name="squeeze")(image)
    gate = K.Conv2D(3, 1, activation="silu", name="waist")(gate)
    gate = K.Conv2D(12, 1, activation="hard_sigmoid", name="excite")(gate)
    x = K.Multiply(name="gated")([gate, image])  # either order
    way = K.Conv2D(12, 3, padding="same", activation="hard_sigmoid", name="way")(x)
    model = keras.Model(image, K.Multiply(name="highway")([x, way]))
    safe = edge_safe(model)
    assert set(safe.dropped) == {"squeeze", "waist", "excite", "gated"}
    assert [(c.layer, c.now) for c in safe.changes] == [("gated", "left out"), ("way", "sigmoid")]
    assert len(Graph(safe.model).calls) == 3
    assert safe.before.macs - safe.after.macs == 2 * 12 * 3
    assert safe.before.parameters - safe.after.parameters == 2 * 12 * 3 + 12 + 3


def test_efficientnet_b0_becomes_lite0():
    """What its authors left out of it, by their own count."""
    safe, lite = edge_safe(EfficientNetB0()), kerascnn.cost(EfficientNetLite0())
    assert (safe.after.trainable, safe.after.macs) == (lite.trainable, lite.macs)
    assert safe.before.trainable > safe.after.trainable == 4_652_008


def test_what_is_safe_is_left_alone():
    model = small(K.Conv2D(4, 3, activation="relu6"), K.ReLU(6.0), K.ReLU(), K.Activation("tanh"), K.Dense(3))
    assert [type(layer) for layer in edge_safe(small(K.Conv2D(4, 3), K.ReLU(6.0))).model.layers] == [
        K.InputLayer,
        K.Conv2D,
        K.ReLU,
    ]
    assert [change.was for change in edge_safe(model).changes] == ["dense layer on a map"]


def test_an_edge_safe_model_is_trained_on_and_saved(tmp_path):
    model = TINY["ShuffleNetV2"](classes=3)
    safe = edge_safe(model).model
    shuffles = [layer for layer in safe.layers if layer.name.endswith("shuffle")]
    before = [layer.get_weights()[0].copy() for layer in shuffles]
    safe.compile("sgd", "sparse_categorical_crossentropy")
    x = images(safe)
    loss = safe.evaluate(x, np.arange(len(x)) % 3, verbose=0)
    safe.fit(x, np.arange(len(x)) % 3, epochs=5, verbose=0)
    assert np.isfinite(loss) and shuffles
    for layer, kernel in zip(shuffles, before, strict=True):
        np.testing.assert_array_equal(layer.get_weights()[0], kernel)
    safe.save(tmp_path / "safe.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "safe.keras")(x), safe(x))


def test_what_is_refused():
    with pytest.raises(ValueError, match="any size"):
        edge_safe(kerascnn.build("mobilenet_v2_035", input_shape=(None, None, 3), classes=2))

    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="is no graph of layers"):
        edge_safe(Own())


class Scaled(K.Layer):
    """An activation attribute and a factor that its configuration lacks."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.activation = factor, keras.activations.gelu

    def call(self, x):
        return self.activation(x) * self.factor

    def get_config(self):
        return super().get_config()


def test_layers_that_are_not_known_are_left_as_they_are():
    model = small(K.Conv2D(4, 3), Scaled(3.0, name="own"), K.Conv2D(4, 1, groups=2))
    randomise(model)
    safe = edge_safe(model)
    assert safe.exact and [change.now for change in safe.changes] == ["one group with zeros"]
    assert safe.model.get_layer("own") is model.get_layer("own")
    np.testing.assert_allclose(safe.model(images(model)), model(images(model)), rtol=1e-5, atol=1e-6)


def test_what_is_called_exact_is_tried():
    conv = K.Conv2D(4, 1, groups=2)
    conv.call = lambda x: -K.Conv2D.call(conv, x)
    with pytest.raises(ValueError, match="drawn in other layers computes something else"):
        edge_safe(small(conv))
