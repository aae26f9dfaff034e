"""Faster R-CNN: on COCO as torchvision trains it, on PASCAL VOC as its authors do, and on shapes made on the spot.

    kerascnn train recipes/faster_rcnn.py --data coco
    kerascnn train recipes/faster_rcnn.py:MOBILE --data coco
    kerascnn train recipes/faster_rcnn.py:VGG16 --data voc2007
    kerascnn train recipes/faster_rcnn.py:SHAPES

``coco`` is the folder with ``annotations/``, ``train2017/`` and ``val2017/``; ``voc2007`` has ``JPEGImages/`` and
``Annotations/``. Published: AP 37.0 % for ``RECIPE``, 32.8 % for ``MOBILE`` and 22.8 % for ``MOBILE_320``
(torchvision), 69.9 % AP50 for ``VGG16``. Cost: 1.2 x 10^18 multiply-adds for ``RECIPE``, 4 x 10^16 for ``MOBILE``,
6 x 10^16 for ``VGG16``. None of these was trained here. Sources: torchvision's references/detection/README.md, eight
GPUs with two images each; rbgirshick/py-faster-rcnn, models/pascal_voc/VGG16/faster_rcnn_end2end.

What differs: an image is resized to a square, where both keep its proportions. In training as many regions are proposed
as afterwards; both propose 2,000 then. The stem and the first blocks are trained too, which both freeze. COCO's 80
classes are numbered without gaps, so the network has 80 scores and not 90. Of ``VGG16`` the dense layers start new, and
not from ImageNet's; anchors that reach beyond the image learn as well.

``SHAPES`` is on the network of ``recipes/shape_boxes.py``, a ResNet-18 at half its width and without its last stage,
and on its images. Anchors have the sides of shapes, 12 to 52 pixels, and there are as many regions as an image of five
shapes needs. After 20 epochs it finds 77.3 % AP50, 57.3 % AP, on the 404 validation images (seed 0);
at half this rate 72.0 % AP50.
"""

from kerascnn.applications import ResNet18
from kerascnn.detection import faster_rcnn
from kerascnn.tasks.detection import TwoStage
from kerascnn.training import SGD, AdamW, Cosine, Epochs, FineTune, Input, Model, Recipe, StepDecay, Steps

RECIPE = Recipe(
    model=Model("faster_rcnn_resnet50_fpn", weights="tv_in1k_v1"),
    data="coco",
    input=Input(size=800, squash=True),
    augment=("flip",),
    length=Epochs(26),
    batch=16,
    optimizer=SGD(lr=0.02, weight_decay=1e-4),
    schedule=StepDecay(at=(16, 22), by=0.1, warmup=1000 / 7330),
    finetune=FineTune(batch_norm="frozen"),
)
MOBILE = RECIPE.replace(model=Model("faster_rcnn_mobilenet_v3_large_fpn", weights="tv_in1k_v1"))
MOBILE_320 = MOBILE.replace(
    model=Model("faster_rcnn_mobilenet_v3_large_320_fpn", weights="tv_in1k_v1"), input=Input(size=320, squash=True)
)
VGG16 = RECIPE.replace(
    model=Model("faster_rcnn_vgg16", weights="keras_in1k"),
    data="voc2007",
    input=Input(size=600, squash=True),
    length=Steps(70_000, every=2500),
    batch=2,
    optimizer=SGD(lr=0.001, weight_decay=5e-4),
    schedule=StepDecay(at=(20,), by=0.1),
    loss=TwoStage(regions=128),
    finetune=None,
)
SHAPES = Recipe(
    model=Model(
        faster_rcnn(ResNet18.replace(name="resnet14_32", depths=(2, 2, 2), width=32)),
        fields={
            "sides": ((12.0, 16.0), (24.0, 32.0), (40.0, 52.0), (64.0, 80.0)),
            "width": 64,
            "hidden": (128,),
            "candidates": 100,
            "proposals": 100,
            "pairs": 200,
            "detections": 20,
        },
    ),
    data="shape_boxes",
    input=Input(size=96, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("crop:0.4", "flip", "jitter:0.3:0.3:0.3:0.1"),
    length=Epochs(20),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
    loss=TwoStage(anchors=64, regions=48),
)
