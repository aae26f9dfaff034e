"""What TensorFlow Lite's calibrator dies of is refused before it, with a word: each of these ended the process."""

import keras
import numpy as np
import pytest
from keras import layers as L

from kerascnn.deploy import ExportError, export

IMAGES = np.random.default_rng(0).standard_normal((20, 8, 8, 3), dtype=np.float32)


def network(make, name="net") -> keras.Model:
    image = keras.Input((8, 8, 3), name="image")
    return keras.Model(image, L.Dense(3, name="out")(L.Flatten()(make(image))), name=name)


def recurrent(kind, **how):
    return lambda x: getattr(L, kind)(8, name="rows", **how)(L.Reshape((8, 24))(x))


def minus_infinity(x):
    return keras.ops.exp(keras.ops.log(keras.ops.relu(L.Conv2D(4, 3)(x))))


def infinity(x):
    return 1.0 / (1.0 + 1.0 / keras.ops.relu(L.Conv2D(4, 3)(x)))


def no_number(x):
    return keras.ops.relu(keras.ops.sqrt(L.Conv2D(4, 3)(x)))


@pytest.mark.filterwarnings("ignore:Calibration images")  # noise, and few
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (recurrent("LSTM"), "ranges of layer 'rows', which runs in a loop.*unroll=True"),
        (recurrent("GRU"), "ranges of layer 'rows', which runs in a loop"),
        (lambda x: L.ConvLSTM2D(4, 3, name="maps")(L.Reshape((2, 4, 8, 3))(x)), "ranges of layer 'maps'"),
        (minus_infinity, "finite numbers alone, and the operation 'net_1/Log' computes others .* from 0 on"),
        (infinity, "finite numbers alone"),
        (no_number, "finite numbers alone, and the operation 'net_1/Sqrt'"),
    ],
    ids=["LSTM", "GRU", "ConvLSTM2D", "-inf", "inf", "nan"],
)
def test_what_ends_the_process_is_refused(make, says, tmp_path):
    for format in ("tflite-int8", "tflite-int16x8"):
        with pytest.raises(ExportError, match=says):
            export(network(make), tmp_path / "net.tflite", format, calibration=IMAGES)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:Calibration images")
def test_an_image_on_which_numbers_are_infinite_is_found_among_others(tmp_path):
    images = np.abs(IMAGES) + 0.1
    images[17, 3, 3, 1] = 0.0
    with pytest.raises(ExportError, match="on the calibration images from 16 on"):
        export(network(keras.ops.log), tmp_path / "net.tflite", "tflite-int8", calibration=images)


@pytest.mark.filterwarnings("ignore:Calibration images")
def test_the_ways_out_that_are_told_lead_out(tmp_path):
    model = network(recurrent("LSTM", unroll=True))
    assert export(model, tmp_path / "unrolled.tflite", "tflite-int8", calibration=IMAGES).error < 0.3
    assert export(network(recurrent("LSTM")), tmp_path / "dynamic.tflite", "tflite-dynamic", calibration=IMAGES).samples
