"""What a network says about the pixels of one image."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.tasks.segmentation.drawing import overlay


def classes_of(scores: np.ndarray) -> np.ndarray:
    """(N, H, W) uint8: the class of the largest of the scores, (N, H, W, classes), of equal ones the first."""
    return np.asarray(scores).argmax(axis=-1).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class MaskPrediction:
    """The class of every pixel of an image."""

    mask: np.ndarray  # (H, W) uint8
    labels: tuple[str, ...]

    @property
    def fractions(self) -> dict[str, float]:
        """The fraction of the pixels of each class that occurs, the largest first."""
        counts = np.bincount(self.mask.ravel(), minlength=len(self.labels))
        order = np.argsort(-counts, kind="stable")
        return {self.labels[i]: float(counts[i] / self.mask.size) for i in order if counts[i]}

    def text(self, top: int = 3) -> str:
        """The classes of most pixels: ``background 71.0%, circle 20.4%, star 8.6%``."""
        return ", ".join(f"{label} {fraction:.1%}" for label, fraction in [*self.fractions.items()][:top])

    def __str__(self) -> str:
        return self.text()

    def as_dict(self) -> dict[str, Any]:
        """The size of the mask, and the fraction of its pixels of each class that occurs."""
        classes = [{"label": label, "fraction": fraction} for label, fraction in self.fractions.items()]
        return {"height": self.mask.shape[0], "width": self.mask.shape[1], "classes": classes}

    def picture(self, image: np.ndarray) -> np.ndarray:
        """The image, (H, W, 3) uint8, under the colours of its classes, with a swatch of each class below it."""
        return overlay(image, self.mask)
