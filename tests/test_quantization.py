"""A network that was tuned for int8 computes what its file computes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as K
from parity import images, randomise
from test_conformance import TINY
from tiny_digits import digits

import kerascnn
from kerascnn import layers as L
from kerascnn.compression.quantization import (
    Quantized,
    on_zero,
    prepared,
    quantize_aware,
    round_biases,
    widen_for_leaky_relu,
)
from kerascnn.compression.rounding import rounded_tensors
from kerascnn.compression.simulation import on_grid, simulate
from kerascnn.compression.tuning import Tuning, dataset
from kerascnn.deploy import export
from kerascnn.graph.lower import lower
from kerascnn.runtime import open_model

HERE = Path(__file__).parent


def on(*layers, shape=(8, 8, 4)) -> keras.Model:
    image = x = keras.Input(shape, name="image")
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


def scales(model: keras.Model) -> dict[str, str]:
    return {tensor.name: tensor.scale for tensor in rounded_tensors(model)}


def test_an_activation_that_an_operator_holds_is_rounded_with_it():
    model = on(K.Conv2D(4, 3, name="conv"), K.Activation("relu6", name="act"), K.Dense(3, name="dense"))
    assert list(scales(model)) == ["image", "act", "dense"]
    model = on(K.Conv2D(4, 3, name="conv"), K.Activation("hard_silu", name="act"))
    assert list(scales(model)) == ["image", "conv", "act"]


def test_what_others_see_is_rounded_before_the_activation_too():
    image = keras.Input((8, 8, 4), name="image")
    x = K.Conv2D(4, 1, name="conv")(image)
    model = keras.Model(image, K.Add(name="add")([K.Activation("relu", name="act")(x), x]))
    assert list(scales(model)) == ["image", "conv", "act", "add"]


def test_what_is_joined_lies_on_one_scale():
    image = keras.Input((8, 8, 4), name="image")
    a, b = K.Conv2D(4, 1, name="a")(image), K.Conv2D(4, 1, name="b")(image)
    first = K.Concatenate(name="first")([a, b])
    second = K.Concatenate(name="second")([K.MaxPooling2D(2, name="pool")(first), K.Conv2D(2, 2, 2, name="c")(first)])
    found = scales(keras.Model(image, K.AveragePooling2D(2, name="average")(second)))
    assert found["a"] == found["b"] == found["c"] == found["average"] != found["image"]
    assert not {"first", "second", "pool"} & set(found)


@pytest.mark.parametrize(("kind", "expected"), [("sigmoid", (0, 255 / 256)), ("tanh", (-1, 127 / 128))])
def test_operators_with_a_range_of_their_own_hand_it_on(kind, expected):
    model = on(K.Activation(kind, name="act"), K.AveragePooling2D(2, name="pool"), K.Flatten())
    assert {p.name: p.fixed for p in rounded_tensors(model)} == {"image": None, "act": expected, "pool": expected}
    image = keras.Input((8, 8, 4), name="image")
    mixed = keras.Model(image, K.Concatenate()([K.Activation(kind, name="act")(image), K.Conv2D(1, 1)(image)]))
    assert all(tensor.fixed is None for tensor in rounded_tensors(mixed))


def test_a_layer_without_a_rule_is_named():
    with pytest.raises(ValueError, match="no rule for quantising 'odd', LocalResponseNormalization"):
        rounded_tensors(on(L.LocalResponseNormalization(name="odd")))
    with pytest.raises(ValueError, match="no rule for quantising 'odd', activation 'selu'"):
        rounded_tensors(on(K.Activation("selu", name="odd")))


def test_kernels_lie_on_a_grid_for_each_output():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype("float32")
    kernel[..., 2] = 0
    rounded = on_grid(kernel, (3,))
    steps = rounded / (np.abs(kernel).max(axis=(0, 1, 2)).clip(1e-9) / 127)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert np.abs(rounded - kernel).max() <= np.abs(kernel).max() / 127 and not rounded[..., 2].any()
    np.testing.assert_allclose(on_grid(rounded, (3,)), rounded, rtol=1e-6)
    assert len(np.unique(on_grid(kernel.reshape(3, 3, 10, 2)[..., :1], (2, 3)))) > 20


def test_a_simulation_rounds_where_it_should():
    model = on(K.Dense(3, name="dense"), shape=(4,))
    x = np.random.default_rng(0).uniform(-1, 1, (5, 4)).astype("float32")
    ranges = {"image": (-1.0, 1.0), "dense": (-0.5, 2.0)}
    step, scale = 2 / 255, 2.5 / 255
    low = -round(0.5 / scale) * scale
    expected = model(np.round(x / step) * step).numpy()
    expected = np.clip(np.round(expected / scale) * scale, low, low + 2.5)
    np.testing.assert_allclose(simulate(model, ranges)(x), expected, atol=1.01 * scale)
    assert np.mean(np.abs(simulate(model, ranges)(x) - expected) < 1e-5) > 0.6


@pytest.mark.sharded
@pytest.mark.parametrize("family", TINY)
def test_every_family_computes_in_its_file_as_it_was_tuned(family, tmp_path):
    """In a process of its own: TensorFlow's oneDNN corrupts memory in gradients of narrow 1x1 convolutions."""
    env = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "0", "PYTHONPATH": f"{HERE}:{HERE.parent}"}
    command = [sys.executable, "-m", "tuned_family", family, str(tmp_path / "tuned.tflite")]
    ran = subprocess.run(command, capture_output=True, text=True, env=env, cwd=HERE.parent)
    assert ran.returncode == 0, ran.stderr[-2000:]
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["float_tensors"] == [] and not {"QUANTIZE", "DEQUANTIZE"} & set(said["operators"]), said
    assert said["agreement"] >= 0.995, said
    assert said["tuned"] >= said["float"] - 0.02, said


