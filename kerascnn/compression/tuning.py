"""The short training in which a network adapts to being compressed."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.compression.legacy_copy import keras3_copy, legacy_copy
from kerascnn.compression.toolkit import legacy_keras
from kerascnn.graph.ending import ending
from kerascnn.graph.graph import Graph
from kerascnn.progress import bar
from kerascnn.runtime import deep_graphs, need_tensorflow, outputs_by_name
from kerascnn.tasks.heads import check_shares
from kerascnn.tasks.losses import of_activated

if TYPE_CHECKING:
    import keras

    from kerascnn.tasks import Task

Loss = Callable[[Any, Any], Any]  # targets and outputs of a batch to the loss of each image, or their mean
SLACK = 1e-3  # how far the shares of an image may sum from 1


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How a network is trained on while it is compressed: Adam, with a learning rate that falls to 0 along a cosine.

    Parameters
    ----------
    epochs
        Passes over the training images; one has at least one step.
    batch
        Images per step; without meaning for a dataset, whose batches are taken as they come.
    lr
        Learning rate of the first step. A hundredth of what the network was first trained with is a good start.
    seed
        Decides the order of the images.
    progress
        Show a bar on a terminal.
    """

    epochs: int = 4
    batch: int = 64
    lr: float = 1e-4
    seed: int = 0
    progress: bool = True

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} of a Tuning must be 1 or more, got {value}.")
        if not self.lr > 0:
            raise ValueError(f"lr of a Tuning must be above 0, got {self.lr}.")


DEFAULT = Tuning()


def dataset(train: Any, tuning: Tuning) -> Any:
    """Batches of images and targets, as many as an epoch has, of what :func:`tuned` takes; anything else is refused."""
    import tensorflow as tf

    if isinstance(train, tf.data.Dataset):
        if train.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError("This dataset has no end; say with take(steps) how many batches make an epoch.")
        return train
    if not isinstance(train, Sequence) or len(train) != 2:
        raise ValueError(f"Training data is (images, targets) or a tf.data.Dataset, got a {type(train).__name__}.")
    images, targets = np.asarray(train[0]), tf.nest.map_structure(np.asarray, train[1])
    arrays = tf.nest.flatten(targets)
    if images.ndim != 4 or not len(images) or any(len(images) != len(array) for array in arrays):
        raise ValueError(
            f"Training data is images (N, H, W, C) and as many targets, got arrays of shape {images.shape} and "
            f"{', '.join(str(array.shape) for array in arrays)}."
        )
    pairs = tf.data.Dataset.from_tensor_slices((images.astype("float32"), targets))
    return pairs.shuffle(len(images), seed=tuning.seed).batch(tuning.batch)


def lesson(model: "keras.Model", train: Any, tuning: Tuning, loss: Loss | None) -> tuple[Any, Loss]:
    """Batches of :func:`dataset`, and the loss on them; both are tried on the first batch, before anything is trained.

    Raises ``ValueError`` when the data or the loss is not what :func:`tuned` takes.
    """
    need_tensorflow("Compression")
    batches = dataset(train, tuning)
    first = next(iter(batches.take(1)), None)
    if first is None:
        raise ValueError("There are no images to train on.")
    images, targets = first
    if loss is None:
        loss = classification_loss(model)
        loss.check(targets if train is batches else train[1])
        check_shares(model, lambda: images)
    loss = of_each(loss)
    loss(targets, model(images, training=False))
    return batches, loss


def of_each(loss: Loss) -> Loss:
    """The same loss, which is refused where it pairs the target of one image with the output of another."""
    import tensorflow as tf

    def checked(targets: Any, outputs: Any) -> Any:
        values = tf.convert_to_tensor(loss(targets, outputs))
        shapes = [list(x.shape) for x in tf.nest.flatten(outputs)]
        if values.shape.rank not in (None, 0, 1) and list(values.shape) not in shapes:
            given = ", ".join(str(x.shape) for x in tf.nest.flatten(targets))
            raise ValueError(
                f"The loss is of shape {values.shape} for targets of shape {given} and outputs of shape "
                f"{', '.join(str(tuple(shape)) for shape in shapes)}; expected one number for each image. Give the "
                "targets the shape of the outputs."
            )
        return values

    return checked


def steps_of(batches: Any) -> int:
    """Batches in an epoch; they are counted where the dataset does not know."""
    known = int(batches.cardinality())
    return known if known > 0 else sum(1 for _ in batches)


