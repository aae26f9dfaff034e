"""Xception on ImageNet.

    kerascnn train recipes/xception.py --data imagenet

Published: 79.0 % top-1 (Chollet 2016, Table 1). Cost: 3.2 x 10^18 multiply-adds, 3 x 8.4 G for each of 1.28 M images,
100 times. ImageNet was not trained here. Source: section 4.3 of the paper; it states neither the batch nor the number
of epochs: 256 and 100 are ours.
"""

from kerascnn.training import SGD, Epochs, Exponential, Input, Model, Recipe

RECIPE = Recipe(
    model=Model("xception"),
    data="imagenet",
    input=Input(size=299, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    augment=("crop", "flip", "jitter"),
    length=Epochs(100),
    batch=256,
    optimizer=SGD(lr=0.045, weight_decay=1e-5),
    schedule=Exponential(by=0.94, every=2),
    ema=0.9999,
)
