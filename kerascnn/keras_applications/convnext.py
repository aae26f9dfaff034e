"""ConvNeXt, as ``keras.applications.convnext`` has it: pixels of 0..255 in."""

from functools import partial
from typing import Any

import keras

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions
from kerascnn.keras_applications.imagenet_utils import unchanged as preprocess_input
from kerascnn.keras_applications.mirror import ARGUMENTS, COUNTED_POOLS, Traits, builder

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]

HERE = {"include_top": True, "include_preprocessing": True, **ARGUMENTS}


def normalised(image: Any, weights: str | None, name: str) -> Any:
    """By the mean and the variance of ImageNet's channels, where the image has three."""
    if image.shape[-1] != 3:
        return image
    mean, variance = [255 * v for v in (0.485, 0.456, 0.406)], [(255 * v) ** 2 for v in (0.229, 0.224, 0.225)]
    return keras.layers.Normalization(mean=mean, variance=variance, name=f"{name}_prestem_normalization")(image)


HEADLESS = {**COUNTED_POOLS, "last-norm": "layer_normalization_1"}
similar = partial(builder, arguments=HERE, traits=Traits(prepare=normalised, headless=HEADLESS))
ConvNeXtTiny = similar("ConvNeXtTiny", applications.ConvNeXtTiny, "convnext_tiny")
ConvNeXtSmall = similar("ConvNeXtSmall", applications.ConvNeXtSmall, "convnext_small")
ConvNeXtBase = similar("ConvNeXtBase", applications.ConvNeXtBase, "convnext_base")
ConvNeXtLarge = similar("ConvNeXtLarge", applications.ConvNeXtLarge, "convnext_large")
ConvNeXtXLarge = similar("ConvNeXtXLarge", applications.ConvNeXtXLarge, "convnext_xlarge")
