"""Fast R-CNN: on PASCAL VOC as its author trains it, and on shapes that are made on the spot.

    kerascnn train recipes/fast_rcnn.py --data voc2007 --export tflite onnx
    kerascnn train recipes/fast_rcnn.py:SHAPES --export tflite onnx

``voc2007`` has ``JPEGImages/`` and ``Annotations/``. Published: 66.9 % AP50 on the test images of 2007, of whose
training and validation images it learns. Cost: 3 x 10^16 multiply-adds. It was not trained here. Source: Girshick 2015,
https://arxiv.org/abs/1504.08083, sections 2.3 and 4; rbgirshick/fast-rcnn, models/VGG16.

Boxes to be looked at come of selective search, once for each image; those of a file ``proposals.json`` beside COCO's
``annotations.json`` are taken instead.

What differs: an image is resized to a square, where the author keeps its proportions. The first convolutions are
trained too, and the dense layers start new, and not from ImageNet's. Offsets are divided by 0.1 and 0.2, and not by
deviations measured on the training boxes.

``SHAPES`` stands on the first two stages of a ResNet-18, up to stride 8, since shapes have 12 to 52 pixels. After 20
epochs it finds 80.2 % AP50 on the 404 validation images (seed 0). Selective search takes two to five minutes for its
1,600 images, once. Integers are no form for its file: the choice of detections runs in a loop.
"""

from kerascnn.applications import ResNet18
from kerascnn.detection import fast_rcnn
from kerascnn.tasks.detection import MultiTask
from kerascnn.training import SGD, AdamW, Cosine, Epochs, Input, Model, Recipe, StepDecay, Steps

RECIPE = Recipe(
    model=Model("fast_rcnn_vgg16", weights="keras_in1k"),
    data="voc2007",
    input=Input(size=600, squash=True),
    augment=("flip",),
    length=Steps(40_000, every=2500),
    batch=2,
    optimizer=SGD(lr=0.001, weight_decay=5e-4),
    schedule=StepDecay(at=(12,), by=0.1),
    loss=MultiTask(regions=64),
)
BACKBONE = ResNet18.replace(name="resnet10_48", depths=(2, 2), width=48)  # up to stride 8: shapes are small
SHAPES = Recipe(
    model=Model(fast_rcnn(BACKBONE), fields={"hidden": (256,), "proposals": 160, "dropout": 0.0}),
    data="shape_boxes",
    input=Input(size=96, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip", "jitter:0.3:0.3:0.3:0.1"),
    length=Epochs(20),
    batch=16,
    optimizer=AdamW(lr=0.001, weight_decay=0.01),
    schedule=Cosine(warmup=1),
    loss=MultiTask(regions=64, low=0.0),
)
