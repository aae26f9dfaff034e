"""A tiny network that has learned real digits, in seconds, and the digits."""

from functools import cache

import keras
import numpy as np
from keras import layers as L

from kerascnn.data import open_data


@cache
def digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Training and held-out images (N, 8, 8, 1), from 0 to 1, and targets (N,)."""
    data = open_data("digits")
    return tuple(
        ((part.images / 255).astype("float32"), part.annotations["label"]) for part in (data.train, data.validation)
    )


def drawn() -> keras.Model:
    """Convolutions of each kind that compression treats differently, and a residual block."""
    image = keras.Input((8, 8, 1), name="image")
    x = L.Conv2D(16, 3, padding="same", use_bias=False, name="stem-conv")(image)
    x = stem = L.ReLU(name="stem-relu")(L.BatchNormalization(momentum=0.9, name="stem-bn")(x))
    x = L.DepthwiseConv2D(3, padding="same", use_bias=False, name="block1-depthwise")(x)
    x = L.ReLU(name="block1-relu")(L.BatchNormalization(momentum=0.9, name="block1-bn")(x))
    x = L.Conv2D(16, 1, name="block1-project")(x)
    x = L.Add(name="block1-add")([x, stem])
    x = L.Conv2D(32, 3, strides=2, padding="same", groups=2, activation="relu", name="block2-conv")(x)
    x = L.Flatten(name="head-flatten")(x)
    x = L.Dense(32, activation="hard_silu", name="head-hidden")(x)
    x = L.Dense(10, name="head-dense")(x)
    return keras.Model(image, L.Softmax(name="head-softmax")(x), name="tiny_digits")


@cache
def learned() -> tuple[dict[str, np.ndarray], ...]:
    keras.utils.set_random_seed(0)
    model, (train, _) = drawn(), digits()
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    model.fit(*train, batch_size=64, epochs=6, verbose=0)
    return tuple(model.get_weights())


def trained() -> keras.Model:
    """A network of its own with what was learned once."""
    model = drawn()
    model.set_weights(learned())
    return model


def top1(model: keras.Model) -> float:
    images, targets = digits()[1]
    return float(np.mean(np.argmax(model.predict(images, batch_size=512, verbose=0), axis=-1) == targets))
