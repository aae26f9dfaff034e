"""YOLOv3 on COCO: as Darknet trains it.

    kerascnn train recipes/yolo_v3.py --data coco
    kerascnn train recipes/yolo_v3.py:TINY --data coco

``coco`` is the folder with ``annotations/``, ``train2017/`` and ``val2017/``. Published: AP50 57.9 % and AP 33.0 % for
``RECIPE`` (Redmon & Farhadi 2018, table 3), AP50 33.1 % for ``TINY`` (https://pjreddie.com/darknet/yolo/). Cost: 6.7
and 0.27 x 10^18 multiply-adds. COCO was not trained here. Source: ``cfg/yolov3.cfg`` and ``cfg/yolov3-tiny.cfg`` of
https://github.com/pjreddie/darknet: 500,200 batches of 64 images, of which the first 1000 warm up, and 200 are left out
here.

Five things differ. Images have one size, where Darknet draws another every ten batches, from 320 to 608 pixels. They
are stretched to a square, where it keeps their proportions on grey ground. Parts of images are drawn by their area,
where it moves each of their sides by up to 30 %. The rate rises evenly, where it rises by the fourth power. And the
backbone begins with others' weights, whose slope below 0 is 0.01; the tiny one begins at random.
"""

from kerascnn.training import SGD, Input, Model, Recipe, StepDecay, Steps

RECIPE = Recipe(
    model=Model("yolov3", weights="c2ns_in1k"),
    data="coco",
    input=Input(size=608, squash=True),
    augment=("crop:0.3", "flip", "jitter:0.5:0:0.5:0.1"),
    length=Steps(500_000, every=1000),
    batch=64,
    optimizer=SGD(lr=0.001, weight_decay=5e-4),
    schedule=StepDecay(at=(400, 450), by=0.1, warmup=1),
)
TINY = RECIPE.replace(model=Model("yolov3_tiny"), input=Input(size=416, squash=True, mean=(0.0,) * 3, std=(1.0,) * 3))
