"""Networks that find objects: boxes and scores on the feature maps of any network of ``applications``.

``kerascnn.build("retinanet_mobilenet_v2", classes=3)`` builds a Keras model, and so does
``retinanet("mobilenet_v2")(classes=3)``; SSDLite, Faster R-CNN and the versions of YOLO are put on a network alike, and
Mask R-CNN, which says too which pixels are an object's, and Panoptic FPN, which says of every pixel what it belongs to.
R-CNN and Fast R-CNN take the regions that they look at as a second input.
"""

from collections.abc import Callable

from kerascnn.detection.fast_rcnn import FastRCNN, FastRCNNVGG16, fast_rcnn
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
from kerascnn.detection.mask_rcnn import MaskRCNN, MaskRCNNResNet50, MaskRCNNResNet50V2, mask_rcnn
from kerascnn.detection.panoptic_fpn import PanopticFPN, PanopticFPNResNet50, PanopticFPNResNet101, panoptic_fpn
from kerascnn.detection.rcnn import RCNN, RCNNAlexNet, rcnn
from kerascnn.detection.retinanet import RetinaNet, RetinaNetResNet50, RetinaNetResNet50V2, retinanet
from kerascnn.detection.ssd import SSD, SSD300VGG16, SSD512VGG16
from kerascnn.detection.ssdlite import SSDLite, SSDLite320MobileNetV3Large, ssdlite
from kerascnn.detection.yolo_v1 import YOLOv1, YOLOv1Extraction, YOLOv1Tiny, yolov1
from kerascnn.detection.yolo_v2 import YOLOv2, YOLOv2DarkNet19, YOLOv2Tiny, YOLOv2TinyVOC, YOLOv2VOC, yolov2
from kerascnn.detection.yolo_v3 import YOLOv3, YOLOv3DarkNet53, YOLOv3Tiny, yolov3
from kerascnn.networks.architecture import Architecture

ROWS: dict[str, Architecture] = {
    "RCNNAlexNet": RCNNAlexNet,
    "FastRCNNVGG16": FastRCNNVGG16,
    "FasterRCNNVGG16": FasterRCNNVGG16,
    "YOLOv1Extraction": YOLOv1Extraction,
    "YOLOv1Tiny": YOLOv1Tiny,
    "SSD300VGG16": SSD300VGG16,
    "SSD512VGG16": SSD512VGG16,
    "FasterRCNNResNet50": FasterRCNNResNet50,
    "MaskRCNNResNet50": MaskRCNNResNet50,
    "YOLOv2DarkNet19": YOLOv2DarkNet19,
    "YOLOv2VOC": YOLOv2VOC,
    "YOLOv2Tiny": YOLOv2Tiny,
    "YOLOv2TinyVOC": YOLOv2TinyVOC,
    "RetinaNetResNet50": RetinaNetResNet50,
    "YOLOv3DarkNet53": YOLOv3DarkNet53,
    "YOLOv3Tiny": YOLOv3Tiny,
    "PanopticFPNResNet50": PanopticFPNResNet50,
    "PanopticFPNResNet101": PanopticFPNResNet101,
    "SSDLite320MobileNetV3Large": SSDLite320MobileNetV3Large,
    "RetinaNetResNet50V2": RetinaNetResNet50V2,
    "FasterRCNNMobileNetV3Large": FasterRCNNMobileNetV3Large,
    "FasterRCNNMobileNetV3Large320": FasterRCNNMobileNetV3Large320,
    "FasterRCNNResNet50V2": FasterRCNNResNet50V2,
    "MaskRCNNResNet50V2": MaskRCNNResNet50V2,
}
SYSTEMS: dict[str, Callable[[Architecture | str], Architecture]] = {
    "rcnn": rcnn,
    "fast_rcnn": fast_rcnn,
    "faster_rcnn": faster_rcnn,
    "mask_rcnn": mask_rcnn,
    "yolov1": yolov1,
    "yolov2": yolov2,
    "retinanet": retinanet,
    "yolov3": yolov3,
    "panoptic_fpn": panoptic_fpn,
    "ssdlite": ssdlite,
}

__all__ = [
    "RCNN",
    "ROWS",
    "SSD",
    "SSD300VGG16",
    "SSD512VGG16",
    "FastRCNN",
    "FastRCNNVGG16",
    "FasterRCNN",
    "FasterRCNNMobileNetV3Large",
    "FasterRCNNMobileNetV3Large320",
    "FasterRCNNOnMap",
    "FasterRCNNResNet50",
    "FasterRCNNResNet50V2",
    "FasterRCNNVGG16",
    "MaskRCNN",
    "MaskRCNNResNet50",
    "MaskRCNNResNet50V2",
    "PanopticFPN",
    "PanopticFPNResNet50",
    "PanopticFPNResNet101",
    "RCNNAlexNet",
    "RetinaNet",
    "RetinaNetResNet50",
    "RetinaNetResNet50V2",
    "SSDLite",
    "SSDLite320MobileNetV3Large",
    "YOLOv1",
    "YOLOv1Extraction",
    "YOLOv1Tiny",
    "YOLOv2",
    "YOLOv2DarkNet19",
    "YOLOv2Tiny",
    "YOLOv2TinyVOC",
    "YOLOv2VOC",
    "YOLOv3",
    "YOLOv3DarkNet53",
    "YOLOv3Tiny",
    "derive",
    "fast_rcnn",
    "faster_rcnn",
    "mask_rcnn",
    "panoptic_fpn",
    "rcnn",
    "retinanet",
    "ssdlite",
    "yolov1",
    "yolov2",
    "yolov3",
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
