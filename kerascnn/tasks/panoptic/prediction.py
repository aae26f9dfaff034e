"""What a network says about the pixels and the things of one image."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.data.segments import coco_masks, encoded, in_array
from kerascnn.tasks.instance.prediction import MASKS, drawn_masks, found_in
from kerascnn.tasks.panoptic.merging import merged
from kerascnn.tasks.task import SCORES, Arrays

STUFF = "stuff"  # the output: things, and each kind of stuff, at every pixel


@dataclass(frozen=True, eq=False)
class PanopticPrediction:
    """The segments of an image: things, the surest first, and stuff."""

    masks: np.ndarray  # (n,) runs over the image as the network sees it; no two share a pixel
    classes: np.ndarray  # (n,) int32
    scores: np.ndarray  # (n,) of things from 0 to 1, and NaN of stuff
    size: tuple[int, int]  # height and width
    labels: tuple[str, ...]
    things: int  # how many of the labels are things, the first

    @property
    def area(self) -> np.ndarray:
        """(n,) pixels of each segment."""
        return np.array([coco_masks().area(mask) for mask in self.masks], np.int64)

    def text(self, top: int = 3) -> str:
        """Things by their number, and stuff by its area: ``2 disc, 1 ring, ground 61.0%, water 30.2%``."""
        counts = Counter(kind for kind in self.classes.tolist() if kind < self.things)
        things = [f"{count} {self.labels[kind]}" for kind, count in counts.most_common(top)]
        height, width = self.size
        rows = sorted(zip(self.area.tolist(), self.classes.tolist(), strict=True), reverse=True)
        stuff = [f"{self.labels[kind]} {area / (height * width):.1%}" for area, kind in rows if kind >= self.things]
        return ", ".join([*things, *stuff[:top]]) or "nothing"

    def __str__(self) -> str:
        return self.text()

    def as_dict(self) -> dict[str, Any]:
        """Height and width, and of every segment label, whether it is a thing, its score if so, area and mask.

        Masks are runs as COCO's JSON has them, ``"size"`` and ``"counts"``.
        """
        rows = zip(self.masks, self.classes.tolist(), self.scores.tolist(), self.area.tolist(), strict=True)
        segments = [
            {
                "label": self.labels[kind],
                "thing": kind < self.things,
                "score": score if kind < self.things else None,
                "area": area,
                "mask": mask,
            }
            for mask, kind, score, area in rows
        ]
        return {"height": self.size[0], "width": self.size[1], "segments": segments}

    def picture(self, image: np.ndarray) -> np.ndarray:
        """The image, (H, W, 3) uint8, under the colours of its segments' classes."""
        return drawn_masks(image, self.classes, self.masks)


def segments_in(outputs: Arrays, labels: tuple[str, ...], size: tuple[int, int]) -> list[PanopticPrediction]:
    """The segments of each image of a batch of outputs; the images were of this height and width.

    Raises ``ValueError`` when the outputs are not those of a network that segments images into these classes, or one of
    them is NaN.
    """
    if {*outputs} != {"boxes", SCORES, MASKS, STUFF}:
        raise ValueError(f"The model puts out {', '.join(sorted(outputs))}; expected boxes, masks, scores and stuff.")
    stuff, things = np.asarray(outputs[STUFF], np.float32), np.shape(outputs[SCORES])[-1]
    if stuff.shape[1:] != (*size, 1 + len(labels) - things):
        raise ValueError(
            f"The model scores {things} things and gives stuff {stuff.shape} for images of {size[0]} x {size[1]} "
            f"pixels, and its card names {len(labels)} labels; expected, at every pixel, a score for things and one "
            f"for each of the {len(labels) - things} labels that are none."
        )
    if np.isnan(stuff).any():
        raise ValueError("The model answers NaN to some images: nothing can be said of what it finds in them.")
    rest = {name: outputs[name] for name in ("boxes", SCORES, MASKS)}
    predictions = []
    for found, kinds in zip(found_in(rest, labels[:things], size), stuff.argmax(axis=-1), strict=True):
        whole = merged(found, kinds, things)
        runs = [encoded(whole.numbers == number) for number in range(1, 1 + len(whole.classes))]
        predictions.append(PanopticPrediction(in_array(runs), whole.classes, whole.scores, size, labels, things=things))
    return predictions
