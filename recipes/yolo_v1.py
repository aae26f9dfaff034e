"""YOLO's first version on PASCAL VOC: as the paper trains it.

    kerascnn train recipes/yolo_v1.py --data voc
    kerascnn train recipes/yolo_v1.py:TINY --data voc

``voc`` is a folder with ``JPEGImages/`` and ``Annotations/``, of VOC 2007 and 2012. Published: AP50 63.4 % for
``RECIPE`` on the test images of 2007, and 52.7 % for a smaller network (Redmon et al. 2015, table 1). Cost: 14
and 1.1 x 10^16 multiply-adds. VOC was not trained here. Source: section 2.2 of the paper; ``TINY`` is
``cfg/yolov1-tiny.cfg`` of https://github.com/pjreddie/darknet, which has batch norm.

The paper's rate of 0.01 is that of its code, whose gradients are half those of equation 3. Three things differ. All
weights begin at random, where the paper trains the first 20 convolutions on ImageNet first;
pass ``model.weights``. Parts of images are drawn by their area, where it scales and moves them by up to 20 %. And the
rate rises for one epoch, where the paper says for the first ones.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("yolov1"),
    data="voc",
    input=Input(size=448, squash=True, mean=(0.0,) * 3, std=(1.0,) * 3),
    augment=("crop:0.6", "flip", "jitter:0.5:0:0.5:0"),
    length=Epochs(135),
    batch=64,
    optimizer=SGD(lr=0.005, weight_decay=5e-4),
    schedule=StepDecay(at=(75, 105), by=0.1, warmup=1),
)
TINY = RECIPE.replace(model=Model("yolov1_tiny"))
