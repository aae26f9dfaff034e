"""The outputs of a network that makes segments."""

from typing import Any

import keras

from kerascnn.tasks.detection.heads import shape_of
from kerascnn.tasks.instance.prediction import MASKS
from kerascnn.tasks.panoptic.prediction import STUFF
from kerascnn.tasks.task import SCORES


def check_outputs(model: keras.Model, classes: int) -> None:
    """Refuse a model that does not put out boxes, masks and scores of things, and scores of stuff at every pixel.

    Raises ``ValueError``.
    """
    output: Any = getattr(model, "output", None)
    size = tuple(getattr(model, "input_shape", ())[1:3])
    expected = (
        f"expected a dictionary with boxes, (None, N, 4), {MASKS}, (None, N, height, width), {SCORES}, "
        f"(None, N, things), and {STUFF}, (None, {', '.join(map(str, size))}, 1 + stuff), {classes} classes of both"
    )
    if not isinstance(output, dict) or {*output} != {"boxes", MASKS, SCORES, STUFF}:
        found = f"a dictionary of {', '.join(sorted(output))}" if isinstance(output, dict) else shape_of(model)
        raise ValueError(f"{model.name} puts out {found}; {expected}.")
    shapes = {name: tuple(x.shape) for name, x in output.items()}
    boxes, masks, scores, stuff = (shapes[name] for name in ("boxes", MASKS, SCORES, STUFF))
    fits = len(boxes) == len(scores) == 3 and len(masks) == len(stuff) == 4
    fits = fits and len({boxes[1], masks[1], scores[1]}) == 1 and boxes[2] == 4 and stuff[1:3] == size
    if not fits or scores[2] + stuff[3] - 1 != classes:
        raise ValueError(
            f"{model.name} puts out {', '.join(f'{n} {s}' for n, s in sorted(shapes.items()))}; {expected}."
        )
