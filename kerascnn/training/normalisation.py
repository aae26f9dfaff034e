"""Batch normalisation of a training step by TensorFlow's one kernel, where Keras takes about ten operations."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import tensorflow as tf

KINDS = ("float32", "bfloat16", "float16")  # of features that the kernel takes; its statistics are float32


def norms(model: keras.Model) -> list[Any]:
    """All layers of batch normalisation, also those within layers that are made of others."""
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


@contextmanager
def fused(model: keras.Model) -> Iterator[None]:
    """Let batch normalisation compute by the kernel; afterwards the layers are as they were.

    The numbers are Keras' but for rounding. A class of the user's own computes as it says.
    """
    layers = [layer for layer in norms(model) if type(layer) is keras.layers.BatchNormalization]
    for layer in layers:
        layer.call = partial(normalised, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def normalised(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """What a layer of batch normalisation makes of its inputs; Keras computes what the kernel does not."""
    maps = len(inputs.shape) == 4 and layer.axis in (-1, 3)
    maps = maps and keras.backend.standardize_dtype(inputs.dtype) == layer.compute_dtype in KINDS
    otherwise = mask is not None or layer.synchronized or getattr(layer, "renorm", False)
    if otherwise or not (training and layer.trainable and maps):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    channels = inputs.shape[-1]
    made: Any = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=tf.ones(channels) if layer.gamma is None else keras.ops.cast(layer.gamma, "float32"),
        offset=tf.zeros(channels) if layer.beta is None else keras.ops.cast(layer.beta, "float32"),
        mean=tf.zeros(0),
        variance=tf.zeros(0),
        epsilon=layer.epsilon,
        is_training=True,
    )
    # The kernel divides the squares by one less than there are pixels, and Keras by all of them.
    variance = made.batch_variance * (1 - channels / tf.cast(tf.size(inputs, tf.int64), tf.float32))
    for moving, batch in ((layer.moving_mean, made.batch_mean), (layer.moving_variance, variance)):
        moving.assign(keras.ops.cast(moving, "float32") * layer.momentum + batch * (1 - layer.momentum))
    return made.y
