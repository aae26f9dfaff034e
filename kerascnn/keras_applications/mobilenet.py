"""MobileNet v1, as ``keras.applications.mobilenet`` has it."""

from typing import Any

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import ARGUMENTS, Traits, builder

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

HERE = {"input_shape": None, "alpha": 1.0, "depth_multiplier": 1, "dropout": 1e-3, **ARGUMENTS}


def changed(row: Any, *, alpha: float, depth_multiplier: int, dropout: float) -> Any:
    return row.with_arguments(alpha, depth_multiplier=depth_multiplier, dropout=dropout)


MobileNet = builder(
    "MobileNet",
    applications.MobileNet,
    "mobilenet_{alpha:.2f}_{size}",
    HERE,
    Traits(change=changed, dropout=True, apart=True),
)
preprocess_input = preprocessing("tf")
