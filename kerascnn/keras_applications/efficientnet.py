"""EfficientNet, as ``keras.applications.efficientnet`` has it: pixels of 0..255 in."""

import math
from functools import partial
from typing import Any

import keras

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions
from kerascnn.keras_applications.imagenet_utils import unchanged as preprocess_input
from kerascnn.keras_applications.mirror import NAMED_POOLS, Traits, builder

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

STD = (0.229, 0.224, 0.225)  # of ImageNet's channels


def normalised(image: Any, weights: str | None, name: str) -> Any:
    """Keras' three layers: its file has ``STD`` where the second takes variances, and the third makes up for it."""
    x = keras.layers.Rescaling(1 / 255, name="preprocess-rescaling_1")(image)
    x = keras.layers.Normalization(name="preprocess-normalization_1")(x)
    if weights == "imagenet":
        x = keras.layers.Rescaling([1 / math.sqrt(std) for std in STD], name="preprocess-rescaling_2")(x)
    return x


TRAITS = Traits(prepare=normalised, dropout=True, fused=True, headless=NAMED_POOLS)
similar = partial(builder, traits=TRAITS)
EfficientNetB0 = similar("EfficientNetB0", applications.EfficientNetB0, "efficientnetb0")
EfficientNetB1 = similar("EfficientNetB1", applications.EfficientNetB1, "efficientnetb1")
EfficientNetB2 = similar("EfficientNetB2", applications.EfficientNetB2, "efficientnetb2")
EfficientNetB3 = similar("EfficientNetB3", applications.EfficientNetB3, "efficientnetb3")
EfficientNetB4 = similar("EfficientNetB4", applications.EfficientNetB4, "efficientnetb4")
EfficientNetB5 = similar("EfficientNetB5", applications.EfficientNetB5, "efficientnetb5")
EfficientNetB6 = similar("EfficientNetB6", applications.EfficientNetB6, "efficientnetb6")
EfficientNetB7 = similar("EfficientNetB7", applications.EfficientNetB7, "efficientnetb7")
