"""Networks that find objects: boxes and scores on the feature maps of any network of ``applications``.

``kerascnn.build("retinanet_mobilenet_v2", classes=3)`` builds a Keras model, and so does
``retinanet("mobilenet_v2")(classes=3)``; SSDLite is put on a network alike.
"""

from collections.abc import Callable

from kerascnn.detection.retinanet import RetinaNet, RetinaNetResNet50, RetinaNetResNet50V2, retinanet
from kerascnn.detection.ssd import SSD, SSD300VGG16
from kerascnn.detection.ssdlite import SSDLite, SSDLite320MobileNetV3Large, ssdlite
from kerascnn.networks.architecture import Architecture

ROWS: dict[str, Architecture] = {
    "SSD300VGG16": SSD300VGG16,
    "RetinaNetResNet50": RetinaNetResNet50,
    "SSDLite320MobileNetV3Large": SSDLite320MobileNetV3Large,
    "RetinaNetResNet50V2": RetinaNetResNet50V2,
}
SYSTEMS: dict[str, Callable[[Architecture | str], Architecture]] = {"ssdlite": ssdlite, "retinanet": retinanet}

__all__ = [
    "ROWS",
    "SSD",
    "SSD300VGG16",
    "RetinaNet",
    "RetinaNetResNet50",
    "RetinaNetResNet50V2",
    "SSDLite",
    "SSDLite320MobileNetV3Large",
    "derive",
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