@deep_graphs()
def tuned(model: "keras.Model", train: Any, tuning: Tuning = DEFAULT, loss: Loss | None = None) -> "keras.Model":
    """A copy of a Keras 3 model, trained on, in float32. Zeros and equal weights stay so, see :func:`kept`.

    Parameters
    ----------
    train
        Images ``(N, H, W, C)`` float32, preprocessed as the network expects, and targets, an array ``(N, ...)`` or a
        dictionary of such arrays; or a ``tf.data.Dataset`` of batches of such pairs, finite. For a classifier targets
        are its classes, ``(N,)``, or the share of every class, ``(N, classes)``, alone or as ``"label"``; of one
        sigmoid they are 0 and 1, or a share.
    loss
        A function of targets and outputs, as they are in the data and as the model gives them, to the loss of each
        image; such as ``keras.losses.mean_squared_error`` for numbers, or
        ``keras.losses.BinaryCrossentropy(from_logits=True)`` for a single logit. None: cross-entropy, for a classifier
        with a score for each class or with one sigmoid.

    Raises
    ------
    ValueError
        When the data is none of these, or has no end or no images, or a loss is missing; before any training, but for
        targets of a later batch of a dataset.
    FloatingPointError
        When the loss is no number any more.
    ImportError
        When tf_keras is not installed.
    """
    batches, loss = lesson(model, train, tuning, loss)
    copy = legacy_copy(model)
    kernels = [w for w in copy.trainable_weights if len(w.shape) > 1]
    tune(copy, batches, tuning, loss, "tuning", [kept(kernels)])
    return keras3_copy(copy, model)


def tune(model: Any, batches: Any, tuning: Tuning, loss: Loss, title: str, callbacks: Sequence[Any] = ()) -> None:
    """Train a ``tf_keras.Model`` in place, showing a bar."""
    import tensorflow as tf

    tf_keras = legacy_keras()
    steps = tuning.epochs * steps_of(batches)
    optimizer = tf_keras.optimizers.Adam(tf_keras.optimizers.schedules.CosineDecay(tuning.lr, steps))
    hooks = tf_keras.callbacks.CallbackList(callbacks, model=model)

    @tf.function(reduce_retracing=True)
    def train_step(images: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            mean = tf.reduce_mean(loss(targets, model(images, training=True)))
        variables = model.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(mean, variables), variables, strict=True))
        return mean

    value = 0.0
    hooks.on_train_begin()
    with bar(title, steps, shown=tuning.progress) as move:
        for epoch in range(tuning.epochs):
            for images, targets in batches:
                try:
                    value = float(train_step(images, targets))
                except tf.errors.InvalidArgumentError as error:
                    known = re.search(r"assertion failed: \[(.+?)\]", error.message)
                    reason = known[1].strip("b'") if known else error.message
                    raise ValueError(f"The network cannot be trained on this batch: {reason}") from error
                hooks.on_train_batch_end(0)
                move(note=f"loss {value:.4f}")
            hooks.on_epoch_end(epoch)
    if not np.isfinite(value):
        raise FloatingPointError(f"The loss has become {value} at lr={tuning.lr}; take a smaller one.")


def kept(kernels: Iterable[Any]) -> Any:
    """A callback of tf_keras by which weights that are 0 stay 0, and weights of a kernel that are equal stay equal.

    What was pruned so stays pruned, and what was clustered clustered, whatever else it is tuned for: after each step
    equal weights take their mean, which moves a cluster by its mean gradient.
    """
    import tensorflow as tf

    shared = []
    for kernel in kernels:
        values, index, counts = np.unique(kernel.numpy(), return_inverse=True, return_counts=True)
        if len(values) < index.size:
            shared.append((kernel, index.reshape(-1), ((values != 0) / counts).astype("float32")))

    def restore(batch: int, logs: Any) -> None:
        for kernel, index, scale in shared:
            means = scale * tf.math.unsorted_segment_sum(tf.reshape(kernel, [-1]), index, len(scale))
            kernel.assign(tf.reshape(tf.gather(means, index), kernel.shape))

    return legacy_keras().callbacks.LambdaCallback(on_batch_end=restore)


