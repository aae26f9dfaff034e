"""Rematerialisation: the same numbers as without, of features that are computed twice; and where models are cut."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from test_train import RECIPE, in_new_process, trained, weights

from kerascnn.graph.graph import Graph
from kerascnn.graph.segments import cuts, segments, sizes_of
from kerascnn.training import CrossEntropy, Epochs, Stage, open_strategy
from kerascnn.training.remat import rematerialised

SIDE = 12


def network(shape, classes, *, inside: Any = layers.ReLU):
    """Shortcuts, dropout of features and of branches, and a second output, which only trains."""
    x = inputs = keras.Input(shape)
    for place in range(3):
        y = layers.Conv2D(8, 3, padding="same", use_bias=False, name=f"block{place}-conv")(x)
        y = layers.BatchNormalization(name=f"block{place}-bn")(y)
        y = layers.Dropout(0.3, noise_shape=(None, 1, 1, 1), name=f"block{place}-drop_path")(inside()(y))
        x = layers.Concatenate(name=f"block{place}-concat")([x, layers.Dropout(0.2)(y)])
        if place == 1:
            early = layers.Dense(classes, name="auxiliary-dense")(layers.GlobalAveragePooling2D()(x))
    head = layers.Dense(classes, name="head-dense")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, {"head": head, "early": early}, name="shortcuts")


WAYS = {
    "plain": {},
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16"},
    "parts": {"recipe": {"accumulate": 2, "ema": 0.9}},
    "two sizes": {"recipe": {"stages": (Stage(size=8), Stage(size=12))}},
}


def both(out, recipe=RECIPE, **how):
    """All weights, as they are learned without and with it."""
    recipe = recipe.replace(loss=CrossEntropy(auxiliary=0.3), length=Epochs(len(recipe.stages) or 1))
    models = (
        trained(Path(out) / str(remat), recipe, make_model=network, remat=remat, **how)[0] for remat in (False, True)
    )
    return zip(*map(weights, models), strict=True)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_learned_is_the_same_to_the_bit(way, tmp_path):
    how = dict(WAYS[way])
    assert all(np.array_equal(one, same) for one, same in both(tmp_path, RECIPE.replace(how.pop("recipe", {})), **how))


def on_two_devices(out):
    for one, same in both(out, strategy=open_strategy("mirrored:2")):
        np.testing.assert_allclose(one, same, rtol=1e-5, atol=1e-7)


def test_on_two_devices(tmp_path):
    done = in_new_process("on_two_devices", tmp_path, file=__file__)
    assert done.returncode == 0, done.stderr[-2000:]


def test_features_are_computed_twice_and_averages_updated_once():
    calls = []

    class Counted(layers.Layer):
        def call(self, x):
            calls.append(self.name)
            return tf.nn.relu(x)

    model = network((SIDE, SIDE, 3), 3, inside=Counted)
    images = tf.random.normal((4, SIDE, SIDE, 3), seed=0)
    outputs, before = rematerialised(model, SIDE, "float32"), [np.array(v) for v in model.non_trainable_variables]
    calls.clear()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(outputs(images)["head"])
    forward = list(calls)
    tape.gradient(loss, [each.value for each in model.trainable_variables])
    assert len(forward) == 3 and forward[:1] == calls[-1:], "the first segment is the last that is computed again"
    after = [np.array(v) for v in model.non_trainable_variables]
    for variable, value in zip(model.non_trainable_variables, before, strict=True):
        variable.assign(value)
    model(images, training=True)
    assert all(np.array_equal(a, np.array(v)) for a, v in zip(after, model.non_trainable_variables, strict=True))


def test_a_layer_that_adds_to_the_loss_is_refused(tmp_path):
    def penalised(shape, classes):
        return network(shape, classes, inside=lambda: layers.ReLU(activity_regularizer="l2", name=None))

    with pytest.raises(ValueError, match=r"remat computes features again, .*re_lu.*\. Train without remat"):
        trained(tmp_path, RECIPE.replace(loss=CrossEntropy(auxiliary=0.3)), make_model=penalised, remat=True)


def test_segments_make_a_model_again():
    model = network((None, None, 3), 3)
    parts = segments(model, (SIDE, SIDE, 3))
    assert len(parts) > 2
    images = np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype("float32")
    values = {id(model.inputs[0]): images}
    for part in parts:
        made = keras.tree.flatten(part.model([values[id(x)] for x in part.takes]))
        values |= zip(map(id, part.gives), made, strict=True)
    for name, want in model(images).items():
        assert np.array_equal(values[id(model.output[name])], want)


def test_cuts_are_the_best_there_are():
    """Against all sets of cuts of small graphs, by what is held at the same time."""
    random = np.random.default_rng(0)
    for _ in range(50):
        count = 8
        made = random.integers(1, 20, count).astype(float)
        last = [random.integers(place, min(place + 4, count)) for place in range(count)]
        passed = np.zeros((count, count))
        for place in range(count):
            passed[place, place : last[place]] = made[place]

        def held(ends, made=made, passed=passed, count=count):
            edges = [0, *(end + 1 for end in ends), count]
            own = [made[a:b].sum() for a, b in pairwise(edges)]
            return max(own) + sum(passed[a:b, b - 1].sum() for a, b in pairwise(edges[:-1]))

        every = [[place for place in range(count - 1) if number >> place & 1] for number in range(2 ** (count - 1))]
        best = min(map(held, every))
        assert held(cuts(made, passed)) <= 1.1 * best


def test_sizes_of_a_model_of_any_size():
    model = network((None, None, 3), 3)
    sizes = sizes_of(Graph(model), (SIDE, SIDE, 3))
    assert sizes[id(model.get_layer("block2-concat").output)] == SIDE * SIDE * (3 + 3 * 8)
    with pytest.raises(ValueError, match="graph"):
        segments(type("Own", (keras.Model,), {})(), (SIDE, SIDE, 3))
