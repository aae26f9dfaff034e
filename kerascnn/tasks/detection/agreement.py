"""How far a file that chooses detections itself agrees with its model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kerascnn.evaluation.agreement import Agreement, compare
from kerascnn.tasks.detection.evaluation import in_common, matches
from kerascnn.tasks.detection.prediction import SURE, BoxPrediction, found_in
from kerascnn.tasks.task import SCORES, Arrays

SAME, FEW = 0.9, 0.1  # IoU below which a detection is another one, and how many of all may be
NOTHING = "Nothing is found in these images: the verification says little. Pass images with objects."


def compare_detections(
    wanted: Arrays, chosen: Sequence[BoxPrediction], got: Sequence[BoxPrediction], *, tolerance: float
) -> Agreement:
    """Measure what a file finds by what its model says, and by what is chosen of that.

    Each detection has a box of the model that it is nearest to, by its place and the score of its class: errors are
    between these. Whichever of two boxes gives way may hang on the last digit of a score, so the choice is not compared
    number by number: see :func:`decided_alike`, of sure detections, or of all where the model is sure of none.

    Parameters
    ----------
    wanted
        The model's boxes and scores, all of them.
    chosen
        The detections among these, of each image.
    got
        Those of the file.
    """
    pairs = [nearest(*each) for each in zip(wanted["boxes"], wanted[SCORES], got, strict=True)]
    ours, theirs = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    agreement, total = decided_alike(chosen, got, SURE if any(found.sure for found in chosen) else 0.0)
    if len(ours):
        parts = [{"boxes": rows[:, :4], SCORES: rows[:, 4:]} for rows in (ours, theirs)]
        found = compare(*parts, steps={}, tolerance=tolerance)
    else:
        exact = {"boxes": np.zeros((1, 4)), SCORES: np.zeros((1, 1))}
        found = replace(compare(exact, exact, steps={}, tolerance=tolerance), notes=())
    return replace(
        found,
        top1_agreement=agreement,
        decided=total,
        decided_agreement=agreement,
        samples=len(got),
        notes=found.notes if total else (NOTHING,),
    )


def compare_chosen(
    wanted: Arrays,
    got: Arrays,
    every: Sequence[str],
    labels: tuple[str, ...],
    *,
    steps: Mapping[str, float],
    tolerance: float,
) -> Agreement:
    """Measure what a file finds by what its model finds, where the network itself chooses that.

    Each detection is compared with the one that is nearest to it: their order is that of their scores, which rounding
    turns where two are near. Rounding also lets another box give way. So of the detections whose nearest is of another
    class, or overlaps them by less than ``SAME``, the worst are left out, up to ``FEW`` of all. What is sure is a
    decision besides, on both sides.

    Parameters
    ----------
    every
        Names of the outputs that belong to detections: ``boxes``, ``scores`` and what else there is.
    """
    from kerascnn.detection.boxes import iou

    lined = lined_up(wanted, {name: got[name] for name in every})
    ours, theirs = np.asarray(wanted[SCORES]), lined[SCORES]
    overlap = np.stack([np.diag(iou(*pair).numpy()) for pair in zip(wanted["boxes"], lined["boxes"], strict=True)])
    overlap[ours.argmax(axis=-1) != theirs.argmax(axis=-1)] = 0
    overlap[np.maximum(ours, theirs).max(axis=-1) == 0] = 1  # behind the last there are none on either side
    worst = np.argsort(overlap, axis=None)[: int(FEW * overlap.size)]
    other = np.unravel_index(worst[overlap.ravel()[worst] < SAME], overlap.shape)
    for name, rows in lined.items():
        rows[other] = np.asarray(wanted[name])[other]
    found = compare(wanted, {**got, **lined}, steps=steps, tolerance=tolerance)
    chosen, theirs = (found_in({name: each[name] for name in ("boxes", SCORES)}, labels) for each in (wanted, got))
    agreement, total = decided_alike(chosen, theirs, SURE)
    return replace(found, decided=found.decided + total, decided_agreement=min(found.decided_agreement, agreement))


def lined_up(wanted: Arrays, got: Arrays) -> dict[str, np.ndarray]:
    """Detections in such an order that each stands where one of the ``wanted`` is that differs least from it."""
    extent = max(float(wanted["boxes"].max()), 1.0)
    order = []
    for want, have, scores, shown in zip(wanted["boxes"], got["boxes"], wanted[SCORES], got[SCORES], strict=True):
        apart = np.abs(want[:, None] - have).max(-1) / extent + np.abs(scores[:, None] - shown).max(-1)
        order.append(apart.argmin(-1))
    rows = np.arange(len(order))[:, None]
    return {name: np.asarray(each)[rows, np.stack(order)] for name, each in got.items()}


def decided_alike(chosen: Sequence[BoxPrediction], got: Sequence[BoxPrediction], least: float) -> tuple[float, int]:
    """The share of decisions that are the same, and how many there are: detections of both sides with such a score.

    Alike are those that have one of their class on the other side that overlaps them by half, and is half as sure.
    """
    sides = [(of_score(one, least), of_score(other, least / 2)) for pair in zip(chosen, got, strict=True)
             for one, other in (pair, pair[::-1])]  # fmt: skip
    total = sum(len(one.scores) for one, _ in sides)
    alike = sum(matches(in_common(one, other)) for one, other in sides)
    return (alike / total if total else 1.0), total


def nearest(boxes: np.ndarray, scores: np.ndarray, found: BoxPrediction) -> tuple[np.ndarray, np.ndarray]:
    """Box and score of what the model says that is nearest to each detection, and those of it, (n, 5) each."""
    theirs = np.concatenate([found.boxes, found.scores[:, None]], axis=1)
    ours = np.empty_like(theirs)
    side = max(float(boxes.max(initial=0)), 1.0)
    for place, (row, kind) in enumerate(zip(theirs, found.classes, strict=True)):
        said = np.concatenate([boxes, scores[:, kind, None]], axis=1)
        ours[place] = said[np.abs((said - row) / [side, side, side, side, 1.0]).max(axis=1).argmin()]
    return ours, theirs


def of_score(found: BoxPrediction, least: float) -> BoxPrediction:
    """The detections whose score is ``least`` or more."""
    return replace(found, **{name: getattr(found, name)[found.scores >= least] for name in found.rows})
