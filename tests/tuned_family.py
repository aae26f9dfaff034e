"""Train the tiny form of a family on real digits, tune it for int8, and say how its file agrees with the tuned one."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from test_conformance import TINY

from kerascnn.compression.quantization import quantize_aware
from kerascnn.compression.tuning import Tuning
from kerascnn.data import open_data
from kerascnn.deploy import export
from kerascnn.deploy.operators import tflite_operators
from kerascnn.runtime import open_model

BATCH = 64
EPOCHS = {  # 20 of others
    "ViT": 60,  # attention learns slower
    "SENet154Family": 5,  # TensorFlow computes gradients of many groups slowly on a CPU
    "CondenseNet": 10,
    "CondenseNetConverted": 10,
}
DROPOUT = {"AlexNetFamily": 0.1}  # half of 16 units leaves too little to learn with, before int8 and after


def trained(family: str):
    """A tiny network that knows the digits, and these: training and held-out images and targets."""
    keras.utils.set_random_seed(0)
    model = TINY[family](classes=10)
    data = open_data("digits", progress=False)
    parts = [
        (images(part.images, model.input_shape[1:]), np.asarray(part.annotations["label"]))
        for part in (data.train, data.validation)
    ]
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # a short training
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = DROPOUT.get(family, layer.rate)
    epochs = EPOCHS.get(family, 20)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(parts[0][0]) // BATCH)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(*parts[0], batch_size=BATCH, epochs=epochs, verbose=0)
    return model, *parts


def images(pixels, shape):
    height, width, channels = shape
    resized = keras.ops.image.resize(pixels.astype("float32") / 127.5 - 1, (height, width))
    return np.repeat(np.asarray(resized), channels, axis=-1)


def main(family: str, file: str) -> None:
    model, train, (x, y) = trained(family)
    tuned = quantize_aware(model, train, Tuning(epochs=3, lr=5e-4))
    export(tuned.simulation, file, "tflite-int8", calibration=train[0][:64])
    interpreter = Interpreter(file, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    simulated, got = tuned.predict(x)["scores"], open_model(file)(x)["scores"]
    said = {
        "float": accuracy(model.predict(x, verbose=0), y),
        "tuned": accuracy(simulated, y),
        "file": accuracy(got, y),
        "agreement": accuracy(got, simulated.argmax(axis=-1)),
        "operators": tflite_operators(Path(file)),
        "float_tensors": [t["name"] for t in interpreter.get_tensor_details() if t["dtype"] == np.float32],
    }
    print(json.dumps(said))


def accuracy(scores, targets) -> float:
    return float(np.mean(scores.argmax(axis=-1) == targets))


if __name__ == "__main__":
    main(*sys.argv[1:])
