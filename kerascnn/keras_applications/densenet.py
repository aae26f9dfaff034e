"""DenseNet, as ``keras.applications.densenet`` has it."""

from kerascnn import applications
from kerascnn.keras_applications.imagenet_utils import decode_predictions, preprocessing
from kerascnn.keras_applications.mirror import NAMED_POOLS, Traits, builder

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

TRAITS = Traits(headless=NAMED_POOLS)
DenseNet121 = builder("DenseNet121", applications.DenseNet121, "densenet121", traits=TRAITS)
DenseNet169 = builder("DenseNet169", applications.DenseNet169, "densenet169", traits=TRAITS)
DenseNet201 = builder("DenseNet201", applications.DenseNet201, "densenet201", traits=TRAITS)
preprocess_input = preprocessing("torch")
