"""A model and its copy in tf_keras compute the same, and the Keras of the process stays what it is."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as L
from parity import assert_equal, images, randomise
from test_conformance import TINY

pytest.importorskip("with_toolkit", exc_type=ImportError)
from kerascnn.compression.legacy_copy import legacy_copy, weights_back
from kerascnn.graph.graph import Graph

ROOT = Path(__file__).parents[1]


def copied(model: keras.Model):
    """The tf_keras copy of ``model``, after proof that both compute the same and name their layers alike."""
    randomise(model)
    x = images(model)
    other = legacy_copy(model)
    theirs = keras.tree.flatten(other(x, training=False))
    for a, b in zip(theirs, keras.tree.flatten(model(x, training=False)), strict=True):
        assert_equal(np.asarray(a), keras.ops.convert_to_numpy(b))
    assert other.name == model.name
    assert {layer.name for layer in other.layers} == {call.operation.name for call in Graph(model).calls}
    return other


@pytest.mark.sharded
@pytest.mark.parametrize("family", TINY)
def test_every_family_has_a_legacy_copy(family):
    row = TINY[family]
    model, fresh = (row(classes=7, classifier_activation=None) for _ in range(2))
    weights_back(copied(model), fresh)
    for a, b in zip(model.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def on(*layers, shape=(8, 8, 6)) -> keras.Model:
    image = keras.Input(shape)
    x = image
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0"])
def test_networks_of_others_have_a_legacy_copy(name):
    model = getattr(keras.applications, name)(weights=None, input_shape=(32, 32, 3), classifier_activation=None)
    copied(model)


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling")
@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.BatchNormalization(epsilon=1e-7),  # smaller than a fused one takes
        lambda: L.BatchNormalization(axis=1),
        lambda: L.Conv2D(8, 3, groups=2, strides=2, dilation_rate=1, activation="leaky_relu"),
        lambda: L.Conv2DTranspose(5, 3, strides=2, padding="same"),
        lambda: L.Dense(4, kernel_regularizer="l2", kernel_constraint="max_norm"),
        lambda: L.DepthwiseConv2D(3, depth_multiplier=2, activation="hard_silu"),
        lambda: L.GroupNormalization(3),
        lambda: L.LayerNormalization(),
        lambda: L.LayerNormalization(rms_scaling=True),  # which Keras 2 lacks
        lambda: L.LeakyReLU(0.3),
        lambda: L.PReLU(),
        lambda: L.ReLU(6.0, 0.1),
        lambda: L.SeparableConv2D(7, 3, padding="same"),
        lambda: L.UpSampling2D(2, interpolation="bilinear"),
        lambda: L.Activation("hard_sigmoid"),
    ],
)
def test_layers(layer):
    copied(on(layer(), L.Conv2D(4, 1)))


def test_operations_of_a_graph():
    image = keras.Input((8, 8, 6))
    x = keras.ops.relu(0.5 - image) * L.Conv2D(6, 1)(image)
    x = keras.ops.concatenate([x, image[:, ::2].__add__(1.0), keras.ops.mean(x, axis=(1, 2), keepdims=True)[:, :4]][:1])
    other = copied(keras.Model(image, [x, keras.ops.max(x, axis=-1)]))
    assert [tuple(y.shape) for y in other.outputs] == [(None, 8, 8, 6), (None, 8, 8)]


def test_layers_that_are_used_twice_share_their_weights():
    image = keras.Input((8, 8, 6))
    conv, norm = L.Conv2D(6, 3, padding="same"), L.GroupNormalization(2)
    other = copied(keras.Model(image, norm(conv(norm(conv(image))))))
    assert len(other.trainable_weights) == 4


def test_a_keras_3_layer_that_is_called_in_two_ways_is_refused():
    image, norm = keras.Input((8, 8, 6)), L.Dropout(0.5)
    noise = L.GaussianNoise(0.1, name="noise")
    model = keras.Model(image, norm(noise(noise(image, training=True))))
    with pytest.raises(ValueError, match="'noise' is called twice"):
        legacy_copy(model)


def test_models_inside_models_and_sequential_ones():
    inner = on(L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU())
    stack = keras.Sequential([keras.Input((6, 6, 4)), L.Conv2D(5, 3), L.GroupNormalization(5)], name="stack")
    model = on(inner, stack, L.GlobalAveragePooling2D(), L.Dense(3))
    other = copied(model)
    other.get_layer("stack").layers[1].bias.assign([9.0] * 5)
    weights_back(other, model)
    np.testing.assert_array_equal(model.get_layer("stack").layers[0].bias, [9.0] * 5)
    copied(keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3), L.Flatten(), L.Dense(3)], name="row"))


def test_a_network_of_mixed_precision_has_a_float32_legacy_copy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = TINY["BiT"](classes=7)
    finally:
        keras.config.set_dtype_policy("float32")
    other = legacy_copy(model)
    assert all(layer.compute_dtype == "float32" for layer in other.layers)
    assert {layer.compute_dtype for layer in model.layers} > {"bfloat16"}
    np.testing.assert_allclose(other(images(model)), model(images(model)), atol=0.05)


def test_keras_3_layers_train_and_leaves_its_model_alone():
    model = TINY["BiT"](classes=3)
    before, x = model.get_weights(), images(model, 12)
    other = legacy_copy(model)
    other.compile("sgd", "sparse_categorical_crossentropy")
    losses = other.fit(x, np.arange(12) % 3, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    weights_back(other, model)
    changed = [w.path for w, old in zip(model.weights, before, strict=True) if np.any(np.asarray(w) != old)]
    assert {w.path for w in model.trainable_weights} == set(changed)
    np.testing.assert_allclose(model(x), other(x), rtol=1e-4, atol=1e-6)


def test_drop_path_draws_again_in_every_step():
    model = TINY["FractalNet"](classes=3)
    other, x = legacy_copy(model), images(model, 1)
    assert len({float(np.sum(other(x, training=True) ** 2)) for _ in range(6)}) > 2


def test_activations_go_through_a_configuration():
    import tf_keras

    for name in ("hard_silu", "hard_sigmoid", "relu6", "silu"):
        model = on(L.Activation(name, name="act"))
        layer = legacy_copy(model).get_layer("act")
        again, x = tf_keras.layers.Activation.from_config(layer.get_config()), 4 * images(model)
        np.testing.assert_allclose(again(x), model(x), rtol=1e-5, atol=1e-6)


def test_a_model_without_a_graph_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="no graph of layers"):
        legacy_copy(Own())


def test_weights_of_another_network_are_refused():
    with pytest.raises(ValueError, match="has no layer"):
        weights_back(legacy_copy(on(L.Dense(3, name="one"))), on(L.Dense(3, name="other")))


@pytest.mark.parametrize("switch", [None, "0"])
def test_the_toolkit_leaves_the_keras_of_the_process_alone(switch):
    pytest.importorskip("with_toolkit", exc_type=ImportError)
    code = """
import os
before = os.environ.get("TF_USE_LEGACY_KERAS")
from kerascnn.compression.toolkit import toolkit
tools = toolkit()
import keras, tensorflow as tf
assert tools.sparsity.keras.prune_low_magnitude.__module__.startswith("tensorflow_model_optimization")
assert tf.keras.__version__ == keras.__version__ and keras.__version__.startswith("3."), tf.keras.__version__
assert os.environ.get("TF_USE_LEGACY_KERAS") == before
try:
    import keras_cv
except ModuleNotFoundError as error:
    assert error.name == "keras_cv", error
else:
    keras_cv.layers.RandAugment((0, 255))
print("kept")
"""
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    environment |= {"TF_USE_LEGACY_KERAS": switch} if switch else {}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert ran.stdout.endswith("kept\n"), ran.stderr


def test_a_missing_toolkit_is_named(monkeypatch):
    from kerascnn.compression import toolkit

    monkeypatch.setitem(sys.modules, "tensorflow_model_optimization", None)
    with pytest.raises(ImportError, match=r"kerascnn\[compress\]"):
        toolkit.toolkit()
