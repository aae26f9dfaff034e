"""Wide ResNet: WRN-28-10 on CIFAR, with dropout or without, and WRN-16-8 on SVHN.

    kerascnn train recipes/wide_resnet.py
    kerascnn train recipes/wide_resnet.py --data tfds:cifar100
    kerascnn train recipes/wide_resnet.py:DROPOUT
    kerascnn train recipes/wide_resnet.py:SVHN

Published: CIFAR-10 96.0 %, CIFAR-100 80.75 %, with dropout 96.1 % and 81.15 %; SVHN 98.46 % (Zagoruyko & Komodakis
2016, Tables 5 and 6; medians of five). Cost: 0.16 x 10^18 multiply-adds, 3 x 5.2 G for each of 50,000 images, 200
times. Not trained here. Source: scripts/train_cifar.sh and train_svhn.sh of the authors' wide-residual-networks.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("wrn_28_10"),
    data="tfds:cifar10",
    input=Input(size=32, crop=1.0, mean=(0.491, 0.482, 0.447), std=(0.247, 0.243, 0.262)),
    augment=("flip", "shift_mirror:4"),
    length=Epochs(200),
    batch=128,
    optimizer=SGD(lr=0.1, nesterov=True, weight_decay=5e-4),
    schedule=StepDecay(at=(60, 120, 160), by=0.2),
)
DROPOUT = RECIPE.replace({"model.fields": {"block_dropout": 0.3}})
SVHN = RECIPE.replace(
    {"optimizer.lr": 0.01},
    model=Model("wrn_16_8", fields={"block_dropout": 0.4}),
    data="tfds:svhn_cropped",
    input=Input(size=32, crop=1.0, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    augment=(),
    length=Epochs(160),
    schedule=StepDecay(at=(80, 120), by=0.1),
)
