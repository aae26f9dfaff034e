"""The fractal and its drop-path, against plain NumPy readings of Larsson et al. 2016, sections 2 and 2.1."""

import os
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from itertools import pairwise

import keras
import numpy as np
import pytest
from parity import randomise
from plain import convolve, normalise, relu

from kerascnn import layers as L
from kerascnn.applications import FractalNet20

PATHS = np.eye(3, dtype="float32").reshape(3, 1, 1, 1, 3)  # three maps that tell which of them a mean is made of


def joined(rate, drawn=(0, 0, 0), draws=1, training=True):
    """How often each set of paths was what the join took the mean of."""
    join, column = L.FractalJoin(rate, seed=1), np.array(drawn, "float32")
    counts = Counter()
    for _ in range(draws):
        mean = np.asarray(join([column, *PATHS], training=training)).ravel()
        left = tuple(np.flatnonzero(mean))
        np.testing.assert_allclose(mean[list(left)], 1 / len(left), rtol=1e-6)
        counts[left] += 1
    return counts


def test_inference_takes_the_mean_of_all():
    assert joined(0.9, (0, 1, 0), training=False) == {(0, 1, 2): 1}


def test_local_drop_path_drops_each_path_at_its_rate_but_never_all():
    draws, rate = 600, 0.4
    counts = joined(rate, draws=draws)
    every = rate**3  # all three drop, and one of them at random is kept
    for path in range(3):
        alive = sum(n for left, n in counts.items() if path in left) / draws
        assert abs(alive - (1 - rate + every / 3)) < 0.07
    assert abs(counts[0, 1, 2] / draws - (1 - rate) ** 3) < 0.07


def test_where_all_would_drop_one_at_random_is_kept():
    counts = joined(1.0, draws=300)
    assert set(counts) == {(0,), (1,), (2,)} and min(counts.values()) > 60


def test_a_column_drawn_for_the_batch_is_alone_in_its_joins():
    for column in range(3):
        drawn = np.eye(3)[column]
        assert joined(0.5, drawn, draws=20) == {(column,): 20}
    join = L.FractalJoin(0.0)  # a join that the drawn column does not come by: nothing that counts goes through it
    np.testing.assert_allclose(join([np.float32([0, 0, 1]), *PATHS[:2]], training=True), PATHS[:2].mean(0))


def test_half_of_the_batches_draw_a_column():
    layer, x = L.GlobalDropPath(3, seed=2), np.zeros((4, 2, 2, 3), "float32")
    drawn = np.array([layer(x, training=True) for _ in range(400)])
    assert set(map(tuple, drawn)) == {(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)}
    assert abs(drawn.sum() / 400 - 0.5) < 0.08 and (drawn.sum(0) > 40).all()
    np.testing.assert_array_equal(layer(x), 0)


def test_a_seed_decides_who_is_dropped():
    def pass_through():
        keras.utils.set_random_seed(5)
        model = FractalNet20.replace(columns=2, widths=(8, 16), dropouts=(0.0, 0.0))()
        return [np.asarray(model(np.ones((2, 32, 32, 3)), training=True)) for _ in range(5)]

    first, again = pass_through(), pass_through()
    np.testing.assert_array_equal(first, again)
    assert any((a != b).any() for a, b in pairwise(first)), "five batches dropped the same paths"


def test_one_column_runs_through_the_whole_network():
    model = FractalNet20.replace(columns=3, widths=(8, 8), dropouts=(0.0, 0.0))()
    source = next(layer for layer in model.layers if isinstance(layer, L.GlobalDropPath))
    source.share = 1.0
    joins = [layer for layer in model.layers if isinstance(layer, L.FractalJoin)]
    watch = keras.Model(model.input, [source.output, [[join.input[1:], join.output] for join in joins]])
    seen = set()
    for _ in range(12):
        drawn, values = watch(np.random.default_rng(0).normal(size=(2, 32, 32, 3)), training=True)
        column = int(np.argmax(drawn))
        seen.add(column)
        for paths, out in values:
            if column < len(paths):
                np.testing.assert_array_equal(out, paths[column])
    assert seen == {0, 1, 2} and len(joins) == 4


def test_the_fractal_is_the_papers_recursion():
    """f_1(z) = conv(z); f_{C+1}(z) = the mean of f_C(f_C(z)) and conv(z), adjoining joins being one."""
    row = FractalNet20.replace(columns=3, widths=(8,), dropouts=(0.0,))
    model = row(include_top=False, input_shape=(32, 32, 3))
    randomise(model)
    w = {v.path: np.asarray(v, "float64") for v in model.weights}

    def conv(z, step, column):
        place = f"stage1-step{step}-column{column}"
        parts = [w[f"{place}-bn/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")]
        return relu(normalise(convolve(z, w[f"{place}-conv/kernel"]), *parts, row.style.epsilon))

    def paths(columns, z, before):
        if columns == 1:
            return [conv(z, before + 1, 1)]
        half = 2 ** (columns - 2)
        middle = np.mean(paths(columns - 1, z, before), axis=0)
        return [*paths(columns - 1, middle, before + half), conv(z, before + 2 * half, columns)]

    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype("float32")
    expected = np.mean(paths(3, x, 0), axis=0).reshape(1, 16, 2, 16, 2, 8).max((2, 4))
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-5)


OTHER_BACKEND = """
import keras, numpy as np
from kerascnn.applications import FractalNet20
keras.utils.set_random_seed(0)
model = FractalNet20.replace(**FractalNet20.tiny)(classes=2)
model.compile("sgd", "sparse_categorical_crossentropy")
model.fit(np.random.normal(size=(8, 32, 32, 3)), np.arange(8) % 2, batch_size=2, epochs=2, verbose=0)
assert np.isfinite(model.predict(np.zeros((2, 32, 32, 3)), verbose=0)).all()
print("trained on", keras.backend.backend())
"""


@pytest.mark.sharded
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_drop_path_trains_on_every_backend(backend):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    here = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", OTHER_BACKEND], capture_output=True, text=True, env=here)
    assert ran.returncode == 0 and f"trained on {backend}" in ran.stdout, ran.stderr[-2000:]
