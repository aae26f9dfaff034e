"""ResNet v1, as ``keras.applications.resnet`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import NAMED_POOLS, builder

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

ResNet50 = builder("ResNet50", applications.ResNet50, "resnet50", headless=NAMED_POOLS)
ResNet101 = builder("ResNet101", applications.ResNet101, "resnet101", headless=NAMED_POOLS)
ResNet152 = builder("ResNet152", applications.ResNet152, "resnet152", headless=NAMED_POOLS)
preprocess_input = preprocessing("caffe")
