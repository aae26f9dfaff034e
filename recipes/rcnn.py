"""R-CNN: on PASCAL VOC as its authors fine-tune it, and on shapes that are made on the spot.

    kerascnn train recipes/rcnn.py --data voc2007 --export tflite onnx
    kerascnn train recipes/rcnn.py:SHAPES --export tflite onnx

``voc2007`` has ``JPEGImages/`` and ``Annotations/``. Published: 54.2 % AP50 on the test images of 2007, 58.5 % with
boxes that are moved, by support vector machines on the network; 50.9 % by its softmax. Cost: 2 x 10^16 multiply-adds.
It was not trained here. Source: Girshick et al. 2013, https://arxiv.org/abs/1311.2524, section 2.3 and appendices;
rbgirshick/rcnn, finetuning/voc_2007_prototxt.

What differs: scores are those of the softmax, and boxes are moved by what learns with the network, not by ridge
regression behind it. A batch has two images and 64 regions of each, where the authors' 128 come of all images. Weights
start new: nobody publishes those of two towers in a form that is read here. ``SHAPES``, on a network of regions of 32
pixels, finds 81.4 % AP50 on the 404 validation images after 20 epochs (seed 0), and 48.2 % after 8.
"""

from kerascnn.detection import rcnn
from kerascnn.tasks.detection import MultiTask
from kerascnn.training import SGD, AdamW, Cosine, Epochs, Input, Model, Recipe, StepDecay, Steps

RECIPE = Recipe(
    model=Model("rcnn_alexnet_two_tower"),
    data="voc2007",
    input=Input(size=500, squash=True),
    augment=("flip",),
    length=Steps(70_000, every=2500),
    batch=2,
    optimizer=SGD(lr=0.001, weight_decay=5e-4),
    schedule=StepDecay(at=(8, 16, 24), by=0.1),
    loss=MultiTask(regions=64, low=0.0),
)
SHAPES = Recipe(
    model=Model(rcnn("resnet20_cifar"), fields={"context": 3, "proposals": 100}),
    data="shape_boxes",
    input=Input(size=96, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip",),
    length=Epochs(20),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
    loss=MultiTask(regions=16, low=0.0),
)
