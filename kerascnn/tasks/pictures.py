"""Images as reports show them."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess


def pixels(split: "Split", preprocess: "Preprocess") -> list[np.ndarray]:
    """What the network saw, as images (size, size, C) uint8."""
    from kerascnn.data.images import denormalised
    from kerascnn.data.pipeline import batches

    seen: Any = batches(split, preprocess, 64)
    return [denormalised(image, preprocess) for images, _ in seen for image in images.numpy()]
