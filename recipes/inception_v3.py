"""Inception v3 on ImageNet, with label smoothing and an auxiliary head.

    kerascnn train recipes/inception_v3.py --data imagenet
    kerascnn train recipes/inception_v3.py:CLOUD --data imagenet --strategy tpu

Published: 78.8 % top-1 of one crop (Szegedy et al. 2015, Table 3: 21.2 % error). Cost: 2.2 x 10^18 multiply-adds, 3 x
5.7 G for each of 1.28 M images, 100 times. ImageNet was not trained here. Source: section 8 of the paper (RMSProp with
an epsilon of 1, 50 replicas of 32 images, clipping at 2, a rate that falls by 6 % every two epochs); ``CLOUD`` is
Google's inception_v3.py for TPUs. Batch norm's moments are the network's.
"""

from dataclasses import replace

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="inception_v3_auxiliary",
    data="imagenet",
    size=299,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    augment=("crop", "flip", "jitter"),
    epochs=100,
    batch=1600,
    optimizer="rmsprop",
    epsilon=1.0,
    lr=0.045,
    weight_decay=4e-5,
    clip_norm=2.0,
    schedule="exponential",
    decay_rate=0.94,
    decay_epochs=2.0,
    label_smoothing=0.1,
    auxiliary=0.4,
    ema=0.9999,
)
CLOUD = replace(
    RECIPE,
    epochs=170,
    batch=1024,
    lr=0.165,
    lr_batch=256,
    clip_norm=0.0,
    decay_epochs=3.0,
    warmup_epochs=7.0,
    ema=0.995,
)
