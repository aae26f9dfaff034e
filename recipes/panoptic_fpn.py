"""Panoptic FPN: on COCO as Detectron2 trains it, and on shapes made on the spot.

    kerascnn train recipes/panoptic_fpn.py --data coco_panoptic
    kerascnn train recipes/panoptic_fpn.py --data coco_panoptic --set model.name=panoptic_fpn_resnet101
    kerascnn train recipes/panoptic_fpn.py:SHAPES

``coco_panoptic`` is a folder with ``train2017/``, ``val2017/`` and ``annotations/``, in which are COCO's panoptic files
and no others, each beside the folder of its PNG files. Published: PQ 41.5 %, of ResNet-101 43.0 % (Detectron2). Cost:
2.6 x 10^18 multiply-adds, 3.3 x 10^18. Neither was trained here. Sources: Detectron2's MODEL_ZOO.md and, in
configs/COCO-PanopticSegmentation, panoptic_fpn_R_50_3x.yaml and panoptic_fpn_R_101_3x.yaml, for eight GPUs with two
images each.

What differs: an image is resized to a square of 800 pixels, where Detectron2 keeps its proportions and draws the
shorter side from 640 to 800. The stem and the first blocks are trained too, which it freezes; the backbone begins with
Keras' weights, and there with those of the authors. Boxes learn by L1, which is smooth below a thousandth here. In
training as many anchors of a map are looked at as afterwards; it looks at 2,000 then. Losses of masks and of stuff are
the mean of each image's, and not that of all regions or pixels of a batch.

``SHAPES`` is on the network of ``recipes/shape_boxes.py``, a ResNet-18 at half its width and without its last stage,
with the anchors and the regions of ``recipes/mask_rcnn.py:SHAPES``, on images of shapes before ground and water. After
40 epochs PQ is 68.9 % on the 404 validation images (seed 0); after 20 at half the learning rate it was 42.7 %, and
hardly a square was told from a triangle.
"""

from kerascnn.applications import ResNet18
from kerascnn.detection import panoptic_fpn
from kerascnn.tasks.instance import TwoStageMasks
from kerascnn.training import SGD, AdamW, Cosine, Epochs, FineTune, Input, Model, Recipe, StepDecay, Steps

RECIPE = Recipe(
    model=Model("panoptic_fpn_resnet50", weights="keras_in1k"),
    data="coco_panoptic",
    input=Input(size=800, squash=True),
    augment=("flip",),
    length=Steps(270_000, every=10_000),
    batch=16,
    optimizer=SGD(lr=0.02, weight_decay=1e-4),
    schedule=StepDecay(at=(21, 25), by=0.1, warmup=0.1),
    loss=TwoStageMasks(beta=1e-3),
    finetune=FineTune(batch_norm="frozen"),
)
SHAPES = Recipe(
    model=Model(
        panoptic_fpn(ResNet18.replace(name="resnet14_32", depths=(2, 2, 2), width=32)),
        fields={
            "sides": ((12.0, 16.0), (24.0, 32.0), (40.0, 52.0), (64.0, 80.0)),
            "width": 64,
            "hidden": (128,),
            "mask_convolutions": 1,
            "stuff_width": 32,
            "stuff_groups": 8,
            "candidates": 100,
            "proposals": 100,
            "pairs": 200,
            "detections": 12,
        },
    ),
    data="shape_panoptic",
    input=Input(size=96, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("crop:0.4", "flip", "jitter:0.3:0.3:0.3:0.1"),
    length=Epochs(40),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
    loss=TwoStageMasks(anchors=64, regions=48),
)
