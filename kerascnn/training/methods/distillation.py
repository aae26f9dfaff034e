"""A trained network as the teacher of another. Hinton et al. 2015, https://arxiv.org/abs/1503.02531."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerascnn.card import Card
from kerascnn.data.images import with_channels
from kerascnn.runtime import load_keras
from kerascnn.spec import Preprocess
from kerascnn.tasks import Task
from kerascnn.training.recipe import Distillation


class Distilled:
    """The objective of a task with a trained network as teacher. Made within a strategy's scope.

    The task, with its classes, and ``preprocess``, which images have gone through, are the student's.

    Raises
    ------
    FileNotFoundError
        When the file or its card is missing.
    ValueError
        When the file is no Keras model, or was trained on other classes.
    """

    def __init__(self, how: Distillation, task: Task, preprocess: Preprocess):
        self.how, self.task, self.student = how, task, preprocess
        card = Card.read(how.teacher)
        if card.labels != task.labels:
            raise ValueError(f"The teacher {how.teacher} knows other classes: {unlike(card.labels, task.labels)}.")
        self.preprocess = card.preprocess
        self.teacher = task.training_model(load_keras(how.teacher))
        self.teacher.trainable = False

    def __call__(self, images: Any, outputs: dict[str, Any], targets: dict[str, Any]) -> Any:
        """What a step minimises, of each image, ``(B,)``: the teacher takes the place of a part of the losses."""
        taught = self.taught(images)
        others = sum(distilled(teacher, outputs[name], self.how.temperature) for name, teacher in taught.items())
        own = self.task.losses(outputs, targets)
        return self.task.objective(outputs, targets) + self.how.weight * (others - own)

    def taught(self, images: Any) -> dict[str, Any]:
        """The teacher's outputs by name, float32, on the student's images (B, H, W, C), made as its card says."""
        student, teacher = self.student, self.preprocess
        if (student.mean, student.std) != (teacher.mean, teacher.std):
            images = with_channels(images * student.std + student.mean, teacher.channels)
            images = (images - teacher.mean) / teacher.std
        outputs = self.teacher(resized(images, teacher), training=False)
        return {name: tf.cast(output, tf.float32) for name, output in outputs.items()}


def distilled(teacher: Any, student: Any, temperature: float) -> Any:
    """How far a student's softened probabilities are from its teacher's: ``T^2 KL(p_T || q_T)``, for each image.

    Section 2 of the paper: T^2 keeps gradients as great as those of the targets. The paper's cross-entropy is greater
    by the teacher's own entropy, which has no gradient. Both are logits, (B, ..., classes); what lies between, such as
    pixels, is averaged over.
    """
    taught, softened = teacher / temperature, student / temperature
    divergences = tf.reduce_sum(tf.nn.softmax(taught) * (tf.nn.log_softmax(taught) - tf.nn.log_softmax(softened)), -1)
    return temperature**2 * tf.reduce_mean(divergences, axis=[*range(1, len(teacher.shape) - 1)])


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


def unlike(teacher: tuple[str, ...], data: tuple[str, ...]) -> str:
    """How the classes of a teacher and of the data differ, in words."""
    if len(teacher) != len(data):
        return f"it has {len(teacher)}, and the data {len(data)}"
    place = next(i for i, (one, other) in enumerate(zip(teacher, data, strict=True)) if one != other)
    return f"class {place} is {teacher[place]!r} there and {data[place]!r} in the data"
