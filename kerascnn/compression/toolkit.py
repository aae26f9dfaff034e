"""The one door to TensorFlow's Model Optimization toolkit and to tf_keras, the Keras 2 that it works on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from kerascnn.errors import need
from kerascnn.runtime import need_tensorflow

SWITCH = "TF_USE_LEGACY_KERAS"  # what tf.keras, and packages on top of it, choose their Keras by


def toolkit() -> ModuleType:
    """``tensorflow_model_optimization``, imported so that the Keras of this process stays what it is."""
    legacy_keras()
    with keras_kept():
        return need("tensorflow_model_optimization", "compress", "Compression")


def legacy_keras() -> ModuleType:
    """``tf_keras``, the Keras that the toolkit works on."""
    need_tensorflow("Compression")
    with keras_kept():
        return need("tf_keras", "compress", "Compression")


@contextmanager
def keras_kept() -> Iterator[None]:
    """Settle what ``tf.keras`` is before the block, for it is settled once; and put the switch back after it."""
    import tensorflow as tf

    _ = tf.keras.layers
    before = os.environ.get(SWITCH)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SWITCH, None)
        else:
            os.environ[SWITCH] = before
