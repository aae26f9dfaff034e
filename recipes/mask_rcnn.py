"""Mask R-CNN: on COCO as torchvision trains it, and on shapes made on the spot.

    kerascnn train recipes/mask_rcnn.py --data coco
    kerascnn train recipes/mask_rcnn.py:SHAPES

``coco`` is the folder with ``annotations/``, ``train2017/`` and ``val2017/``. Published: AP of masks 34.6 %, of boxes
37.9 % (torchvision). Cost: 1.7 x 10^18 multiply-adds. It was not trained here. Source: torchvision's
references/detection/README.md, eight GPUs with two images each.

What differs is what differs in ``recipes/faster_rcnn.py``, whose constants these are. Beside it, of what a region cuts
out of its object's mask a pixel is the object's or not, from one half on, where torchvision learns shares; and the loss
of masks is the mean of each image's, and not that of all regions of a batch.

``SHAPES`` is on the network of ``recipes/shape_boxes.py``, a ResNet-18 at half its width and without its last stage,
with the anchors of ``recipes/faster_rcnn.py:SHAPES``, on images that have a mask of every shape. The narrow head makes
masks of few regions, because these are most of its cost. After 20 epochs the AP50 of its masks is 69.3 %, their AP
46.7 %, on the 404 validation images (seed 0); at half this rate AP50 was 66.5 %.
"""

from kerascnn.applications import ResNet18
from kerascnn.detection import mask_rcnn
from kerascnn.tasks.instance import TwoStageMasks
from kerascnn.training import SGD, AdamW, Cosine, Epochs, FineTune, Input, Model, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("mask_rcnn_resnet50_fpn", weights="tv_in1k_v1"),
    data="coco",
    input=Input(size=800, squash=True),
    augment=("flip",),
    length=Epochs(26),
    batch=16,
    optimizer=SGD(lr=0.02, weight_decay=1e-4),
    schedule=StepDecay(at=(16, 22), by=0.1, warmup=1000 / 7330),
    finetune=FineTune(batch_norm="frozen"),
)
SHAPES = Recipe(
    model=Model(
        mask_rcnn(ResNet18.replace(name="resnet14_32", depths=(2, 2, 2), width=32)),
        fields={
            "sides": ((12.0, 16.0), (24.0, 32.0), (40.0, 52.0), (64.0, 80.0)),
            "width": 64,
            "hidden": (128,),
            "mask_convolutions": 1,
            "candidates": 100,
            "proposals": 100,
            "pairs": 200,
            "detections": 12,
        },
    ),
    data="shape_instances",
    input=Input(size=96, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("crop:0.4", "flip", "jitter:0.3:0.3:0.3:0.1"),
    length=Epochs(20),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
    loss=TwoStageMasks(anchors=64, regions=48),
)
