"""Batch normalisation of a training step: one kernel, and Keras' numbers."""

import subprocess
import sys
from contextlib import contextmanager, nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L
from test_train import RECIPE, apart, blobs, tiny, trained

from kerascnn.training import Epochs, open_strategy, step
from kerascnn.training.normalisation import fused, norms
from kerascnn.training.resolve import resolve
from kerascnn.training.step import Learner
from kerascnn.training.workers import Workers

KERNEL = "FusedBatchNormV3"


class Own(L.BatchNormalization):
    """A class of the user's own, whose statistics are not known."""


class Pair(L.Layer):
    """A layer that is made of others."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.first, self.second = L.Conv2D(4, 1), L.BatchNormalization()

    def call(self, x, training=None):
        return self.second(self.first(x), training=training)


def run(layer, x, weights, *, kernel: bool, **how):
    """What a layer makes of ``x`` while it is trained, its gradients, its statistics, and the operations it takes."""
    inputs = keras.Input(x.shape[1:], dtype=x.dtype)
    model = keras.Model(inputs, layer(inputs, **how))
    rng = np.random.default_rng(1)
    for variable in model.variables:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    graph = tf.function(lambda x: answer(model, x, tf.constant(weights)))
    with fused(model) if kernel else nullcontext():
        made = graph.get_concrete_function(tf.TensorSpec(x.shape, x.dtype))
        found = [np.asarray(value, "float64") for value in made(tf.constant(x))]
    statistics = [np.asarray(variable) for variable in model.non_trainable_variables]
    return found[0], found[1:], statistics, {node.type for node in made.graph.get_operations()}


def answer(model, x, weights):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=True)
        loss = tf.reduce_sum(tf.cast(y, weights.dtype) * weights)
    return [y, *tape.gradient(loss, [x, *model.trainable_variables])]


def exactly(settings, x, weights):
    """The same by Keras' own computation, in 64 bits."""
    layer = L.BatchNormalization(**settings, dtype="float64")
    return run(layer, x.astype("float64"), weights.astype("float64"), kernel=False)


def features(shape, kind="float32", far=1.0):
    """Features that lie ``far`` from zero, and how each counts in a loss."""
    rng = np.random.default_rng(0)
    x = rng.normal(far * rng.normal(1, 0.2, shape[-1]), rng.uniform(0.2, 3, shape[-1]), shape)
    return tf.cast(x, kind).numpy(), rng.normal(size=shape).astype("float64" if kind == "float64" else "float32")


def close(found, expected, within):
    """Whether all are as near as ``within`` of the largest."""
    for value, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, reference, rtol=0, atol=within * np.abs(reference).max() + 1e-6)


@pytest.mark.parametrize("shape", [(8, 14, 14, 32), (3, 7, 5, 7), (2, 1, 1, 5), (1, 1, 1, 4)], ids=str)
@pytest.mark.parametrize(
    "settings",
    [{}, {"axis": 3, "epsilon": 1e-5, "momentum": 0.7}, {"scale": False}, {"center": False, "scale": False}],
    ids=["usual", "settings", "no scale", "neither"],
)
def test_the_kernel_computes_what_keras_does(shape, settings):
    """Outputs, gradients and moving statistics; of one pixel in all too, whose variance is 0."""
    x, weights = features(shape)
    y, gradients, statistics, operations = run(L.BatchNormalization(**settings), x, weights, kernel=True)
    expected = exactly(settings, x, weights)
    assert KERNEL in operations
    close([y], [expected[0]], 1e-5)
    close(gradients, expected[1], 1e-4)
    close(statistics, expected[2], 1e-6)


@pytest.mark.parametrize(("kind", "digits"), [("float16", 11), ("bfloat16", 8)])
@pytest.mark.parametrize("policy", ["mixed", "all"])
def test_features_in_16_bits_have_statistics_in_32(kind, digits, policy):
    """Also with weights in 16 bits, as Keras' policies float16 and bfloat16 have them."""
    dtype = f"mixed_{kind}" if policy == "mixed" else kind
    x, weights = features((8, 14, 14, 32), kind)
    y, gradients, statistics, operations = run(L.BatchNormalization(dtype=dtype), x, weights, kernel=True)
    expected = run(L.BatchNormalization(dtype=dtype), x, weights, kernel=False)
    assert KERNEL in operations
    within = 2.0 ** (1 - digits)  # two neighbours among the numbers of this kind
    close([y, gradients[0]], [expected[0], expected[1][0]], within)
    close(gradients[1:], expected[1][1:], 1e-5 if policy == "mixed" else within)
    close(statistics, expected[2], 1e-6 if policy == "mixed" else within)


def test_features_far_from_zero_lose_no_more_than_by_keras():
    x, weights = features((8, 28, 28, 4), far=1000)
    y, _, statistics, _ = run(L.BatchNormalization(), x, weights, kernel=True)
    of_keras, *_ = run(L.BatchNormalization(), x, weights, kernel=False)
    expected = exactly({}, x, weights)
    assert np.abs(y - expected[0]).max() < 2 * np.abs(of_keras - expected[0]).max() + 1e-5
    np.testing.assert_allclose(statistics[1], expected[2][1], rtol=1e-4)


