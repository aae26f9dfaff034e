"""What every family must do, on its tiny variant. A new family is tested by being in the catalogue."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
from parity import randomise

from kerascnn.applications import ROWS
from kerascnn.graph.features import features

FIRST = {type(row): row for row in reversed(ROWS.values())}
TINY = {kind.__name__: row.replace(**kind.tiny) for kind, row in FIRST.items()}


CHECKED = ("ResNet", "MobileNetV2Family", "VGG")  # enough for make check to see that drawing works


@pytest.fixture(params=[pytest.param(n, marks=[pytest.mark.check] * (n in CHECKED)) for n in TINY], scope="module")
def row(request):
    return TINY[request.param]


def batch(model, count=4):
    return np.random.default_rng(0).normal(size=(count, *model.input_shape[1:])).astype("float32")


def test_probabilities_and_logits(row):
    model, raw = row(classes=7), row(classes=7, classifier_activation=None)
    assert model.output_shape == raw.output_shape == (None, 7)
    np.testing.assert_allclose(np.sum(model(batch(model)), axis=-1), 1, rtol=1e-5)
    raw.set_weights(model.get_weights())
    np.testing.assert_allclose(keras.ops.softmax(raw(batch(model))), model(batch(model)), rtol=1e-4, atol=1e-6)


def test_two_drawings_have_the_same_names(row):
    first, second = row(), row()
    assert [w.path for w in first.weights] == [w.path for w in second.weights]
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert len({w.path for w in first.weights}) == len(first.weights)
    assert all("-" in layer.name for layer in first.layers if layer.weights), "a layer stands in no room"


@pytest.mark.sharded
def test_a_seed_decides_the_weights(row):
    keras.utils.set_random_seed(3)
    first = row().get_weights()
    keras.utils.set_random_seed(3)
    for a, b in zip(first, row().get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.sharded
def test_every_weight_learns(row):
    tf = pytest.importorskip("tensorflow")
    model = row(classes=3, classifier_activation=None)
    randomise(model)  # a paper may start a layer at 0, and nothing below it learns until it has moved
    still = {w.path for w in model.trainable_weights}
    for _ in range(8):  # batches, since drop-path may leave a weight out of one
        with tf.GradientTape() as tape:
            logits = model(batch(model, 16), training=True)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(np.arange(16) % 3, logits, True))
        gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
        for w, gradient in zip(model.trainable_weights, gradients, strict=True):
            assert gradient is not None and np.isfinite(gradient).all(), w.path
            if np.abs(gradient).max() > 0:
                still.discard(w.path)
        if not still:
            break
    assert not still


@pytest.mark.sharded
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_saves_and_loads_to_the_bit(row, suffix, tmp_path):
    model = row(classes=5)
    path = str(tmp_path / f"model{suffix}")
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    keras.utils.set_random_seed(9)
    again = row(classes=5, weights=path)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model(batch(model)), again(batch(model)))
    if suffix == ".keras":
        loaded = keras.models.load_model(path)
        np.testing.assert_array_equal(model(batch(model)), loaded(batch(model)))
        assert [w.path for w in loaded.weights] == [w.path for w in model.weights]


@pytest.mark.sharded
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_a_trunk_takes_its_weights_from_a_whole_network(row, suffix, tmp_path):
    whole = row(classes=5)
    path = str(tmp_path / f"model{suffix}")
    whole.save(path) if suffix == ".keras" else whole.save_weights(path)
    trunk = row(include_top=False, weights=path)
    theirs = {w.path: w for w in whole.weights}
    assert trunk.weights
    for w in trunk.weights:
        np.testing.assert_array_equal(w, theirs[w.path])


@pytest.mark.sharded
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_a_classifier_for_other_classes_is_new_where_it_was_asked_for(row, suffix, tmp_path):
    path = str(tmp_path / f"model{suffix}")
    model = row(classes=5)
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    with pytest.raises(ValueError, match=r"has 5 classes, and .* was built for 6\. Pass classes=5 to keep"):
        row.replace(classes=6)(weights=path)
    with pytest.warns(UserWarning, match="head-.* is new, for 6 classes; the file has 5"):
        again = row(classes=6, weights=path)
    theirs = {w.path: w for w in model.weights}
    for w in again.weights:
        if w.shape == theirs[w.path].shape:
            np.testing.assert_array_equal(w, theirs[w.path])


@pytest.mark.sharded
@pytest.mark.parametrize("pooling", [None, "avg", "max"])
def test_without_top(row, pooling):
    model = row(include_top=False, pooling=pooling)
    assert len(model.output_shape) == (2 if pooling else 4)
    assert model.output_shape[-1] == row(include_top=False).output_shape[-1]


def test_without_top_any_size_is_the_default_where_the_network_takes_it(row):
    size = None if row.any_size else row.size
    assert row(include_top=False).input_shape == (None, size, size, row.channels)


@pytest.mark.sharded
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_channels_and_odd_sizes(row, channels):
    side = row.size + 13
    model = row(input_shape=(side, side + 2, channels), classes=2)
    assert np.isfinite(model(batch(model, 2))).all()


@pytest.mark.sharded
def test_any_size_at_run_time_without_top(row):
    if not row.any_size:
        with pytest.raises(ValueError, match=f"fixed size: pass input_shape=.{row.size}, {row.size}, {row.channels}"):
            row(include_top=False, input_shape=(None, None, row.channels))
        return
    model = row(include_top=False, input_shape=(None, None, row.channels))
    for side in (row.size, row.size + 9):
        out = model(np.zeros((1, side, side, row.channels), "float32"))
        assert out.shape[1] >= 1


@pytest.mark.sharded
def test_draws_on_a_tensor(row):
    image = keras.Input((row.size, row.size, row.channels))
    model = row(input_tensor=keras.layers.Rescaling(2.0)(image), classes=3)
    assert model.inputs[0] is image and model.output_shape == (None, 3)


@pytest.mark.sharded
def test_the_smallest_image(row):
    side = row.min_size
    assert row(input_shape=(side, side, row.channels), classes=2).output_shape == (None, 2)
    with pytest.raises(ValueError, match=f"at least {side} x {side} pixels, got input_shape"):
        row(input_shape=(side - 1, side, row.channels))


def test_features_rise_in_stride_and_share_weights(row):
    model = row(include_top=False, input_shape=(row.size, row.size, row.channels))
    maps = features(model)
    strides = list(maps.output)
    assert strides == sorted(strides) and all(s & (s - 1) == 0 for s in strides)
    assert all(w in {id(v) for v in model.weights} for w in map(id, maps.weights))
    heights = [maps.output[s].shape[1] for s in strides]
    assert heights == sorted(heights, reverse=True)
    np.testing.assert_array_equal(maps(batch(model))[strides[-1]], model(batch(model)))


@pytest.mark.sharded
def test_mixed_precision_ends_in_float32(row):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = row(classes=3, classifier_activation=None)
        out = model(batch(model))
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(out.dtype) == "float32"
    assert np.isfinite(out).all()


def test_the_documentation_names_paper_and_size(row):
    assert row.paper.url in row.__doc__ and f"{row.size} x {row.size}" in row.__doc__
    assert type(row).__doc__ and row.paper.authors in row.__doc__


OTHER_BACKEND = """
import sys, keras, numpy as np
from test_conformance import TINY
name, folder = sys.argv[1:]
data = np.load(f"{folder}/data.npz")
model = TINY[name](classes=7, classifier_activation=None, weights=f"{folder}/model.weights.h5")
error = np.abs(model.predict(data["images"], verbose=0) - data["logits"]).max() / np.abs(data["logits"]).max()
assert error <= 1e-5, error
assert "tensorflow" not in sys.modules
print("equal on", keras.backend.backend())
"""


@pytest.mark.sharded
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_computes_the_same_on_another_backend(row, backend, tmp_path):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    model = row(classes=7, classifier_activation=None)
    randomise(model)
    model.save_weights(tmp_path / "model.weights.h5")
    np.savez(tmp_path / "data.npz", images=batch(model), logits=model(batch(model)))
    here = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    command = [sys.executable, "-c", OTHER_BACKEND, type(row).__name__, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, env=here)
    assert ran.returncode == 0 and f"equal on {backend}" in ran.stdout, ran.stderr[-2000:]
