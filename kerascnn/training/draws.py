"""What layers draw at random in a step: the same on however many devices, in however many parts, a batch is computed.

Every layer of Keras' draws by a seed and a counter of its own, of which all devices hold the same. Left alone, each of
them would draw for its part of a batch what the first draws for the first part.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras import layers as L

SPATIAL = (L.SpatialDropout1D, L.SpatialDropout2D, L.SpatialDropout3D)
BY_PLACE = [kind.call for kind in (L.Dropout, *SPATIAL)]  # what a subclass with a call of its own does is not known
STRIDE = 1_000_003  # between the seeds of two shares of a batch
PHILOX, BLOCK = 1, 4  # TensorFlow's number for Philox, and how many numbers one count of it gives


class Draws:
    """The random numbers of a network's layers, in a batch that ``replicas`` devices compute in ``parts``.

    Dropout draws for an image by its place in the whole batch, so that devices and parts together drop what one device
    drops in one part. A layer that says ``draws_for_batch = True``, as those of drop-path in FractalNet do, draws once
    for all images: every device and part draws the same. Any other layer draws apart on every device and in every part.
    Made within a strategy's scope.
    """

    def __init__(self, model: keras.Model, replicas: int, parts: int):
        layers = model._flatten_layers(include_self=False)
        self.layers = [layer for layer in layers if type(layer).call in BY_PLACE]
        alike = [layer for layer in layers if getattr(layer, "draws_for_batch", False)]
        known = {id(variable) for layer in (*self.layers, *alike) for variable in layer.variables}
        self.seeds = [variable for variable in model.variables if variable.name == "seed_generator_state"]
        self.apart = [seed for seed in self.seeds if id(seed) not in known]
        self.replicas, self.parts = replicas, parts
        self.place = tf.Variable(  # of this replica's first image in the whole batch, and how many it has
            tf.constant([0, 1], tf.int64),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Let dropout draw by the places of images; afterwards the layers are as they were."""
        for layer in self.layers:
            layer.call = partial(self.dropped, layer)
        try:
            yield
        finally:
            for layer in self.layers:
                del layer.call

    @contextmanager
    def share(self, images: int | tf.Tensor, part: int | tf.Tensor, *, last: bool) -> Iterator[tf.Tensor]:
        """Draw for one replica's ``images`` of a part of the batch, from 0 on; gives the images of all replicas.

        The counters go on after the ``last`` part: the others draw from where it does.
        """
        context: Any = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group
        every = tf.range(self.replicas)
        sizes: Any = context.all_reduce("sum", tf.where(every == replica, images, 0))  # replicas may hold unequal parts
        together, before_own = tf.reduce_sum(sizes), tf.reduce_sum(tf.where(every < replica, sizes, 0))
        self.place.assign(tf.cast(tf.stack([part * together + before_own, images]), tf.int64))
        before = [tf.identity(seed.value) for seed in self.seeds]
        shift = tf.cast(tf.stack([(part * self.replicas + replica) * STRIDE, 0]), tf.int64)
        for seed in self.apart:
            seed.assign_add(shift)
        yield together
        for seed in self.apart:
            seed.assign_sub(shift)
        for seed, value in zip([] if last else self.seeds, before, strict=False):
            seed.assign(value)

    def dropped(self, layer: Any, inputs: Any, training: bool = False) -> Any:
        """What a dropout layer makes of its inputs, (B, ...), of one row or as many as it may be for each image."""
        if not training or not layer.rate:
            return inputs
        shape, place = tf.shape(inputs), tf.unstack(self.place)
        first = place[0] * (tf.cast(shape[0], tf.int64) // place[1])
        if (given := noise_shape(layer, len(inputs.shape))) is not None:
            first = first if given[0] is None else tf.zeros_like(first)  # of one row for all, or of a whole batch
            shape = tf.stack([shape[axis] if size is None else size for axis, size in enumerate(given)])
        kept = rows(shape, layer.seed_generator.next(), first) >= layer.rate
        scale = 0.0 if layer.rate == 1 else 1 / (1 - layer.rate)
        return tf.where(kept, inputs * tf.cast(scale, inputs.dtype), tf.zeros_like(inputs))


def noise_shape(layer: Any, rank: int) -> tuple[int | None, ...] | None:
    """The shape of what a dropout layer draws, with None for what is as in its inputs; None where all is."""
    if not isinstance(layer, SPATIAL):
        return layer.noise_shape
    channels = 1 if getattr(layer, "data_format", None) == "channels_first" else rank - 1
    return tuple(None if axis in (0, channels) else 1 for axis in range(rank))


def rows(shape: tf.Tensor, seed: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """Numbers from 0 to 1 in a shape (B, ...), float32: of the endless sequence of a seed's rows, those from ``first``.

    Philox counts and scrambles what it has counted, so that any place of its sequence is reached at once. Salmon et al.
    2011, https://doi.org/10.1145/2063384.2063405.
    """
    row = tf.cast(tf.reduce_prod(shape[1:]), tf.int64)
    blocks = (row + BLOCK - 1) // BLOCK
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    counter += tf.stack([tf.cast(tf.cast(first, tf.int64) * blocks, tf.uint64), tf.constant(0, tf.uint64)])
    drawn = tf.raw_ops.StatelessRandomUniformV2(
        shape=tf.stack([tf.cast(shape[0], tf.int64), blocks * BLOCK]), key=key, counter=counter, alg=PHILOX
    )
    return tf.reshape(drawn[:, :row], shape)
