"""What a network finds in one image, pixel by pixel."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascnn.data.segments import bitmap_of, coco_masks, encoded, in_array
from kerascnn.tasks.detection.drawing import colours, framed
from kerascnn.tasks.detection.prediction import BoxPrediction, chooser
from kerascnn.tasks.drawing import painted
from kerascnn.tasks.instance.pasting import pasted
from kerascnn.tasks.task import SCORES, Arrays

MASKS = "masks"
BLACK = (0, 0, 0)  # of what no object is at


@dataclass(frozen=True, eq=False)
class InstancePrediction(BoxPrediction):
    """The objects that are found in an image, the surest first."""

    rows: ClassVar[tuple[str, ...]] = (*BoxPrediction.rows, MASKS)

    masks: np.ndarray  # (n,) runs over the image as the network sees it

    def overlaps(self, others: Any) -> np.ndarray:
        """(n, m) IoU of the masks with those of other objects or detections of the image."""
        return self.compared(others, False)

    def inside(self, others: Any) -> np.ndarray:
        """(n, m) how much of each mask lies in each of other objects."""
        return self.compared(others, True)

    def compared(self, others: Any, inside: bool) -> np.ndarray:
        count = len(self.masks), len(others.masks)
        return coco_masks().iou([*self.masks], [*others.masks], [inside] * count[1]) if all(count) else np.zeros(count)

    def as_dict(self) -> dict[str, Any]:
        """Label, score, box and mask of every object, the surest first.

        Boxes are x1, y1, x2, y2 in pixels; masks are runs as COCO's JSON has them, ``"size"`` and ``"counts"``.
        """
        objects = super().as_dict()["objects"]
        return {"objects": [one | {"mask": mask} for one, mask in zip(objects, self.masks, strict=True)]}

    def picture(self, image: np.ndarray) -> np.ndarray:
        """The image, (H, W, 3) uint8, under the masks of the sure objects, and with their boxes."""
        sure = self.sure_ones()
        return drawn(image, sure.boxes, sure.classes, sure.masks)


def drawn(image: np.ndarray, boxes: np.ndarray, classes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: an image (H, W, 1 or 3) under objects in the colours of their classes, and with their boxes."""
    return framed(drawn_masks(image, classes, masks), boxes, classes)


def drawn_masks(image: np.ndarray, classes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: an image (H, W, 1 or 3) under objects in the colours of their classes, the first on top."""
    height, width = image.shape[:2]
    numbers = np.zeros((height, width), np.int32)
    for number, mask in reversed([*enumerate(masks, 1)]):
        numbers[bitmap_of(mask, height, width) > 0] = number
    shades = colours(int(classes.max(initial=0)) + 1)[classes]
    return painted(image, numbers, np.concatenate([[BLACK], shades]))


def found_in(outputs: Arrays, labels: tuple[str, ...], size: tuple[int, int]) -> list[InstancePrediction]:
    """The objects in each image of a batch of outputs; the images were of this height and width.

    The mask of a box is that of its best class, so it counts for that class alone. Raises ``ValueError`` when the
    outputs are not those of a network that masks objects of these classes, or one of them is NaN.
    """
    if {*outputs} != {"boxes", SCORES, MASKS}:
        raise ValueError(f"The model puts out {', '.join(sorted(outputs))}; expected boxes, masks and scores.")
    boxes, scores, masks = (np.asarray(outputs[name], np.float32) for name in ("boxes", SCORES, MASKS))
    count = boxes.shape[:2]
    shapes = boxes.shape[2:], scores.shape, masks.shape[:2], masks.ndim
    if shapes != ((4,), (*count, len(labels)), count, 4):
        raise ValueError(
            f"The model gives boxes {boxes.shape}, scores {scores.shape} and masks {masks.shape}, and its card names "
            f"{len(labels)} labels; expected four numbers and a mask for every box, and a score for each label."
        )
    if np.isnan(boxes).any() or np.isnan(scores).any() or np.isnan(masks).any():
        raise ValueError("The model answers NaN to some images: nothing can be said of what it finds in them.")
    own = np.where(scores == scores.max(axis=-1, keepdims=True), scores, 0)
    chosen = [np.asarray(part) for part in chooser()(boxes, own)]
    return [
        InstancePrediction(
            b[:n],
            s[:n],
            c[:n],
            labels,
            in_array(
                [encoded(pasted(of_image[place], box, size)) for place, box in zip(places[:n], b[:n], strict=True)]
            ),
        )
        for of_image, b, s, c, n, places in zip(masks, *chosen, strict=True)
    ]
