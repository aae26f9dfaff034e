"""Xception on ImageNet.

    kerascnn train recipes/xception.py --data imagenet

Published: 79.0 % top-1 (Chollet 2016, Table 1). Cost: 3.2 x 10^18 multiply-adds, 3 x 8.4 G for each of 1.28 M images,
100 times. ImageNet was not trained here. Source: section 4.3 of the paper; it states neither the batch nor the number
of epochs: 256 and 100 are ours.
"""

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="xception",
    data="imagenet",
    size=299,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    augment=("crop", "flip", "jitter"),
    epochs=100,
    batch=256,
    optimizer="momentum",
    lr=0.045,
    weight_decay=1e-5,
    schedule="exponential",
    decay_rate=0.94,
    decay_epochs=2.0,
    ema=0.9999,
)
