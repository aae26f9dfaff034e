"""What a classifier says about one image."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class ClassPrediction:
    """The classes of one image, ranked."""

    probabilities: np.ndarray  # (classes,)
    labels: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name of the most probable class."""
        return self.labels[self.ranking[0]]

    @property
    def confidence(self) -> float:
        """Its probability."""
        return float(self.probabilities[self.ranking[0]])

    @property
    def ranking(self) -> np.ndarray:
        """(classes,) the classes, the most probable first; of equal ones in their order."""
        return np.argsort(-self.probabilities, kind="stable")

    def text(self, top: int = 3) -> str:
        """The ``top`` most probable classes: ``cat 97.1%, dog 2.0%, owl 0.9%``."""
        return ", ".join(f"{self.labels[i]} {self.probabilities[i]:.1%}" for i in self.ranking[:top])

    def __str__(self) -> str:
        return self.text()

    def as_dict(self) -> dict[str, Any]:
        """Label and probability of every class, the most probable first."""
        ranked = [{"label": self.labels[i], "probability": float(self.probabilities[i])} for i in self.ranking]
        return {"classes": ranked}

    def picture(self, image: np.ndarray) -> None:
        """A class is not drawn."""
