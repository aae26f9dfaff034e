"""Networks that find objects: boxes and scores on the feature maps of any network of ``applications``.

``kerascnn.build("retinanet_mobilenet_v2", classes=3)`` builds a Keras model, and so does
``retinanet("mobilenet_v2")(classes=3)``; SSDLite and Faster R-CNN are put on a network alike.
"""

from collections.abc import Callable

from kerascnn.detection.faster_rcnn import (
    FasterRCNN,
    FasterRCNNMobileNetV3Large,
    FasterRCNNMobileNetV3Large320,
    FasterRCNNOnMap,
    FasterRCNNResNet50,
    FasterRCNNResNet50V2,
    FasterRCNNVGG16,
    faster_rcnn,
)
from kerascnn.detection.retinanet import RetinaNet, RetinaNetResNet50, RetinaNetResNet50V2, retinanet
from kerascnn.detection.ssd import SSD, SSD300VGG16
from kerascnn.detection.ssdlite import SSDLite, SSDLite320MobileNetV3Large, ssdlite
from kerascnn.networks.architecture import Architecture

ROWS: dict[str, Architecture] = {
    "FasterRCNNVGG16": FasterRCNNVGG16,
    "SSD300VGG16": SSD300VGG16,
    "FasterRCNNResNet50": FasterRCNNResNet50,
    "RetinaNetResNet50": RetinaNetResNet50,
    "SSDLite320MobileNetV3Large": SSDLite320MobileNetV3Large,
    "RetinaNetResNet50V2": RetinaNetResNet50V2,
    "FasterRCNNMobileNetV3Large": FasterRCNNMobileNetV3Large,
    "FasterRCNNMobileNetV3Large320": FasterRCNNMobileNetV3Large320,
    "FasterRCNNResNet50V2": FasterRCNNResNet50V2,
}
SYSTEMS: dict[str, Callable[[Architecture | str], Architecture]] = {
    "ssdlite": ssdlite,
    "retinanet": retinanet,
    "faster_rcnn": faster_rcnn,
}

__all__ = [
    "ROWS",
    "SSD",
    "SSD300VGG16",
    "FasterRCNN",
    "FasterRCNNMobileNetV3Large",
    "FasterRCNNMobileNetV3Large320",
    "FasterRCNNOnMap",
    "FasterRCNNResNet50",
    "FasterRCNNResNet50V2",
    "FasterRCNNVGG16",
    "RetinaNet",
    "RetinaNetResNet50",
    "RetinaNetResNet50V2",
    "SSDLite",
    "SSDLite320MobileNetV3Large",
    "derive",
    "faster_rcnn",
    "retinanet",
    "ssdlite",
]


def derive(name: str, find: Callable[[str], Architecture]) -> Architecture | None:
    """The row that ``name`` means, ``"ssdlite_resnet18"`` for instance: a head on what ``find`` finds, or None."""
    for system, on in SYSTEMS.items():
        if name.lower().startswith(system):
            try:
                return on(find(name[len(system) :].lstrip("_-. ")))
            except ValueError:
                return None
    return None
