"""ResNet v2, as ``keras.applications.resnet_v2`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import NAMED_POOLS, Traits, builder

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

TRAITS = Traits(headless=NAMED_POOLS)
ResNet50V2 = builder("ResNet50V2", applications.ResNet50V2, "resnet50v2", traits=TRAITS)
ResNet101V2 = builder("ResNet101V2", applications.ResNet101V2, "resnet101v2", traits=TRAITS)
ResNet152V2 = builder("ResNet152V2", applications.ResNet152V2, "resnet152v2", traits=TRAITS)
preprocess_input = preprocessing("tf")