def test_what_is_frozen_is_not_tuned():
    """Averages inside a normalisation are layers with a kernel too."""
    image = keras.Input((8, 8, 1), name="image")
    x = L.LocalResponseNormalization(name="lrn")(K.Conv2D(4, 3, activation="relu", trainable=False, name="conv")(image))
    model = keras.Model(image, K.Dense(10, activation="softmax", name="dense")(K.Flatten()(x)))
    before = lower(model)
    tuned = quantize_aware(model, digits()[0], Tuning(epochs=1, lr=1e-2)).model
    for name in ("conv", "lrn-sum"):
        np.testing.assert_array_equal(
            tuned.get_layer(name).get_weights()[0], on_grid(before.get_layer(name).get_weights()[0], (3,))
        )
    assert np.abs(tuned.get_layer("dense").get_weights()[0] - before.get_layer("dense").get_weights()[0]).max() > 0.01


@pytest.mark.parametrize("given", [(-1.0, 1.0), (0.0, 1.0), (-2.1179, 2.64), (-1e-6, 3.0), (-3.0, 0.0)])
def test_a_range_on_zero_holds_the_given_one_and_its_ends(given):
    low, high = on_zero(given)
    step = (high - low) / 255
    assert low <= given[0] + 1e-9 and high >= given[1] - 1e-9 and step <= 1.01 * (given[1] - given[0]) / 255 + 1e-6
    np.testing.assert_allclose(low / step, round(low / step), atol=1e-6)
    assert min(abs(end / step - round(end / step)) for end in given if end) < 1e-6


def test_a_file_computes_what_was_tuned_to_the_bit(tmp_path):
    """Operators that bring numbers half-way between two steps, or that XNNPACK computes with few bits, too."""
    image = keras.Input((16, 16, 3), name="image")
    x = first = K.LeakyReLU(0.1, name="leaky")(K.Conv2D(8, 3, padding="same", name="conv")(image))
    x = K.Add(name="add")([K.DepthwiseConv2D(3, padding="same", name="depthwise")(x), first])
    x = K.AveragePooling2D(3, 1, name="average3")(K.AveragePooling2D(2, name="average2")(x))
    x = K.GlobalAveragePooling2D(name="mean")(K.Conv2D(8, 1, activation="relu6", name="conv2")(x))
    model = keras.Model(image, K.Dense(7, name="dense")(x), name="net")
    tuned = quantize_aware(model, random_batches(model, 32), Tuning(epochs=1))
    export(tuned.simulation, tmp_path / "net.tflite", "tflite-int8")
    x, file = images(model, 64), open_model(tmp_path / "net.tflite")
    off = np.round((tuned.predict(x)["scores"] - file(x)["scores"]) / file.steps["scores"])
    assert np.mean(off != 0) < 0.01 and np.abs(off).max() <= 1


