"""SSDLite and SSD300 on COCO: as torchvision trains them; and SSD512, as its authors do.

    kerascnn train recipes/ssdlite.py --data coco
    kerascnn train recipes/ssdlite.py:SSD300 --data coco
    kerascnn train recipes/ssdlite.py:SSD512 --data coco

``coco`` is the folder with ``annotations/``, ``train2017/`` and ``val2017/``. Published: AP 21.3 % for ``RECIPE``, and
25.1 % for ``SSD300`` (torchvision); 26.8 % for ``SSD512`` (Liu et al. 2015, table 5). Cost: 0.13, 1.5 and 2.3 x 10^18
multiply-adds. COCO was not trained here. Sources: torchvision's references/detection/README.md; of ``SSD512`` section
3.4 of the paper, 160,000 batches of 32 images at a rate of 0.001, 40,000 at a tenth and 40,000 at a hundredth of it.

Three things differ. No image is laid on a larger ground. Every image's loss is divided by its own number of matched
boxes, not by that of the batch. And COCO's 80 classes are numbered without gaps, so the network has 80 scores and not
90.
"""

from kerascnn.training import SGD, Cosine, Epochs, Input, Model, Recipe, StepDecay, Steps

RECIPE = Recipe(
    model=Model("ssdlite320_mobilenet_v3_large"),
    data="coco",
    input=Input(size=320, squash=True, mean=(0.5,) * 3, std=(0.5,) * 3),
    augment=("iou_crop", "flip"),
    length=Epochs(660),
    batch=192,
    optimizer=SGD(lr=0.15, weight_decay=4e-5),
    schedule=Cosine(warmup=1),
)
SSD300 = RECIPE.replace(
    model=Model("ssd300_vgg16", weights="keras_in1k"),
    input=Input(size=300, squash=True),
    augment=("iou_crop", "flip", "jitter:0.125:0.5:0.5:0.05"),
    length=Epochs(120),
    batch=32,
    optimizer=SGD(lr=0.002, weight_decay=5e-4),
    schedule=StepDecay(at=(80, 110), by=0.1, warmup=1),
)
SSD512 = SSD300.replace(
    model=Model("ssd512_vgg16", weights="keras_in1k"),
    input=Input(size=512, squash=True),
    length=Steps(240_000, every=4000),
    optimizer=SGD(lr=0.001, weight_decay=5e-4),
    schedule=StepDecay(at=(40, 50), by=0.1),
)
