"""Inception v3 on ImageNet, with label smoothing and an auxiliary head.

    kerascnn train recipes/inception_v3.py --data imagenet
    kerascnn train recipes/inception_v3.py:CLOUD --data imagenet --strategy tpu

Published: 78.8 % top-1 of one crop (Szegedy et al. 2015, Table 3: 21.2 % error). Cost: 2.2 x 10^18 multiply-adds, 3 x
5.7 G for each of 1.28 M images, 100 times. ImageNet was not trained here. Source: section 8 of the paper (RMSProp with
an epsilon of 1, 50 replicas of 32 images, clipping at 2, a rate that falls by 6 % every two epochs); ``CLOUD`` is
Google's inception_v3.py for TPUs. Batch norm's moments are the network's.
"""

from kerascnn.training import CrossEntropy, Epochs, Exponential, Input, Model, Recipe, RMSProp

RECIPE = Recipe(
    model=Model("inception_v3_auxiliary"),
    data="imagenet",
    input=Input(size=299, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    augment=("crop", "flip", "jitter"),
    length=Epochs(100),
    batch=1600,
    optimizer=RMSProp(lr=0.045, epsilon=1.0, weight_decay=4e-5),
    schedule=Exponential(by=0.94, every=2),
    loss=CrossEntropy(label_smoothing=0.1, auxiliary=0.4),
    ema=0.9999,
    clip_norm=2.0,
)
CLOUD = RECIPE.replace(
    {"optimizer.lr": 0.165, "optimizer.per": 256, "schedule.every": 3, "schedule.warmup": 7},
    length=Epochs(170),
    batch=1024,
    ema=0.995,
    clip_norm=None,
)
