"""How far a file that chooses detections itself agrees with its model."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kerascnn.evaluation.agreement import Agreement, compare
from kerascnn.tasks.detection.evaluation import in_common, matches
from kerascnn.tasks.detection.prediction import SURE, BoxPrediction
from kerascnn.tasks.task import SCORES, Arrays

NOTHING = "Nothing is found in these images: the verification says little. Pass images with objects."


def compare_detections(
    wanted: Arrays, chosen: Sequence[BoxPrediction], got: Sequence[BoxPrediction], *, tolerance: float
) -> Agreement:
    """Measure what a file finds by what its model says, and by what is chosen of that.

    Each detection has a box of the model that it is nearest to, by its place and the score of its class: errors are
    between these. Whichever of two boxes gives way may hang on the last digit of a score, so the choice is not compared
    number by number: decisions are the detections of both sides that are sure, or all where the model is sure of none,
    and alike are those that have one of their class on the other side that overlaps them by half.

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
    least = SURE if any(found.sure for found in chosen) else 0.0
    sides = [(of_score(one, least), other) for pair in zip(chosen, got, strict=True)
             for one, other in (pair, pair[::-1])]  # fmt: skip
    total = sum(len(one.scores) for one, _ in sides)
    alike = sum(matches(in_common(one, other)) for one, other in sides)
    agreement = alike / total if total else 1.0
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
