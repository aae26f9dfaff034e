"""VGG16, as ``keras.applications.vgg16`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import Traits, builder

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

VGG16 = builder("VGG16", applications.VGG16, "vgg16", traits=Traits(fused=True))
preprocess_input = preprocessing("caffe")
