"""ResNeXt: 50 layers on ImageNet, 29 on CIFAR-10.

    kerascnn train recipes/resnext.py --data imagenet
    kerascnn train recipes/resnext.py:CIFAR

Published: 77.8 % top-1 (Xie et al. 2016, Table 3: 22.2 % error); CIFAR-10 96.4 % (Table 7: 3.58 % error). Cost: 1.6 x
10^18 multiply-adds on ImageNet, 3 x 4.2 G for each of 1.28 M images, 100 times. Neither was trained here. Source:
opts.lua and train.lua of the authors' ResNeXt. They decay all weights, here only kernels are.
"""

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="resnext50_32x4d",
    data="imagenet",
    size=224,
    augment=("crop", "jitter", "lighting:0.1", "flip"),
    epochs=100,
    batch=256,
    lr=0.1,
    weight_decay=1e-4,
    schedule="step",
    milestones=(30.0, 60.0, 90.0),
)
CIFAR = Recipe(
    model="resnext29_16x64d",
    data="tfds:cifar10",
    size=32,
    crop=1.0,
    mean=(0.491, 0.482, 0.447),
    std=(0.247, 0.243, 0.262),
    augment=("shift:4", "flip"),
    epochs=300,
    batch=128,
    lr=0.1,
    weight_decay=5e-4,
    schedule="step",
    milestones=(150.0, 225.0),
)
