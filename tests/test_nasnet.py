"""NASNet beyond what every family is tested for: cells that look past a reduction, pools, and maps of unknown size."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.applications import nasnet
from parity import assert_equal, images, logits, randomise

from kerascnn.applications import NASNetMobile

SMALL = NASNetMobile.replace(cells=2, width=192, stem=8)


def pooled(pooling: str) -> Any:
    """The small one with the pools of Keras, on zeros, or of the released code."""
    return SMALL.replace(style=replace(SMALL.style, pooling=pooling))


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("side", [63, 64])
def test_any_size_of_it_computes_what_keras_does(side, skip, tmp_path):
    build: Any = nasnet.NASNet
    theirs = build((side, side, 3), 192, 2, 8, skip, 2, weights=None, classes=7)
    randomise(theirs)
    theirs.save(tmp_path / "small.h5")
    row = SMALL.replace(skip=skip)
    ours = row((side, side, 3), weights=tmp_path / "small.h5", classes=7, classifier_activation=None)
    x = images(ours)
    assert_equal(np.asarray(ours(x)), np.asarray(logits(theirs)(x)))


@pytest.mark.parametrize("side", [32, 41, 50])
@pytest.mark.parametrize("pooling", ["zeros", "same"])
def test_an_image_of_unknown_size_gives_what_one_of_known_size_gives(pooling, side):
    known, unknown = (pooled(pooling)((s, s, 3), include_top=False) for s in (side, None))
    randomise(known)
    unknown.set_weights(known.get_weights())
    x = images(known)
    np.testing.assert_allclose(unknown(x), known(x), rtol=1e-5, atol=1e-5)
    kinds = {type(layer).__name__ for layer in unknown.layers}
    assert ("SamePadding2D" in kinds) == (pooling == "zeros")


def test_without_zeros_a_border_of_negative_numbers_stays_negative():
    maps = {}
    for pooling in ("zeros", "same"):
        model = pooled(pooling)((64, 64, 3), include_top=False)
        for w in model.weights:
            w.assign(-np.ones(w.shape) if w.path == "stem2-squeeze-bn/beta" else np.zeros(w.shape))
        pool = next(layer for layer in model.layers if layer.name == "stem2-left2-max_pool")
        maps[pooling] = np.asarray(keras.Model(model.input, pool.output)(np.zeros((1, 64, 64, 3))))[0, ..., 0]
    assert np.all(maps["same"] == -1)
    assert np.all(maps["zeros"][-1] == 0) and np.all(maps["zeros"][:-1, :-1] == -1)
