"""MnasNet on ImageNet.

    kerascnn train recipes/mnasnet.py --data imagenet
    kerascnn train recipes/mnasnet.py --data imagenet --set model=mnasnet_b1_100

Published: 75.2 % top-1 for A1 (Tan et al. 2018, Table 1). Cost: 0.42 x 10^18 multiply-adds, 3 x 0.31 G for each of 1.28
M images, 350 times. ImageNet was not trained here. Source: mnasnet_config.py of the authors' code.
"""

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="mnasnet_a1_100",
    data="imagenet",
    size=224,
    augment=("crop", "flip"),
    epochs=350,
    batch=1024,
    optimizer="rmsprop",
    epsilon=1e-3,
    lr=0.016,
    lr_batch=256,
    weight_decay=1e-5,
    schedule="exponential",
    decay_rate=0.97,
    decay_epochs=2.4,
    warmup_epochs=5.0,
    label_smoothing=0.1,
    ema=0.9999,
)
