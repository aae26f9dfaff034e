"""ResNet-50, as ``keras.applications.resnet50`` has it."""

from kerascnn.keras_applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
