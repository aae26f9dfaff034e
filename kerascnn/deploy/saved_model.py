"""SavedModel folders, for TensorFlow Serving and everything else that reads TensorFlow."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def write_saved_model(model: "keras.Model", path: Path, images: np.ndarray | None) -> None:
    """One signature, "serving_default", in inference mode, for any number of images at once."""
    model.export(str(path), format="tf_saved_model", verbose=False)
