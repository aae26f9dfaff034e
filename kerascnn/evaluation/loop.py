"""The loop of every evaluation: images through a model, outputs and targets into a task's evaluator."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any, Protocol, TypeVar

import numpy as np

from kerascnn.progress import track

Result = TypeVar("Result", covariant=True)
Arrays = Mapping[str, Any]
Predict = Callable[[np.ndarray], Arrays]


class Evaluator(Protocol[Result]):
    """Takes in what a model answers, batch by batch; ``kerascnn.tasks.Task.evaluator`` makes one."""

    def add(self, outputs: Arrays, targets: Arrays) -> None:
        """Take in a batch: outputs of the model and targets, (N, ...) each."""
        ...

    def result(self) -> Result:
        """What all batches together are worth."""
        ...


def evaluate(predict: Predict, batches: Iterable[tuple[Any, Arrays]], evaluator: Evaluator[Result]) -> Result:
    """Run a model over batches and say what its answers are worth. A progress bar appears when it takes long.

    ``predict``, a :class:`kerascnn.runtime.Runner` for instance, goes from float32 images (N, H, W, C) to outputs by
    name; batches are pairs of such images, already normalised, and targets by name, which ``task.evaluator()`` takes
    in. Raises ``ValueError`` when there is no image, or the evaluator refuses outputs or targets.
    """
    with closing(track(batches, "evaluating")) as shown:
        for images, targets in shown:
            evaluator.add(predict(np.asarray(images, dtype=np.float32)), arrays(targets))
    return evaluator.result()


def arrays(tensors: Arrays) -> dict[str, np.ndarray]:
    return {name: np.asarray(tensor) for name, tensor in tensors.items()}
