"""Mask R-CNN on COCO, as torchvision trains it.

    kerascnn train recipes/mask_rcnn.py --data coco

``coco`` is the folder with ``annotations/``, ``train2017/`` and ``val2017/``. Published: AP of masks 34.6 %, of boxes
37.9 % (torchvision). Cost: 1.7 x 10^18 multiply-adds. It was not trained here. Source: torchvision's
references/detection/README.md, eight GPUs with two images each.

What differs is what differs in ``recipes/faster_rcnn.py``, whose constants these are. Beside it, of what a region cuts
out of its object's mask a pixel is the object's or not, from one half on, where torchvision learns shares; and the loss
of masks is the mean of each image's, and not that of all regions of a batch.
"""

from kerascnn.training import SGD, Epochs, FineTune, Input, Model, Recipe, StepDecay

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
