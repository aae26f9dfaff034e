"""ResNet v1, as ``keras.applications.resnet`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import NAMED_POOLS, Traits, builder

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

TRAITS = Traits(headless=NAMED_POOLS)
ResNet50 = builder("ResNet50", applications.ResNet50, "resnet50", traits=TRAITS)
ResNet101 = builder("ResNet101", applications.ResNet101, "resnet101", traits=TRAITS)
ResNet152 = builder("ResNet152", applications.ResNet152, "resnet152", traits=TRAITS)
preprocess_input = preprocessing("caffe")
