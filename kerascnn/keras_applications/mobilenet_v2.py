"""MobileNet v2, as ``keras.applications.mobilenet_v2`` has it."""

from typing import Any

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import ARGUMENTS, Traits, builder

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

HERE = {"input_shape": None, "alpha": 1.0, **ARGUMENTS}


def changed(row: Any, *, alpha: float) -> Any:
    return row.with_arguments(alpha)


MobileNetV2 = builder(
    "MobileNetV2", applications.MobileNetV2, "mobilenetv2_{alpha:.2f}_{size}", HERE, Traits(change=changed)
)
preprocess_input = preprocessing("tf")
