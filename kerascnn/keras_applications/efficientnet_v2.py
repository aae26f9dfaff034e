"""EfficientNetV2, as ``keras.applications.efficientnet_v2`` has it: pixels of 0..255 in."""

from functools import partial
from typing import Any

import keras

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions
from kerascnn.keras_applications.imagenet_utils import unchanged as preprocess_input
from kerascnn.keras_applications.mirror import ARGUMENTS, NAMED_POOLS, Traits, builder

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]

HERE = {**ARGUMENTS, "include_preprocessing": True}


def normalised(image: Any, weights: str | None, name: str) -> Any:
    """By the mean and the variance of ImageNet's channels; images of other channels as the larger networks do."""
    if image.shape[-1] != 3:
        return centred(image, weights, name)
    x = keras.layers.Rescaling(1 / 255, name="preprocess-rescaling_1")(image)
    variance = [std**2 for std in (0.229, 0.224, 0.225)]
    return keras.layers.Normalization(mean=[0.485, 0.456, 0.406], variance=variance, name="preprocess-normalization_1")(
        x
    )


def centred(image: Any, weights: str | None, name: str) -> Any:
    """To -1..1."""
    return keras.layers.Rescaling(1 / 128, -1, name="preprocess-rescaling_1")(image)


similar = partial(Traits, dropout=True, fused=True, headless=NAMED_POOLS)
B, SML = similar(prepare=normalised), similar(prepare=centred)
EfficientNetV2B0 = builder("EfficientNetV2B0", applications.EfficientNetV2B0, "efficientnetv2-b0", HERE, B)
EfficientNetV2B1 = builder("EfficientNetV2B1", applications.EfficientNetV2B1, "efficientnetv2-b1", HERE, B)
EfficientNetV2B2 = builder("EfficientNetV2B2", applications.EfficientNetV2B2, "efficientnetv2-b2", HERE, B)
EfficientNetV2B3 = builder("EfficientNetV2B3", applications.EfficientNetV2B3, "efficientnetv2-b3", HERE, B)
EfficientNetV2S = builder("EfficientNetV2S", applications.EfficientNetV2S, "efficientnetv2-s", HERE, SML)
EfficientNetV2M = builder("EfficientNetV2M", applications.EfficientNetV2M, "efficientnetv2-m", HERE, SML)
EfficientNetV2L = builder("EfficientNetV2L", applications.EfficientNetV2L, "efficientnetv2-l", HERE, SML)
