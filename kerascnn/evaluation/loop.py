"""The loop of every evaluation: images through a model, outputs and targets into a task's evaluator."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from kerascnn.progress import track
from kerascnn.spec import PROPOSALS

Result = TypeVar("Result", covariant=True)
Arrays = Mapping[str, Any]
Predict = Callable[..., Arrays]  # of images, and of their proposals where they come with some
ROOM = 2**27  # bytes of outputs that are held at a time: a detector may give 40 MB for an image


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
    name, and is given proposals too where targets have some; batches are pairs of such images, already normalised, and
    targets by name, which ``task.evaluator()`` takes in. As many images of a batch are run at a time as have their
    outputs in ``ROOM``. Raises ``ValueError`` when there is no image, or the evaluator refuses outputs or targets.
    """
    with closing(track(batches, "evaluating")) as shown:
        answers = InParts(predict)
        for images, targets in shown:
            answers.into(evaluator, np.asarray(images, dtype=np.float32), arrays(targets))
    return evaluator.result()


@dataclass
class InParts:
    """Runs as many images at a time as have their outputs in ``ROOM``, as the first one's outputs say."""

    predict: Predict
    count: int = 0

    def __call__(self, images: np.ndarray, *beside: np.ndarray) -> Iterator[tuple[slice, Arrays]]:
        """Which of the images, one part after the other, and their outputs; ``beside`` is what goes with them."""
        if not self.count and len(images) > 1:
            first = self.predict(*(rows[:1] for rows in (images, *beside)))
            each = sum(np.asarray(values).nbytes / len(values) for values in first.values())
            self.count = max(1, int(ROOM / each))
        for start in range(0, len(images), self.count or 1):
            part = slice(start, start + (self.count or 1))
            yield part, self.predict(*(rows[part] for rows in (images, *beside)))

    def into(self, evaluator: Evaluator[Any], images: np.ndarray, targets: Mapping[str, np.ndarray]) -> None:
        """Let an evaluator take in a batch."""
        beside = [targets[PROPOSALS]] if PROPOSALS in targets else []
        for part, outputs in self(images, *beside):
            evaluator.add(outputs, {name: rows[part] for name, rows in targets.items()})


def arrays(tensors: Arrays) -> dict[str, np.ndarray]:
    return {name: np.asarray(tensor) for name, tensor in tensors.items()}
