"""Boxes round shapes, in images that are made on the spot: small and large, before and behind one another.

    kerascnn train recipes/shape_boxes.py
    kerascnn train recipes/shape_boxes.py:YOLO
    kerascnn train recipes/shape_boxes.py:TINY

After 60 epochs it finds 83.0 % AP50, 59.5 % AP, on the 404 validation images (seed 0); with flips alone 56.7 % AP50 at
its best, and less from there on. ``YOLO``, the head of YOLOv3 on the same network, comes to 85.3 % AP50, 58.7 % AP in
40. As Darknet has it, with even odds before the first step (``prior``) and the loss as it is by default, it came to
55.8 % AP50, 29.4 % AP. After five epochs AP is 1.1 % so, 2.3 % with this loss, 4.3 % with this prior, and 8.8 % with
both: at even odds the first gradients are those of all boxes that are no objects, which Adam remembers for a thousand
steps; and one anchor alone learned each object. ``TINY``, Darknet's tiny network on images that are enlarged to 160
pixels, comes to 85.6 % AP50.

AP50 of files, as ``kerascnn evaluate`` measures it: SSDLite 83.0 % in float32, 82.8 % in int8 (``kerascnn export
model.keras --format tflite-int8 --calibration shape_boxes``) and 84.2 % where it was tuned for that (``kerascnn
compress model.keras --data shape_boxes --int8``, then exported); ``YOLO`` 85.3 %, 84.9 % and 85.9 %.

The network is a ResNet-18 at half its width and without its last stage: maps of stride 8 and 16 suit shapes of 12 to
52 pixels. A page for photographs differs in the network, ``ssdlite_mobilenet_v2`` with ``weights="imagenet"`` for
instance, and in the data, a folder with ``images/`` and ``annotations.json``.
"""

from kerascnn.applications import ResNet18
from kerascnn.detection import ssdlite, yolov3
from kerascnn.tasks.detection import Logistic
from kerascnn.training import AdamW, Cosine, Epochs, Input, Model, Recipe

BACKBONE = ResNet18.replace(name="resnet14_32", depths=(2, 2, 2), width=32)  # up to stride 16: shapes are small
RECIPE = Recipe(
    model=Model(
        ssdlite(BACKBONE),
        fields={"extras": (128, 128), "scales": (0.12, 0.25, 0.42, 0.6, 0.8), "ratios": ((2.0,),) * 4},
    ),
    data="shape_boxes",
    input=Input(size=96, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("crop:0.4", "flip", "jitter:0.3:0.3:0.3:0.1"),
    length=Epochs(60),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
)
YOLO = RECIPE.replace(
    model=Model(
        yolov3(BACKBONE),
        fields={
            "anchors": (((14, 14), (20, 20), (27, 27)), ((34, 34), (42, 42), (52, 52))),
            "heads": ((64, 1), (128, 1)),
        },
    ),
    length=Epochs(40),
    loss=Logistic(overlap=0.5, boxes="giou", place=2.0),
)
TINY = YOLO.replace(
    model=Model(
        "yolov3_tiny",
        fields={"anchors": (((23, 23), (33, 33), (45, 45)), ((57, 57), (70, 70), (87, 87))), "prior": 0.01},
    ),
    input=Input(size=160, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
)
