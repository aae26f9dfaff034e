"""The ranges that a file of integers holds are those of what its network computes."""

import keras
import numpy as np
import pytest
from keras import layers as L

from kerascnn.deploy import export
from kerascnn.deploy.flatbuffer import read_graphs

SIDE, GAIN = 8, 50.0


def sum_of(order):
    """A branch that is 50 times as large as the other, and their sum; TensorFlow Lite writes it over one of them."""
    image = keras.Input((SIDE, SIDE, 4))
    branches = [L.Conv2D(4, 3, padding="same", name=name)(image) for name in ("small", "large")]
    model = keras.Model(image, L.Dense(3)(L.GlobalMaxPooling2D()(L.Add()([branches[place] for place in order]))))
    large = model.get_layer("large")
    large.set_weights([GAIN * values for values in large.get_weights()])
    return model


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_branch_has_its_own_range_and_not_that_of_the_sum(order, tmp_path):
    keras.utils.set_random_seed(0)
    model = sum_of(order)
    images = np.random.default_rng(0).normal(size=(20, SIDE, SIDE, 4)).astype("float32")
    report = export(model, tmp_path / "model.int8.tflite", "tflite-int8", calibration=images)
    (graph,) = read_graphs(tmp_path / "model.int8.tflite")
    (adding,) = (operator for operator in graph.operators if operator.kind == "ADD")
    by_kind = dict(zip(order, adding.inputs, strict=True))
    for place, name in enumerate(("small", "large")):
        values = np.asarray(keras.Model(model.input, model.get_layer(name).output)(images))
        assert by_kind[place].scales[0] * 255 == pytest.approx(np.ptp(values), rel=0.02)
    assert report.error < 0.02
