"""Networks that find objects: boxes and scores on the feature maps of any network of ``applications``.

``kerascnn.build("ssdlite_mobilenet_v2", classes=3)`` builds a Keras model, and so does
``ssdlite("mobilenet_v2")(classes=3)``.
"""

from collections.abc import Callable

from kerascnn.detection.ssd import SSD, SSD300VGG16
from kerascnn.detection.ssdlite import SSDLite, SSDLite320MobileNetV3Large, ssdlite
from kerascnn.networks.architecture import Architecture

ROWS: dict[str, Architecture] = {
    "SSD300VGG16": SSD300VGG16,
    "SSDLite320MobileNetV3Large": SSDLite320MobileNetV3Large,
}

__all__ = ["ROWS", "SSD", "SSD300VGG16", "SSDLite", "SSDLite320MobileNetV3Large", "derive", "ssdlite"]


def derive(name: str, find: Callable[[str], Architecture]) -> Architecture | None:
    """The row that ``name`` means, ``"ssdlite_resnet18"`` for instance: a head on what ``find`` finds, or None."""
    if not name.lower().startswith("ssdlite"):
        return None
    try:
        return ssdlite(find(name[len("ssdlite") :].lstrip("_-. ")))
    except ValueError:
        return None
