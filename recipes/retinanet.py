"""RetinaNet on COCO as torchvision trains it, and a small one on generated shapes.

    kerascnn train recipes/retinanet.py --data coco
    kerascnn train recipes/retinanet.py:V2 --data coco
    kerascnn train recipes/retinanet.py:SHAPES

``coco`` is the folder with ``annotations/``, ``train2017/`` and ``val2017/``. Published: AP 36.4 % for ``RECIPE``, and
41.5 % for ``V2`` (torchvision). Cost: 1.4 x 10^18 multiply-adds each. COCO was not trained here. Sources:
torchvision's references/detection/README.md, and for ``V2`` https://github.com/pytorch/vision/pull/5756; both on eight
GPUs with two images each.

Four things differ. An image is resized to a square of 800 pixels, where torchvision keeps its proportions, with a short
side of 800 and a long one of up to 1333; for ``V2`` the short side is drawn from 480 to 800. The stem and the first
stage are trained too, which torchvision freezes. COCO's 80 classes are numbered without gaps, so the network has 80
scores and not 91. Of ``V2``, batch norm sees the images of one device.

``SHAPES`` is on the network of ``recipes/shape_boxes.py`` and on its images, with group normalisation in its heads and
the generalised IoU for boxes as in ``V2``: 79.9 % AP50, 58.7 % AP on 404 validation images after 40 epochs (seed 0).
After 17 of them AP was 23.1 %, and 9.4 % without either.
"""

from kerascnn.applications import ResNet18
from kerascnn.detection import retinanet
from kerascnn.tasks.detection import Focal
from kerascnn.training import SGD, AdamW, Cosine, Epochs, FineTune, Input, Model, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("retinanet_resnet50_fpn", weights="tv_in1k_v1"),
    data="coco",
    input=Input(size=800, squash=True),
    augment=("flip",),
    length=Epochs(26),
    batch=16,
    optimizer=SGD(lr=0.01, weight_decay=1e-4),
    schedule=StepDecay(at=(16, 22), by=0.1, warmup=1000 / 7330),
    finetune=FineTune(batch_norm="frozen"),
)
V2 = RECIPE.replace(
    model=Model("retinanet_resnet50_fpn_v2", weights="tv_in1k_v2"),
    optimizer=AdamW(lr=1e-4, weight_decay=0.05),
    loss=Focal(boxes="giou"),
    finetune=None,
)
SHAPES = Recipe(
    model=Model(
        retinanet(ResNet18.replace(name="resnet14_32", depths=(2, 2, 2), width=32)),
        fields={"coarser": 1, "sides": (10.0, 18.0, 32.0, 44.0), "width": 48, "depth": 2, "groups": 8},
    ),
    data="shape_boxes",
    input=Input(size=96, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("crop:0.4", "flip", "jitter:0.3:0.3:0.3:0.1"),
    length=Epochs(40),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
    loss=Focal(boxes="giou"),
)