def test_a_layer_that_is_called_often_is_tuned_as_one_and_rounds_for_each_call(tmp_path):
    """As the heads of a feature pyramid; names that Keras gave by itself are taken."""
    image = keras.Input((16, 16, 3), name="image")
    stem, conv = (K.Conv2D(32, 3, padding="same") for _ in range(2))
    relu = K.Activation("relu", name="act")
    coarse = K.MaxPooling2D(4)(x := stem(image))
    told = [relu(conv(K.Activation("relu6", name="act_2")(relu(conv(x))))), relu(conv(coarse))]
    vectors = [K.GlobalAveragePooling2D()(y) for y in told]
    model = keras.Model(image, K.Dense(7)(K.Concatenate()(vectors)), name="net")
    batches = random_batches(model, 32)
    tuned = quantize_aware(model, batches, Tuning(epochs=4, lr=1e-2))
    kernels = [layer.kernel for layer in tuned.model.layers if layer.name.startswith(conv.name)]
    assert len(kernels) == 3 and all(np.array_equal(kernels[0], kernel) for kernel in kernels)
    assert np.abs(kernels[0] - conv.kernel).max() > 1e-3
    assert len({tuned.ranges[name] for name in ("act", "act_3", "act_4")}) == 3
    report = export(tuned.simulation, tmp_path / "net.tflite", "tflite-int8")
    other = export(model, tmp_path / "other.tflite", "tflite-int8", calibration=images(model, 32))
    assert report.bytes < 1.1 * other.bytes, "the file holds kernels that are equal once"
    x, file = images(model, 64), open_model(tmp_path / "net.tflite")
    off = np.round((tuned.predict(x)["scores"] - file(x)["scores"]) / file.steps["scores"])
    assert np.mean(off != 0) < 0.01 and np.abs(off).max() <= 1


def test_operators_without_a_layer_are_tuned_as_their_file_computes_them(tmp_path):
    """Some become layers, others move numbers as they are."""
    image = keras.Input((16, 16, 3), name="image")
    x = keras.activations.relu(K.Conv2D(8, 3, padding="same", name="conv")(image * 2.0))
    x = keras.ops.relu(x + K.Conv2D(8, 1, name="side")(x)) - np.arange(8, dtype="float32") / 8
    x = keras.ops.pad(x[:, 1:, ::2], ((0, 0), (1, 1), (0, 2), (0, 0))) / 2
    x = keras.ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, 4)))
    x = keras.ops.concatenate([keras.ops.max_pool(x, 2), 1 - keras.ops.average_pool(x, 2)], axis=-1)
    x = keras.ops.mean(K.Conv2D(8, 1, name="last")(keras.ops.flip(x, 1)), axis=(1, 2))
    model = keras.Model(image, K.Dense(7, name="dense")(keras.ops.reshape(x, (-1, 8))), name="net")
    tuned = quantize_aware(model, random_batches(model, 32), Tuning(epochs=1))
    report = export(tuned.simulation, tmp_path / "net.tflite", "tflite-int8")
    assert {"PAD", "STRIDED_SLICE", "REVERSE_V2"} <= set(report.operators)
    assert report.operators["QUANTIZE"] == report.operators["DEQUANTIZE"] == 1, "of the image and of the scores"
    x, file = images(model, 64), open_model(tmp_path / "net.tflite")
    off = np.round((tuned.predict(x)["scores"] - file(x)["scores"]) / file.steps["scores"])
    assert np.mean(off != 0) < 0.01 and np.abs(off).max() <= 1


def segmenter() -> keras.Model:
    """Scores of 5 classes for each pixel, by every way of enlarging a map."""
    image = keras.Input((16, 16, 3), name="image")
    x = low = K.Conv2D(8, 3, 2, padding="same", activation="relu", name="low")(image)
    x = K.MaxPooling2D(2, name="pool")(x)
    x = K.Conv2DTranspose(8, 4, 2, padding="same", activation="relu", name="transposed")(x)
    x = K.Concatenate(name="join")(
        [x, low, K.UpSampling2D(4, interpolation="bilinear", name="up4")(K.AveragePooling2D(4, name="average")(low))]
    )
    x = K.Add(name="add")([K.Conv2D(5, 1, name="one")(x), K.Conv2D(5, 1, name="other")(low)])
    x = K.Resizing(16, 16, name="resize")(x)
    return keras.Model(image, {"mask": K.Softmax(name="softmax")(x)}, name="segmenter")


