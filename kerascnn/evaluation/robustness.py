"""How a model fares on corrupted images. Hendrycks & Dietterich 2019, https://arxiv.org/abs/1903.12261."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import length_hint
from typing import Any

import numpy as np

from kerascnn.data.transforms.corruptions import check, corrupt
from kerascnn.evaluation.loop import Arrays, Evaluator, InParts, Predict, arrays
from kerascnn.progress import track


@dataclass(frozen=True, kw_only=True, eq=False)
class Robustness:
    """A task's headline metric, 0 to 1, under corruption."""

    kinds: tuple[str, ...]  # what was done to the images
    severities: tuple[int, ...]  # and how strongly
    scores: np.ndarray  # (kinds, severities) the metric on images that are corrupted so
    whole: float  # the metric on the images as they are

    @property
    def errors(self) -> np.ndarray:
        """(kinds,) what the metric lacks of 1, means over the severities."""
        return 1 - self.scores.mean(axis=1)

    @property
    def mean_error(self) -> float:
        """The mean of the kinds' errors: the paper's mCE without dividing by those of AlexNet."""
        return float(self.errors.mean())

    def as_dict(self) -> dict[str, Any]:
        """All numbers; a kind's scores go with the severities."""
        columns = zip(self.kinds, self.scores.tolist(), self.errors.tolist(), strict=True)
        return {
            "mean_error": self.mean_error,
            "whole": self.whole,
            "severities": list(self.severities),
            "kinds": [{"kind": kind, "scores": scores, "error": error} for kind, scores, error in columns],
        }

    def text(self, metric: str) -> str:
        """The numbers as lines for a terminal."""
        lines = [f"{metric + ' by severity':28}{''.join(f'{s:>9}' for s in self.severities)}{'mean error':>12}"]
        for kind, scores, error in zip(self.kinds, self.scores, self.errors, strict=True):
            lines.append(f"{kind:28}{''.join(f'{score:>9.2%}' for score in scores)}{error:>12.2%}")
        return "\n".join([*lines, f"mean corruption error {self.mean_error:.2%}, not divided by AlexNet's"])


def robustness(
    predict: Predict,
    batches: Iterable[tuple[Any, Arrays]],
    evaluator: Callable[[], Evaluator[Any]],
    kinds: Sequence[str],
    severities: Sequence[int],
    seed: int = 0,
) -> Robustness:
    """Run a model over images with one corruption at a time. A progress bar appears when it takes long.

    ``predict`` goes from images (N, H, W, C) uint8 to outputs by name. Batches are pairs of images (N, H, W, C) of
    values 0 to 255, which are rounded, and targets by name, gone through once; ``task.evaluator`` takes them in. What
    is drawn follows from ``seed``, the kind, the severity and an image's place. Raises ``ValueError`` when there is no
    such kind or severity, or no image.
    """
    check(kinds, severities)
    changes = [
        lambda image, index: image,
        *(partial(corrupt, kind=k, severity=s, seed=seed) for k in kinds for s in severities),
    ]
    evaluators, answers = [evaluator() for _ in changes], InParts(predict)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        total = length_hint(batches) * len(changes)
        for number, pixels, targets, first in track(rounds(batches, len(changes)), "corrupting", total):
            indices = range(first, first + len(pixels))
            changed = list(pool.map(lambda image, i, change=changes[number]: change(image, index=i), pixels, indices))
            answers.into(evaluators[number], np.stack(changed), targets)
    whole, *corrupted = (each.result().headline for each in evaluators)
    scores = np.reshape(corrupted, (len(kinds), len(severities)))
    return Robustness(kinds=tuple(kinds), severities=tuple(severities), scores=scores, whole=whole)


def rounds(
    batches: Iterable[tuple[Any, Arrays]], times: int
) -> Iterator[tuple[int, np.ndarray, dict[str, np.ndarray], int]]:
    """Every batch with the numbers 0 to ``times``: its images as bytes, its targets, the number of its first image."""
    first = 0
    for images, targets in batches:
        pixels, known = np.clip(np.rint(np.asarray(images)), 0, 255).astype(np.uint8), arrays(targets)
        yield from ((number, pixels, known, first) for number in range(times))
        first += len(pixels)
