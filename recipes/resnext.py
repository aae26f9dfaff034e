"""ResNeXt: 50 layers on ImageNet, 29 on CIFAR-10.

    kerascnn train recipes/resnext.py --data imagenet
    kerascnn train recipes/resnext.py:CIFAR

Published: 77.8 % top-1 (Xie et al. 2016, Table 3: 22.2 % error); CIFAR-10 96.4 % (Table 7: 3.58 % error). Cost: 1.6 x
10^18 multiply-adds on ImageNet, 3 x 4.2 G for each of 1.28 M images, 100 times. Neither was trained here. Source:
opts.lua and train.lua of the authors' ResNeXt. They decay all weights, here only kernels are.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("resnext50_32x4d"),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "jitter", "lighting:0.1", "flip"),
    length=Epochs(100),
    batch=256,
    optimizer=SGD(lr=0.1, nesterov=True, weight_decay=1e-4),
    schedule=StepDecay(at=(30, 60, 90)),
)
CIFAR = Recipe(
    model=Model("resnext29_16x64d"),
    data="tfds:cifar10",
    input=Input(size=32, crop=1.0, mean=(0.491, 0.482, 0.447), std=(0.247, 0.243, 0.262)),
    augment=("shift:4", "flip"),
    length=Epochs(300),
    batch=128,
    optimizer=SGD(lr=0.1, nesterov=True, weight_decay=5e-4),
    schedule=StepDecay(at=(150, 225)),
)
