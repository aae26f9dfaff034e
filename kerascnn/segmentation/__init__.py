"""Networks that name the class of every pixel: heads on the feature maps of any network of ``applications``.

``FCN8s("mobilenet_v2", classes=21)`` builds a Keras model, and so does ``kerascnn.build("fcn8s_mobilenet_v2",
classes=21)``.
"""

from collections.abc import Callable

from kerascnn import applications
from kerascnn.networks.architecture import Architecture
from kerascnn.segmentation.fcn import FCN, Head

FCN32s, FCN16s, FCN8s = HEADS = Head("fcn32s", 1), Head("fcn16s", 2), Head("fcn8s", 3)
BACKBONES = ("VGG16", "ResNet50V1_5", "MobileNetV2", "EfficientNetLite0")  # listed; any other can be named as well
ROWS = {
    f"{head.name.replace('fcn', 'FCN')}{name}": head.on(applications.ROWS[name]) for head in HEADS for name in BACKBONES
}

__all__ = ["FCN", "ROWS", "FCN8s", "FCN16s", "FCN32s", "Head", "derive"]


def derive(name: str, find: Callable[[str], Architecture]) -> Architecture | None:
    """The row that ``name`` means, such as ``"fcn8s_resnet18"``: a head on the network that ``find`` finds, or None."""
    for head in HEADS:
        if name.lower().startswith(head.name):
            try:
                return head.on(find(name[len(head.name) :].lstrip("_-. ")))
            except ValueError:
                return None
    return None
