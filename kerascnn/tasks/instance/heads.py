"""The outputs of a network that masks objects."""

from typing import Any

import keras

from kerascnn.tasks.detection.heads import BOXES, shape_of
from kerascnn.tasks.instance.prediction import MASKS
from kerascnn.tasks.task import SCORES


def check_outputs(model: keras.Model, classes: int) -> None:
    """Refuse a model that does not put out a box, a mask and a score for each class of as many places.

    Raises ``ValueError``.
    """
    output: Any = getattr(model, "output", None)
    expected = (
        f"expected a dictionary with {BOXES!r}, (None, N, 4), {MASKS!r}, (None, N, height, width), and {SCORES!r}, "
        f"(None, N, {classes}), a score for each of {classes} classes"
    )
    if not isinstance(output, dict) or {*output} != {BOXES, MASKS, SCORES}:
        found = f"a dictionary of {', '.join(sorted(output))}" if isinstance(output, dict) else shape_of(model)
        raise ValueError(f"{model.name} puts out {found}; {expected}.")
    boxes, masks, scores = (tuple(output[name].shape) for name in (BOXES, MASKS, SCORES))
    fits = len(boxes) == len(scores) == 3 and len(masks) == 4 and len({boxes[1], masks[1], scores[1]}) == 1
    if not fits or (boxes[2], scores[2]) != (4, classes):
        raise ValueError(f"{model.name} puts out boxes {boxes}, masks {masks} and scores {scores}; {expected}.")
