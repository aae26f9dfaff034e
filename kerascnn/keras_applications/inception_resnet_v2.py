"""Inception-ResNet v2, as ``keras.applications.inception_resnet_v2`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import builder

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

InceptionResNetV2 = builder("InceptionResNetV2", applications.InceptionResNetV2, "inception_resnet_v2")
preprocess_input = preprocessing("tf")
