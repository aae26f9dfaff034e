"""Faster R-CNN: on COCO as torchvision trains it, and on PASCAL VOC as its authors do.

    kerascnn train recipes/faster_rcnn.py --data coco
    kerascnn train recipes/faster_rcnn.py:MOBILE --data coco
    kerascnn train recipes/faster_rcnn.py:VGG16 --data voc2007

``coco`` is the folder with ``annotations/``, ``train2017/`` and ``val2017/``; ``voc2007`` has ``JPEGImages/`` and
``Annotations/``. Published: AP 37.0 % for ``RECIPE``, 32.8 % for ``MOBILE`` and 22.8 % for ``MOBILE_320``
(torchvision), 69.9 % AP50 for ``VGG16``. Cost: 1.2 x 10^18 multiply-adds for ``RECIPE``, 4 x 10^16 for ``MOBILE``,
6 x 10^16 for ``VGG16``. None was trained here. Sources: torchvision's references/detection/README.md, eight GPUs with
two images each; rbgirshick/py-faster-rcnn, models/pascal_voc/VGG16/faster_rcnn_end2end.

What differs: an image is resized to a square, where both keep its proportions. In training as many regions are proposed
as afterwards; both propose 2,000 then. The stem and the first blocks are trained too, which both freeze. COCO's 80
classes are numbered without gaps, so the network has 80 scores and not 90. Of ``VGG16`` the dense layers start new, and
not from ImageNet's; anchors that reach beyond the image learn as well.
"""

from kerascnn.tasks.detection import TwoStage
from kerascnn.training import SGD, Epochs, FineTune, Input, Model, Recipe, StepDecay, Steps

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