def per_pixel(targets, outputs):
    return -keras.ops.mean(keras.ops.sum(targets["mask"] * keras.ops.log(outputs["mask"] + 1e-7), -1), (1, 2))


def test_classes_of_pixels_are_tuned_as_their_file_computes_them(tmp_path):
    model = segmenter()
    randomise(model)
    x, random = images(model, 64), np.random.default_rng(0)
    masks = np.eye(5, dtype="float32")[random.integers(0, 5, (64, 16, 16))]
    tuned = quantize_aware(model, (x, {"mask": masks}), Tuning(epochs=2, lr=1e-3), loss=per_pixel)
    assert np.abs(tuned.model.get_layer("transposed").get_weights()[1]).max() > 0.01
    kernel = tuned.model.get_layer("transposed").get_weights()[0]
    np.testing.assert_allclose(on_grid(kernel, (2,)), kernel, rtol=1e-6)
    export(tuned.simulation, tmp_path / "net.tflite", "tflite-int8")
    file = open_model(tmp_path / "net.tflite")
    want, got = tuned.predict(x)["scores"], file(x)["scores"]
    off = np.round((want - got) / file.steps["scores"])
    assert np.mean(off != 0) < 0.01 and np.abs(off).max() <= 1


def test_biases_are_those_of_the_file(tmp_path):
    model = on(
        K.Conv2D(5, 3, activation="relu", name="conv"), K.MaxPooling2D(2, name="pool"), K.Conv2D(3, 1, name="last")
    )
    tuned = Quantized(lower(model), {"image": (-1.0, 1.0), "conv-activation": (0.0, 3.0), "last": (-2.0, 2.0)})
    before = tuned.model.get_layer("last").get_weights()
    round_biases(tuned.model, tuned.ranges)
    kernel, bias = tuned.model.get_layer("last").get_weights()
    step = 3 / 255 * np.abs(kernel).max(axis=(0, 1, 2)) / 127
    np.testing.assert_array_equal(kernel, before[0])
    np.testing.assert_allclose(bias / step, np.round(bias / step), atol=1e-3)
    assert np.all(np.abs(bias - before[1]) <= 0.501 * step)


def test_a_leaky_relu_gets_a_range_in_which_its_factors_are_exact():
    model = on(K.Conv2D(4, 1, name="conv"), K.LeakyReLU(0.1, name="leaky"), K.Conv2D(4, 1, name="last"))
    given = {"image": (-1.0, 1.0), "conv": (-3.0, 4.0), "leaky": (-0.3, 4.0), "last": (-2.0, 2.0)}
    found = widen_for_leaky_relu(model, given)
    low, high = found["leaky"]
    factor = 256 * 7 / (high - low)
    assert factor == pytest.approx(410) and low / high == pytest.approx(-0.3 / 4)  # 416.7 before
    assert found == given | {"leaky": found["leaky"]}


def random_batches(model: keras.Model, count: int):
    randomise(model)
    return dataset((images(model, count), np.arange(count) % model.output_shape[-1]), Tuning(batch=count))


def test_the_copy_that_is_tuned_and_the_simulation_compute_the_same():
    model = TINY["MobileNetV2Family"](classes=7, classifier_activation=None)
    lowered, training_copy = prepared(model, random_batches(model, 16))
    training_copy.give_weights(lowered)
    x = images(model, 16)
    want = training_copy.network(x, training=False).numpy()
    got = Quantized(lowered, training_copy.ranges()).predict(x)["scores"]
    assert np.sqrt(np.mean((want - got) ** 2)) < 0.02 * want.std()


@pytest.mark.sharded
@pytest.mark.parametrize("name", ["DenseNet121", "ResNet152"])
def test_deep_networks_are_prepared(name):
    """The toolkit's own transforms search the graph once for each layer; tools/bench/qat.py measures the time."""
    model = kerascnn.build(name, input_shape=(32, 32, 3), classes=4, classifier_activation=None)
    lowered, training_copy = prepared(model, random_batches(model, 4))
    kernels = [layer for layer in lowered.layers if isinstance(layer, K.Conv2D | K.DepthwiseConv2D | K.Dense)]
    assert len(training_copy.kernels) == len(kernels) > 120
    scores = training_copy.network(images(model, 2), training=False).numpy()
    assert np.isfinite(scores).all() and scores.std() > 0
