"""YOLOv2 on PASCAL VOC: as the paper trains it.

    kerascnn train recipes/yolo_v2.py --data voc
    kerascnn train recipes/yolo_v2.py:TINY --data voc

``voc`` is a folder with ``JPEGImages/`` and ``Annotations/``, of VOC 2007 and 2012. Published: AP50 76.8 % for
``RECIPE`` on the test images of 2007 (Redmon & Farhadi 2016, table 3), 57.1 % for ``TINY``
(https://pjreddie.com/darknet/yolov2/). Cost: 12 and 2.8 x 10^16 multiply-adds. VOC was not trained here. Source:
section 2 of the paper, "Training for detection"; anchors and layers are those of ``cfg/yolov2-voc.cfg`` and
``cfg/yolov2-tiny-voc.cfg`` of https://github.com/pjreddie/darknet.

Five things differ. Images have one size, where the paper draws another every ten batches, from 320 to 608 pixels; they
are stretched to a square; and parts of them are drawn by their area. All weights begin at random, where the paper
trains Darknet-19 on ImageNet first: pass ``model.weights``. And each 2 x 2 pixels of the finer map become one as the
paper says, where Darknet shuffles channels and pixels.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("yolov2_voc"),
    data="voc",
    input=Input(size=416, squash=True, mean=(0.0,) * 3, std=(1.0,) * 3),
    augment=("crop:0.3", "flip", "jitter:0.5:0:0.5:0.1"),
    length=Epochs(160),
    batch=64,
    optimizer=SGD(lr=0.001, weight_decay=5e-4),
    schedule=StepDecay(at=(60, 90), by=0.1, warmup=4),
)
TINY = RECIPE.replace(model=Model("yolov2_tiny_voc"))
