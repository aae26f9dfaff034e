"""NASNet, as ``keras.applications.nasnet`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import ARGUMENTS, builder

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

HERE = {"input_shape": None, **ARGUMENTS}
NASNetMobile = builder("NASNetMobile", applications.NASNetMobile, "nasnet_mobile", HERE)
NASNetLarge = builder("NASNetLarge", applications.NASNetLarge, "nasnet_large", HERE)
preprocess_input = preprocessing("tf")
