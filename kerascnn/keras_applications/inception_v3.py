"""Inception v3, as ``keras.applications.inception_v3`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import builder

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

InceptionV3 = builder("InceptionV3", applications.InceptionV3, "inception_v3")
preprocess_input = preprocessing("tf")
