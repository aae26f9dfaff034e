"""MobileNet v3, as ``keras.applications`` has it: pixels of 0..255 in."""

from typing import Any

import keras

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions
from kerascnn.keras_applications.imagenet_utils import unchanged as preprocess_input
from kerascnn.keras_applications.mirror import NAMED_POOLS, Traits, builder

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

HERE = {
    "input_shape": None,
    "alpha": 1.0,
    "minimalistic": False,
    "include_top": True,
    "weights": "imagenet",
    "input_tensor": None,
    "classes": 1000,
    "pooling": None,
    "dropout_rate": 0.2,
    "classifier_activation": "softmax",
    "include_preprocessing": True,
}


def changed(row: Any, *, alpha: float, minimalistic: bool, dropout_rate: float) -> Any:
    return (row.minimalistic() if minimalistic else row).with_arguments(alpha, dropout=dropout_rate)


def centred(image: Any, weights: str | None, name: str) -> Any:
    """To -1..1."""
    return keras.layers.Rescaling(1 / 127.5, -1, name="preprocess-rescaling_1")(image)


TRAITS = Traits(change=changed, prepare=centred, dropout=True, apart=True, fixed=False, headless=NAMED_POOLS)
MobileNetV3Small = builder("MobileNetV3Small", applications.MobileNetV3Small, "MobileNetV3Small", HERE, TRAITS)
MobileNetV3Large = builder("MobileNetV3Large", applications.MobileNetV3Large, "MobileNetV3Large", HERE, TRAITS)
