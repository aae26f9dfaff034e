"""What kinds of errors a detector makes, and what each kind costs.

Bolya, Foley, Hays & Hoffman 2020, https://arxiv.org/abs/2008.08115, sections 2.2 and 2.3; where several kinds fit, the
first that their code asks for.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.tasks.detection.prediction import SURE, BoxPrediction

if TYPE_CHECKING:
    from kerascnn.tasks.detection.evaluation import Objects

HIT, NEAR = 0.5, 0.1  # IoU from which a detection finds an object, and from which it is near one
KINDS = {
    "classification": "finds an object and takes it for another class",
    "localisation": f"is near an object of its class, IoU {NEAR:g} to {HIT:g}",
    "both": "is near an object of another class",
    "duplicate": "finds an object that a surer one has found",
    "background": f"is near no object, IoU up to {NEAR:g}",
    "missed": "an object that none finds, nor would with its class or its place mended",
}
CLASSIFICATION, LOCALISATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(len(KINDS))
RIGHT, IGNORED = -1, -2  # of a detection: no error; or it lies in a crowd, and counts as nothing
RECALL = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Errors:
    """Those of one kind."""

    kind: str
    count: int  # of all detections; for "missed", of objects
    sure: int | None  # of the detections that are told and drawn
    cost: float  # by how much AP50 would be larger without them; NaN where there is no object

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "cost": None if np.isnan(self.cost) else self.cost}


@dataclass(frozen=True, eq=False)
class Judged:
    """What became of the detections, (D,), and of the objects, (G,), of images; crowds are none."""

    scores: np.ndarray
    classes: np.ndarray
    kinds: np.ndarray  # (D,) int: a place in ``KINDS``, RIGHT or IGNORED
    meant: np.ndarray  # (D,) int: the object that it finds, or would, if its class or place were mended; or -1
    objects: np.ndarray  # (G,) int: their classes
    free: np.ndarray  # (G,) bool: no detection finds it
    missed: np.ndarray  # (G,) bool: nor would one that is mended


def errors_of(predictions: Sequence[BoxPrediction], targets: Sequence["Objects"]) -> tuple[Errors, ...]:
    """The errors in some images, kind by kind."""
    found = judged(predictions, targets)
    sure = found.kinds[found.scores >= SURE]
    before = average_precision(found)
    return tuple(
        Errors(
            kind,
            count=int(found.missed.sum() if place == MISSED else (found.kinds == place).sum()),
            sure=None if place == MISSED else int((sure == place).sum()),
            cost=float(np.maximum(average_precision(without(found, place)) - before, 0)),
        )
        for place, kind in enumerate(KINDS)
    )


def judged(predictions: Sequence[BoxPrediction], targets: Sequence["Objects"]) -> Judged:
    """What became of all detections and objects of some images."""
    parts, count = [], 0
    for prediction, known in zip(predictions, targets, strict=True):
        part = judged_in_image(prediction, known)
        parts.append(replace(part, meant=np.where(part.meant < 0, -1, part.meant + count)))
        count += len(part.objects)
    return Judged(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Judged)))


def judged_in_image(prediction: BoxPrediction, known: "Objects") -> Judged:
    classes, objects = prediction.classes, known.classes[~known.crowd]
    overlap = prediction.overlaps(known.without_crowds())
    same = classes[:, None] == objects
    own, others = np.where(same, overlap, 0), np.where(same, 0, overlap)
    meant, free = np.full(len(classes), -1), np.ones(len(objects), bool)
    for place in np.flatnonzero(best(own) >= HIT):  # the surest first
        left = np.where(free, own[place], 0)
        if left.max() >= HIT:
            meant[place] = left.argmax()
            free[meant[place]] = False
    inside = prediction.inside(known)
    asked = {
        RIGHT: meant >= 0,
        IGNORED: best(np.where(known.crowd & (classes[:, None] == known.classes), inside, 0)) >= HIT,
        LOCALISATION: (best(own) >= NEAR) & (best(own) <= HIT),
        CLASSIFICATION: best(others) >= HIT,
        DUPLICATE: best(own) >= HIT,
        BACKGROUND: best(overlap) <= NEAR,
    }
    kinds = np.select([*asked.values()], [*asked], BOTH)
    for kind, near in ((LOCALISATION, own), (CLASSIFICATION, others)):
        meant[kinds == kind] = near[kinds == kind].argmax(axis=1) if len(objects) else -1
    missed = free & ~np.isin(np.arange(len(objects)), meant)
    return Judged(prediction.scores, classes, kinds, meant, objects, free, missed)


def best(values: np.ndarray) -> np.ndarray:
    return values.max(axis=1, initial=0)


def without(found: Judged, kind: int) -> Judged:
    """The same, had nothing gone wrong in one of the ways.

    What is mended finds the free object that it meant, the surest for each; all else of the kind is gone.
    """
    if kind == MISSED:
        return replace(found, objects=found.objects[~found.missed])
    kinds, classes, wrong = found.kinds.copy(), found.classes.copy(), np.flatnonzero(found.kinds == kind)
    kinds[wrong] = IGNORED
    if kind in (LOCALISATION, CLASSIFICATION):
        wrong = wrong[found.free[found.meant[wrong]]]
        meant, first = np.unique(found.meant[wrong], return_index=True)
        kinds[wrong[first]], classes[wrong[first]] = RIGHT, found.objects[meant]
    return replace(found, kinds=kinds, classes=classes)


def average_precision(found: Judged) -> float:
    """COCO's at an IoU of 0.5: the mean over the classes that have objects; NaN where none has."""
    values = []
    for number in set(found.objects.tolist()):
        own = np.flatnonzero((found.classes == number) & (found.kinds != IGNORED))
        right = found.kinds[own[np.argsort(-found.scores[own], kind="stable")]] == RIGHT
        recall = right.cumsum() / (found.objects == number).sum()
        precision = np.maximum.accumulate((right.cumsum() / np.arange(1, len(right) + 1))[::-1])[::-1]
        values.append(np.append(precision, 0)[np.searchsorted(recall, RECALL)].mean())
    return float(np.mean(values)) if values else float("nan")
