"""VGG19, as ``keras.applications.vgg19`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import Traits, builder

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

VGG19 = builder("VGG19", applications.VGG19, "vgg19", traits=Traits(fused=True))
preprocess_input = preprocessing("caffe")