LEFT_TO_KERAS = {
    "vectors": (L.BatchNormalization, (8, 6), {}),
    "lines": (L.BatchNormalization, (8, 5, 6), {}),
    "volumes": (L.BatchNormalization, (4, 3, 3, 3, 6), {}),
    "another axis": (lambda: L.BatchNormalization(axis=1), (4, 3, 5, 6), {}),
    "synchronised": (lambda: L.BatchNormalization(synchronized=True), (4, 3, 5, 6), {}),
    "frozen": (lambda: L.BatchNormalization(trainable=False), (4, 3, 5, 6), {}),
    "masked": (L.BatchNormalization, (4, 3, 5, 6), {"mask": np.tri(3, 5)[None].repeat(4, 0) > 0}),
    "64 bits": (lambda: L.BatchNormalization(dtype="float64"), (4, 3, 5, 6), {}),
    "of a class of its own": (Own, (4, 3, 5, 6), {}),
}
if "renorm" in L.BatchNormalization().get_config():
    LEFT_TO_KERAS["renormalised"] = (lambda: L.BatchNormalization(renorm=True), (4, 3, 5, 6), {})


@pytest.mark.parametrize("case", LEFT_TO_KERAS)
def test_what_the_kernel_does_not_know_keras_computes(case):
    make, shape, how = LEFT_TO_KERAS[case]
    x, weights = features(shape, "float64" if case == "64 bits" else "float32")
    *found, operations = run(make(), x, weights, kernel=True, **how)
    *expected, _ = run(make(), x, weights, kernel=False, **how)
    assert KERNEL not in operations
    for value, reference in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        assert np.array_equal(value, reference)


def test_it_computes_the_same_bits_each_time():
    x, weights = features((16, 28, 28, 48))
    runs = [run(L.BatchNormalization(), x, weights, kernel=True)[:3] for _ in range(4)]
    for other in runs[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(*map(tf.nest.flatten, (runs[0], other)), strict=True))


def test_layers_are_given_back_as_they_were():
    """Those of models within the model, and of layers within a layer too."""
    inner = keras.Sequential([keras.Input((6, 6, 4)), L.Conv2D(4, 1), L.BatchNormalization()])
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, L.BatchNormalization()(Pair()(inner(inputs))))
    before = [dict(vars(layer)) for layer in norms(model)]
    with pytest.raises(KeyboardInterrupt), fused(model):
        assert all("call" in vars(layer) for layer in norms(model))
        raise KeyboardInterrupt
    assert len(before) == 3 and [dict(vars(layer)) for layer in norms(model)] == before


def test_the_devices_of_a_layer_within_a_layer_normalise_together():
    class Two:
        num_replicas_in_sync = 2

    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, Pair()(inputs))
    with step.synchronised(model, Two()):
        assert [layer.synchronized for layer in norms(model)] == [True]
    assert [layer.synchronized for layer in norms(model)] == [False]


def test_compiled_steps_leave_it_to_keras():
    """XLA's variances of the kernel may come out below 0."""
    for xla in (False, True):
        learner = Learner(tiny((12, 12, 3), 3), resolve(RECIPE, blobs(), tiny), Workers(open_strategy("one")), xla=xla)
        with learner.training():
            assert [("call" in vars(layer)) != xla for layer in norms(learner.model)] == [True, True]


def test_a_model_infers_as_it_did():
    x, _ = features((2, 12, 12, 3))
    model = tiny((12, 12, 3), 3)
    before = np.asarray(model(x))
    with fused(model):
        assert np.array_equal(model(x, training=False), before)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A network that was trained, its folder, and its losses."""
    folder = tmp_path_factory.mktemp("kernel")
    with counted() as calls:
        model, history = trained(folder, RECIPE.replace(length=Epochs(2)))
    assert calls and len(calls) % 2 == 0  # traced once or several times, of two layers
    return model, folder, history


@contextmanager
def counted():
    """The calls of the kernel while steps are traced."""
    calls, kernel = [], tf.raw_ops.FusedBatchNormV3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.raw_ops, KERNEL, lambda **how: calls.append(how) or kernel(**how))
        yield calls


def test_training_learns_what_it_learns_by_keras(tmp_path, monkeypatch, learned):
    model, _, history = learned
    monkeypatch.setattr(step, "fused", lambda model: nullcontext())
    with counted() as calls:
        expected, losses = trained(tmp_path, RECIPE.replace(length=Epochs(2)))
    assert not calls and apart(model, expected) < 1e-5
    assert history[-1]["loss"] == pytest.approx(losses[-1]["loss"], abs=1e-5)


def test_what_is_saved_is_keras_own(learned):
    """A process that cannot import the package loads it, and computes the same."""
    model, folder, _ = learned
    x, _ = features((2, 12, 12, 3))
    np.savez(folder / "known.npz", x=x, y=np.asarray(model(x)))
    code = (
        "import sys; sys.modules['kerascnn'] = None\n"
        "import keras, numpy as np\n"
        "model, known = keras.models.load_model('model.keras'), np.load('known.npz')\n"
        "np.testing.assert_allclose(np.asarray(model(known['x'])), known['y'], atol=1e-6)\n"
        "print(sum(type(layer) is keras.layers.BatchNormalization for layer in model.layers))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.split()[-1] == "2", done.stderr
