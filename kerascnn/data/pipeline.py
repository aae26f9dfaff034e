"""Batches for training and evaluation, and single images for prediction."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerascnn.data import augment as augmentations
from kerascnn.data import images
from kerascnn.data.sources import Split
from kerascnn.spec import Preprocess


def batches(
    split: Split,
    preprocess: Preprocess,
    batch: int,
    *,
    augment: Sequence[str] = (),
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = False,
    parallel: int = os.cpu_count() or 1,
) -> tf.data.Dataset:
    """One pass over the images.

    Order and augmentation follow from ``seed``, ``epoch`` and an image's place in the split alone: neither the number
    of threads nor an interruption changes a bit.

    Parameters
    ----------
    split
        Images and targets.
    preprocess
        Size, channels and range that the network wants.
    batch
        Images per batch; the last batch holds what remains.
    augment
        Names from ``AUGMENTATIONS``, in the order in which they are made; a cut comes before all changes. Without a
        cut, images have the geometry of evaluation.
    seed, epoch
        Non-negative; a further epoch has another order and other augmentations.
    shuffle
        Whether to draw an order, over the whole split.
    parallel
        Images prepared at a time.

    Returns
    -------
    tf.data.Dataset
        Pairs of images, (B, size, size, C) float32, and targets, (B,) int32.

    Raises
    ------
    ValueError
        When an augmentation is unknown or clashes with another.
    """
    augmentations.check(augment)
    rng = np.random.default_rng([seed, epoch])
    salt = rng.integers(2**63)
    order = rng.permutation(len(split)) if shuffle else np.arange(len(split))
    sources, targets = tf.constant(split.images), tf.constant(split.targets, tf.int32)

    def sample(index):
        source = tf.gather(sources, index)
        image = images.decode(tf.io.read_file(source)) if split.in_files else source
        seeds = tf.unstack(tf.random.split(tf.stack([salt, index]), len(augment)))
        return prepared(image, preprocess, list(zip(augment, seeds, strict=True))), tf.gather(targets, index)

    dataset = tf.data.Dataset.from_tensor_slices(order)
    dataset = dataset.map(sample, num_parallel_calls=parallel, deterministic=True)
    # Left to tune itself, a finished pipeline waits for a tuner that sleeps twice as long each time, up to a minute.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.batch(batch).prefetch(2).with_options(options)


def prepared(image: tf.Tensor, preprocess: Preprocess, steps: Sequence[tuple[str, tf.Tensor]] = ()) -> tf.Tensor:
    """(H, W, 1 or 3) uint8 to (size, size, C) float32, normalised; ``steps`` are augmentations with their seeds."""
    fit = images.centred
    for name, seed in steps:
        if name in augmentations.CUTS:
            image, fit = augmentations.CUTS[name](image, seed), images.stretched
    image = fit(images.with_channels(image, preprocess.channels), preprocess)
    image = tf.ensure_shape(image, (preprocess.size, preprocess.size, preprocess.channels))
    for name, seed in steps:
        if name in augmentations.CHANGES:
            image = augmentations.CHANGES[name](image, seed)
    return images.normalised(image, preprocess)


def load_image(path: str | os.PathLike, preprocess: Preprocess) -> np.ndarray:
    """One image file as evaluation sees it, (size, size, C) float32.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is not an image that can be decoded.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no image file {path}.")
    try:
        image = images.decode(path.read_bytes())
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(f"{path} is not a JPEG, PNG, BMP or GIF image that can be decoded.") from error
    return prepared(image, preprocess).numpy()
