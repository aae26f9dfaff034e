"""CondenseNet: 74 layers on ImageNet, 86 and 182 on CIFAR, which lose three quarters of their inputs as they learn.

    kerascnn train recipes/condensenet.py --data imagenet
    kerascnn train recipes/condensenet.py:CIFAR
    kerascnn train recipes/condensenet.py:CIFAR --set model.name=condensenet182

Published: ImageNet 73.8 % top-1 for C = G = 4 (read-me of the authors' code); CIFAR-10 95.0 % with 86 layers, 96.2 %
with 182 (Huang et al. 2018, Tables 1 and 3). Cost: 0.59 x 10^18 multiply-adds on ImageNet, 3 x 1.27 G for each of 1.28
M images, 120 times. Not trained here. Source: section 4 of the paper and main.py of the authors' CondenseNet. The
learned groups condense by the paper's schedule, over the first half of the epochs.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Recipe

RECIPE = Recipe(
    model=Model("condensenet74_c4_g4"),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "flip"),
    length=Epochs(120),
    batch=256,
    optimizer=SGD(lr=0.1, nesterov=True, weight_decay=1e-4),
)
CIFAR = Recipe(
    model=Model("condensenet86"),
    data="tfds:cifar10",
    input=Input(size=32, crop=1.0, mean=(0.491, 0.482, 0.447), std=(0.247, 0.243, 0.262)),
    augment=("shift:4", "flip"),
    length=Epochs(300),
    batch=64,
    optimizer=SGD(lr=0.1, nesterov=True, weight_decay=1e-4),
)
