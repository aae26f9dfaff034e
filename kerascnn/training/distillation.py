"""A trained network as the teacher of another. Hinton et al. 2015, https://arxiv.org/abs/1503.02531."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerascnn.card import Card
from kerascnn.data.images import with_channels
from kerascnn.runtime import load_keras
from kerascnn.spec import Preprocess
from kerascnn.training.heads import HEAD, by_name, up_to_logits


class Teacher:
    """A network that says what it sees on the images that a student learns from. Made within a strategy's scope.

    Parameters
    ----------
    path
        A ``.keras`` file with its card.
    labels
        The student's classes.
    preprocess
        What the student's images have gone through.

    Raises
    ------
    FileNotFoundError
        When the file or its card is missing.
    ValueError
        When the file is no Keras model, or was trained on other classes.
    """

    def __init__(self, path: str, labels: tuple[str, ...], preprocess: Preprocess):
        self.student = preprocess
        card = Card.read(path)
        if card.labels != labels:
            raise ValueError(f"The teacher {path} knows other classes: {unlike(card.labels, labels)}.")
        self.preprocess = card.preprocess
        self.logits = up_to_logits(load_keras(path))
        self.logits.trainable = False

    def __call__(self, images: Any) -> Any:
        """Logits (B, classes) float32 of the student's images (B, H, W, C), made as its card says."""
        ours, theirs = self.student, self.preprocess
        if (ours.mean, ours.std) != (theirs.mean, theirs.std):
            images = with_channels(images * ours.std + ours.mean, theirs.channels)
            images = (images - theirs.mean) / theirs.std
        outputs = self.logits(resized(images, theirs), training=False)
        return tf.cast(by_name(outputs)[HEAD], tf.float32)


def resized(images: Any, how: Preprocess) -> Any:
    """All of (B, H, W, C) on the teacher's ``size`` x ``size``, as two products, which every device computes."""
    size = how.size
    height, width = images.shape[1:3]
    if (height, width) == (size, size):
        return images
    rows, columns = (resizing(side, size, how.interpolation) for side in (height, width))
    return tf.einsum("yh,bhwc,xw->byxc", rows, images, columns)


def resizing(side: int, size: int, interpolation: str) -> np.ndarray:
    """The matrix (size, side) that a column of pixels is multiplied by; how evaluation resizes, in one direction."""
    with tf.init_scope():
        lines = tf.image.resize(np.eye(side)[..., None], (size, side), interpolation, antialias=True)
    return np.asarray(lines)[..., 0]


def unlike(theirs: tuple[str, ...], ours: tuple[str, ...]) -> str:
    """How the classes of two networks differ, in words."""
    if len(theirs) != len(ours):
        return f"it has {len(theirs)}, and the data {len(ours)}"
    place = next(i for i, (their, our) in enumerate(zip(theirs, ours, strict=True)) if their != our)
    return f"class {place} is {theirs[place]!r} there and {ours[place]!r} in the data"
