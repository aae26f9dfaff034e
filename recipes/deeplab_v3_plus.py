"""DeepLabV3+ on PASCAL VOC, and a small one on generated shapes.

    kerascnn train recipes/deeplab_v3_plus.py --data voc2012
    kerascnn train recipes/deeplab_v3_plus.py:SHAPES

`voc2012` is a folder with images/ and masks/, in train/ and validation/. Published: mean IoU 78.85 % at stride 16 (Chen
et al. 2018, Table 3). Cost: 0.1 x 10^18 multiply-adds. VOC was not trained here. Source: section 4 of the paper, which
trains as DeepLabV3 is trained; see that page for what differs.

``SHAPES`` ends at 86.7 % mean IoU on 404 validation images after 40 epochs (seed 0), and at 76.9 % after 20. It drops
nothing: with half of the pyramid's features dropped it had 76.4 % after 20.
"""

from kerascnn.training import SGD, AdamW, Cosine, Epochs, Input, Model, Polynomial, Recipe, Steps

RECIPE = Recipe(
    model=Model("deeplabv3plus_resnet101_v1_5", weights="imagenet"),
    data="voc2012",
    input=Input(size=513),
    augment=("crop:0.25", "flip"),
    length=Steps(30_000, every=1000),
    batch=16,
    optimizer=SGD(lr=0.007, weight_decay=1e-4),
    schedule=Polynomial(power=0.9),
)
SHAPES = Recipe(
    model=Model("deeplabv3plus_resnet20_cifar", fields={"width": 64, "rates": (2, 4, 6), "dropout": 0.0}),
    data="shape_masks",
    input=Input(size=64, crop=1.0, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip", "affine"),
    length=Epochs(40),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
)
