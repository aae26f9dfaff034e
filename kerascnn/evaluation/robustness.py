"""How a classifier fares on corrupted images. Hendrycks & Dietterich 2019, https://arxiv.org/abs/1903.12261."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import length_hint
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerascnn.data.transforms.corruptions import check, corrupt
from kerascnn.progress import track


@dataclass(frozen=True, kw_only=True, eq=False)
class Robustness:
    """Accuracy under corruption.

    Parameters
    ----------
    kinds, severities
        What was done to the images.
    accuracy
        (kinds, severities) shares of images that were recognised.
    whole
        The same share of the images as they are.
    """

    kinds: tuple[str, ...]
    severities: tuple[int, ...]
    accuracy: np.ndarray
    whole: float

    @property
    def errors(self) -> np.ndarray:
        """(kinds,) shares of images that were not recognised, means over the severities."""
        return 1 - self.accuracy.mean(axis=1)

    @property
    def mean_error(self) -> float:
        """The mean of the kinds' errors: the paper's mCE without dividing by those of AlexNet."""
        return float(self.errors.mean())

    def as_dict(self) -> dict[str, Any]:
        """All numbers; a kind's accuracies go with the severities."""
        columns = zip(self.kinds, self.accuracy.tolist(), self.errors.tolist(), strict=True)
        kinds = [{"kind": kind, "accuracy": accuracy, "error": error} for kind, accuracy, error in columns]
        return {
            "mean_error": self.mean_error,
            "whole": self.whole,
            "severities": list(self.severities),
            "kinds": kinds,
        }


def robustness(
    predict: Callable[[np.ndarray], ArrayLike],
    batches: Iterable[tuple[ArrayLike, Mapping[str, ArrayLike]]],
    kinds: Sequence[str],
    severities: Sequence[int],
    seed: int = 0,
) -> Robustness:
    """Run a classifier over images with one corruption at a time.

    A progress bar appears when it takes more than two seconds.

    Parameters
    ----------
    predict
        From images (N, H, W, C) uint8 to outputs (N, classes).
    batches
        Pairs of images (N, H, W, C) of values 0 to 255, which are rounded, and targets by name: ``"label"``,
        (N,) integers; gone through once.
    kinds, severities
        Names from :data:`kerascnn.data.transforms.corruptions.CORRUPTIONS`, and numbers of 1 to 5.
    seed
        Decides, with the kind, the severity and an image's place, what is drawn.

    Raises
    ------
    ValueError
        When there is no such kind or severity, or no image.
    """
    check(kinds, severities)
    changes = [_unchanged, *(partial(corrupt, kind=k, severity=s, seed=seed) for k in kinds for s in severities)]
    right, seen = np.zeros(len(changes)), 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        total = length_hint(batches) * len(changes) or None
        for number, pixels, targets, first in track(_rounds(batches, len(changes)), "corrupting", total):
            indices = range(first, first + len(pixels))
            changed = list(pool.map(lambda image, i, change=changes[number]: change(image, index=i), pixels, indices))
            right[number] += (np.asarray(predict(np.stack(changed))).argmax(axis=1) == targets).sum()
            seen = first + len(pixels)
    if not seen:
        raise ValueError("There is nothing to corrupt: the batches hold no image. Check the split and its folder.")
    whole, *corrupted = right / seen
    accuracy = np.reshape(corrupted, (len(kinds), len(severities)))
    return Robustness(kinds=tuple(kinds), severities=tuple(severities), accuracy=accuracy, whole=float(whole))


def _rounds(
    batches: Iterable[tuple[ArrayLike, Mapping[str, ArrayLike]]], times: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray, int]]:
    """Every batch with the numbers 0 to ``times``: its images as bytes, its targets, the number of its first image."""
    first = 0
    for images, targets in batches:
        pixels = np.clip(np.rint(np.asarray(images)), 0, 255).astype(np.uint8)
        yield from ((number, pixels, np.asarray(targets["label"]), first) for number in range(times))
        first += len(pixels)


def _unchanged(image: np.ndarray, *, index: int) -> np.ndarray:
    return image
