"""Networks that name the class of every pixel, on the feature maps of any network of ``applications``.

``DeepLabV3ResNet50(classes=21)`` builds a Keras model, and so do ``DeepLabV3("resnet50", classes=21)`` and
``kerascnn.build("deeplabv3_resnet50", classes=21)``; any other backbone can be named as well, as in
``fcn8s_mobilenet_v2``.
"""

from collections.abc import Callable

from kerascnn import applications
from kerascnn.networks.architecture import Architecture
from kerascnn.segmentation import deeplab_v3, deeplab_v3_plus, fcn, lraspp, unet
from kerascnn.segmentation.deeplab_v3 import (
    DeepLabV3,
    DeepLabV3MobileNetV3Large,
    DeepLabV3ResNet50,
    DeepLabV3ResNet101,
)
from kerascnn.segmentation.deeplab_v3_plus import (
    DeepLabV3Plus,
    DeepLabV3PlusMobileNetV2,
    DeepLabV3PlusResNet50,
    DeepLabV3PlusResNet101,
)
from kerascnn.segmentation.fcn import (
    FCN8s,
    FCN8sVGG16,
    FCN16s,
    FCN16sVGG16,
    FCN32s,
    FCN32sVGG16,
    FCNHead,
    FCNResNet50,
    FCNResNet101,
)
from kerascnn.segmentation.lraspp import LRASPP, LRASPPMobileNetV3Large
from kerascnn.segmentation.system import Head
from kerascnn.segmentation.unet import UNet, UNetMobileNetV2, UNetResNet18, UNetSame, UNetValid

FAMILIES = (fcn, unet, deeplab_v3, deeplab_v3_plus, lraspp)
HEADS = tuple(head for family in FAMILIES for head in vars(family).values() if isinstance(head, Head))
BACKBONES = ("ResNet50V1_5", "MobileNetV2", "EfficientNetLite0")  # listed of FCN; any other can be named as well
ROWS: dict[str, Architecture] = {
    identifier: row
    for family in FAMILIES
    for identifier, row in vars(family).items()
    if isinstance(row, Architecture) and row.task == "segmentation"
} | {
    f"{head.name.replace('fcn', 'FCN')}{name}": head.on(applications.ROWS[name])
    for head in (FCN32s, FCN16s, FCN8s)
    for name in BACKBONES
}

__all__ = [
    "LRASPP",
    "ROWS",
    "DeepLabV3",
    "DeepLabV3MobileNetV3Large",
    "DeepLabV3Plus",
    "DeepLabV3PlusMobileNetV2",
    "DeepLabV3PlusResNet50",
    "DeepLabV3PlusResNet101",
    "DeepLabV3ResNet50",
    "DeepLabV3ResNet101",
    "FCN8s",
    "FCN8sVGG16",
    "FCN16s",
    "FCN16sVGG16",
    "FCN32s",
    "FCN32sVGG16",
    "FCNHead",
    "FCNResNet50",
    "FCNResNet101",
    "Head",
    "LRASPPMobileNetV3Large",
    "UNet",
    "UNetMobileNetV2",
    "UNetResNet18",
    "UNetSame",
    "UNetValid",
    "derive",
]


def derive(name: str, find: Callable[[str], Architecture]) -> Architecture | None:
    """The row that ``name`` means, such as ``"fcn8s_resnet18"``: a head on the network that ``find`` finds, or None."""
    for head in HEADS:
        if name.lower().startswith(head.name):
            rest = name[len(head.name) :].lstrip("_-. ")
            try:
                return head.short(rest) or head.on(find(rest))
            except ValueError:
                continue
    return None
