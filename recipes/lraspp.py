"""Lite R-ASPP on MobileNetV3: on COCO with VOC's classes as torchvision trains it, and on generated shapes.

    kerascnn train recipes/lraspp.py --data coco_voc
    kerascnn train recipes/lraspp.py:SHAPES

`coco_voc` is a folder with images/ and masks/, in train/ and validation/. Published: mean IoU 57.9 % (torchvision).
Cost: 0.02 x 10^18 multiply-adds. COCO was not trained here. Source: torchvision's references/segmentation, with 8 x 4
images a step, scaled by 0.5 to 2; here they are cut out from a quarter of the image on.

``SHAPES`` ends at 83.9 % mean IoU on 404 validation images after 40 epochs (seed 0). Its maps have stride 2 and 1, and
rings are but 4 pixels thin; with stride 4 and 2, and in half as many epochs, it had 59.9 %.
"""

from kerascnn.training import SGD, AdamW, Cosine, Epochs, Input, Model, Polynomial, Recipe

RECIPE = Recipe(
    model=Model("lraspp_mobilenet_v3_large", weights="imagenet"),
    data="coco_voc",
    input=Input(size=480),
    augment=("crop:0.25", "flip"),
    length=Epochs(30),
    batch=32,
    optimizer=SGD(lr=0.01, weight_decay=1e-6),
    schedule=Polynomial(power=0.9),
)
SHAPES = Recipe(
    model=Model("lraspp_resnet20_cifar", fields={"output_stride": 2}),
    data="shape_masks",
    input=Input(size=64, crop=1.0, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip", "affine"),
    length=Epochs(40),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
)
