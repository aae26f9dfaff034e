"""Xception, as ``keras.applications.xception`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import builder

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

Xception = builder("Xception", applications.Xception, "xception")
preprocess_input = preprocessing("tf")