def classification_loss(model: "keras.Model") -> "ClassLoss":
    """Cross-entropy of a classifier; a model with several outputs, or without a score for each class, is refused."""
    if len(model.outputs) != 1:
        raise ValueError(f"{model.name} has {len(model.outputs)} outputs; a classifier that is tuned here has one.")
    graph, shape = Graph(model), tuple(model.outputs[0].shape)
    activation = ending(graph, graph.model.outputs[0]).activation
    if len(shape) != 2 or (shape[1] < 2 and activation != "sigmoid"):
        raise ValueError(
            f"{model.name} puts out {shape}; a classifier that is tuned here puts out (None, classes), a score for "
            "each class, or one sigmoid. For anything else say which loss, by loss: "
            "keras.losses.BinaryCrossentropy(from_logits=True) for a single logit, or "
            "keras.losses.mean_squared_error for numbers."
        )
    return ClassLoss(model.name, shape[1], activation)


@dataclass(frozen=True)
class ClassLoss:
    """Cross-entropy of a classifier, of targets that are its classes, or shares of them."""

    name: str  # of the model
    scores: int  # that it puts out
    activation: str  # that they have passed through

    def __call__(self, targets: Any, outputs: Any) -> Any:
        import tensorflow as tf

        labels = self.shaped(targets)
        for holds, what in self.conditions(labels):
            tf.debugging.Assert(holds, [what])
        (scores,) = tf.nest.flatten(outputs)
        return of_activated(self.activation, scores, labels)

    def check(self, targets: Any) -> None:
        """Refuse targets that are neither classes nor shares."""
        for holds, what in self.conditions(self.shaped(targets)):
            if not holds:
                raise ValueError(f"{what[0].upper()}{what[1:]}. For targets of another kind say which loss, by loss.")

    def shaped(self, targets: Any) -> Any:
        """Targets as classes, (N,) int64, or shares, (N, scores) float32."""
        import tensorflow as tf

        labels = tf.convert_to_tensor(targets["label"] if isinstance(targets, Mapping) else targets)
        if self.scores == 1 and len(labels.shape) == 1:
            labels = labels[:, None]
        if len(labels.shape) not in (1, 2) or not (
            labels.dtype.is_floating or labels.dtype.is_integer or labels.dtype.is_bool
        ):
            raise ValueError(
                f"Targets are {labels.dtype.name} of shape {labels.shape}; those of a classifier are classes, (N,) "
                "integers, or shares, (N, classes). For others say which loss, by loss."
            )
        if len(labels.shape) == 2:
            if labels.shape[1] not in (None, self.scores):
                raise ValueError(
                    f"Targets weigh {labels.shape[1]} classes, but {self.name} puts out {self.scores} scores."
                )
            return tf.cast(labels, tf.float32)
        whole = tf.cast(labels, tf.int64)
        # what is no whole number is no class: -1 takes its place
        return tf.where(tf.cast(whole, labels.dtype) == labels, whole, -1) if labels.dtype.is_floating else whole

    def conditions(self, labels: Any) -> Iterator[tuple[Any, str]]:
        """What has to hold of targets, and what is said where it does not."""
        import tensorflow as tf

        if len(labels.shape) == 1:
            within = tf.reduce_all((labels >= 0) & (labels < self.scores))
            yield (
                within,
                f"a target is no class of {self.name}, which puts out {self.scores} scores: for 0 to {self.scores - 1}",
            )
            return
        within = tf.reduce_all((labels >= 0) & (labels <= 1))
        yield within, f"a target is no share of a class of {self.name}: these are from 0 to 1"
        if self.activation != "sigmoid":
            whole = tf.reduce_all(tf.abs(tf.reduce_sum(labels, axis=-1) - 1) < SLACK)
            yield whole, f"the shares of an image do not sum to 1, and {self.name} chooses one class of all"


def task_loss(task: "Task", model: "keras.Model") -> Loss:
    """The loss of a task on the outputs of ``model``, or of any copy of it that gives the same.

    Targets go by name, or are the one annotation that the task needs.
    """
    graph = Graph(model)
    outputs = outputs_by_name(graph.model, graph.model.output)  # a sequential model has no output of its own
    activations = {name: ending(graph, x).activation for name, x in outputs.items()}

    def loss(targets: Any, outputs: Any) -> Any:
        by_name = targets if isinstance(targets, Mapping) else {task.annotations[0]: targets}
        return task.output_loss(activations, by_name, outputs_by_name(model, outputs))

    return loss
