"""The short training in which a network gets used to being compressed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.compression.toolkit import legacy_keras
from kerascnn.compression.twin import brought_back, twin
from kerascnn.runtime import deep_graphs

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How a network is trained on while it is compressed: Adam, with a rate that falls to 0 along half a cosine.

    Parameters
    ----------
    epochs
        Passes over the training images; one has at least one step.
    batch
        Images per step; without meaning for a dataset, whose batches are taken as they come.
    lr
        Rate of the first step. A hundredth of what the network was first trained with is a good start.
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
    """Batches of images and targets, as many as an epoch has.

    Parameters
    ----------
    train
        Images ``(N, H, W, C)`` float32, preprocessed as the network expects, and targets, ``(N,)`` integers or every
        class's share ``(N, classes)``; or a ``tf.data.Dataset`` of batches of such pairs, finite, in which targets may
        also have their names: ``{"label": ...}``.

    Raises
    ------
    ValueError
        When it is none of these, or has no end or no images.
    """
    import tensorflow as tf

    if isinstance(train, tf.data.Dataset):
        if train.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError("This dataset has no end; say with take(steps) how many batches make an epoch.")
        spec: Any = train.element_spec
        if isinstance(spec[1], dict):
            return train.map(lambda images, targets: (images, targets["label"]))
        return train
    if not isinstance(train, Sequence) or len(train) != 2:
        raise ValueError(f"Training data is (images, targets) or a tf.data.Dataset, got a {type(train).__name__}.")
    images, targets = (np.asarray(part) for part in train)
    if images.ndim != 4 or not len(images) or len(images) != len(targets):
        raise ValueError(
            f"Training data is images (N, H, W, C) and as many targets, got arrays of shape {images.shape} and "
            f"{targets.shape}."
        )
    pairs = tf.data.Dataset.from_tensor_slices((images.astype("float32"), targets))
    return pairs.shuffle(len(images), seed=tuning.seed).batch(tuning.batch)


def steps_of(batches: Any) -> int:
    """Batches in an epoch; they are counted where the dataset does not know."""
    known = int(batches.cardinality())
    return known if known > 0 else sum(1 for _ in batches)


@deep_graphs()
def tuned(model: "keras.Model", train: Any, tuning: Tuning = DEFAULT) -> "keras.Model":
    """A copy of a Keras 3 classifier, trained on, in float32. Zeros and equal weights stay so, see ``kept``.

    Raises
    ------
    ValueError
        When the data is not as :func:`dataset` takes it.
    ImportError
        When tf_keras is not installed.
    """
    batches, other = dataset(train, tuning), twin(model)
    kernels = [w for w in other.trainable_weights if len(w.shape) > 1]
    tune(other, batches, tuning, "tuning", [kept(kernels)])
    return brought_back(other, model)


def tune(model: Any, batches: Any, tuning: Tuning, title: str, callbacks: Sequence[Any] = ()) -> None:
    """Train a ``tf_keras.Model`` in place, by cross-entropy, showing a bar.

    Raises
    ------
    FloatingPointError
        When the loss is no number any more.
    """
    tf_keras = legacy_keras()
    steps = steps_of(batches)
    schedule = tf_keras.optimizers.schedules.CosineDecay(tuning.lr, tuning.epochs * steps)
    model.compile(tf_keras.optimizers.Adam(schedule), cross_entropy(model))
    with bar(title, tuning.epochs * steps, tuning.progress) as watch:
        watcher = tf_keras.callbacks.LambdaCallback(on_batch_end=lambda _, logs: watch(logs["loss"]))
        history = model.fit(batches, epochs=tuning.epochs, verbose=0, callbacks=[*callbacks, watcher]).history
    if not np.isfinite(history["loss"][-1]):
        raise FloatingPointError(f"The loss has become {history['loss'][-1]} at lr={tuning.lr}; take a smaller one.")


def kept(kernels: Iterable[Any]) -> Any:
    """A callback of tf_keras by which weights that are 0 stay 0, and weights of a kernel that are equal stay equal.

    What was pruned so stays pruned, and what was clustered clustered, whatever else it is tuned for: after each step
    equal weights take their mean, which moves a cluster by its mean gradient.

    Parameters
    ----------
    kernels
        Variables, with the values to keep.
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


def cross_entropy(model: Any) -> Callable[[Any, Any], Any]:
    """Cross-entropy of targets, classes or shares, and of what ``model`` puts out: probabilities or logits."""
    import tensorflow as tf

    keras, kind = legacy_keras(), activation_of(model)

    def loss(targets: Any, outputs: Any) -> Any:
        classes = outputs.shape[-1]
        shares = targets if targets.shape.rank == 2 and targets.shape[-1] == classes else one_hot(targets, classes)
        if kind == "sigmoid":
            return keras.losses.binary_crossentropy(shares, outputs)
        return keras.losses.categorical_crossentropy(shares, outputs, from_logits=kind != "softmax")

    def one_hot(targets: Any, classes: int) -> Any:
        return tf.one_hot(tf.cast(tf.reshape(targets, [-1]), tf.int32), classes)

    return loss


def activation_of(model: Any) -> str:
    """The name of the activation that a model ends in; "linear" where it puts out logits.

    Raises
    ------
    ValueError
        When the model has several outputs.
    """
    if len(model.outputs) != 1:
        raise ValueError(f"{model.name} has {len(model.outputs)} outputs; a network that is tuned here has one.")
    last = model.outputs[0]._keras_history.layer
    last = getattr(last, "layer", last)  # inside a tool's wrapper
    return getattr(getattr(last, "activation", None), "__name__", type(last).__name__.lower())


@contextmanager
def bar(title: str, steps: int, shown: bool) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal over so many steps; moved by calling it with the loss."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not (shown and console.is_terminal)) as progress:
        task = progress.add_task(title, total=steps)
        yield lambda loss: progress.update(task, advance=1, description=f"{title}  loss {loss:.4f}")
