"""``keras.applications`` for code that is written for it: ``from kerascnn import keras_applications as applications``.

Its modules and builders, with its arguments, defaults and names of layers, drawn from the networks of this package.
``weights="imagenet"`` are Keras' own files, which stand in the records.
"""

from kerascnn.keras_applications import (
    convnext,
    densenet,
    efficientnet,
    efficientnet_v2,
    imagenet_utils,
    inception_resnet_v2,
    inception_v3,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    nasnet,
    resnet,
    resnet50,
    resnet_v2,
    vgg16,
    vgg19,
    xception,
)
from kerascnn.keras_applications.convnext import (
    ConvNeXtBase,
    ConvNeXtLarge,
    ConvNeXtSmall,
    ConvNeXtTiny,
    ConvNeXtXLarge,
)
from kerascnn.keras_applications.densenet import DenseNet121, DenseNet169, DenseNet201
from kerascnn.keras_applications.efficientnet import (
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
)
from kerascnn.keras_applications.efficientnet_v2 import (
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2L,
    EfficientNetV2M,
    EfficientNetV2S,
)
from kerascnn.keras_applications.inception_resnet_v2 import InceptionResNetV2
from kerascnn.keras_applications.inception_v3 import InceptionV3
from kerascnn.keras_applications.mobilenet import MobileNet
from kerascnn.keras_applications.mobilenet_v2 import MobileNetV2
from kerascnn.keras_applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
from kerascnn.keras_applications.nasnet import NASNetLarge, NASNetMobile
from kerascnn.keras_applications.resnet import ResNet50, ResNet101, ResNet152
from kerascnn.keras_applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from kerascnn.keras_applications.vgg16 import VGG16
from kerascnn.keras_applications.vgg19 import VGG19
from kerascnn.keras_applications.xception import Xception

__all__ = [
    "VGG16",
    "VGG19",
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "NASNetLarge",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet152",
    "ResNet152V2",
    "Xception",
    "convnext",
    "densenet",
    "efficientnet",
    "efficientnet_v2",
    "imagenet_utils",
    "inception_resnet_v2",
    "inception_v3",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "nasnet",
    "resnet",
    "resnet50",
    "resnet_v2",
    "vgg16",
    "vgg19",
    "xception",
]
