"""Stochastic depth: ResNet-110 on CIFAR-10, of which half of the last blocks sleep at every step.

    kerascnn train recipes/stochastic_depth.py
    kerascnn train recipes/stochastic_depth.py:CONSTANT_DEPTH

Published: 94.75 %, at constant depth 93.6 % (Huang et al. 2016, Table 1). Cost: 0.019 x 10^18 multiply-adds, 3 x 0.25 G
for each of 50,000 images, 500 times; the blocks that sleep are computed here all the same. Not trained here. Source:
main.lua of the authors' Stochastic_Depth.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("stochastic_depth110_cifar"),
    data="tfds:cifar10",
    input=Input(size=32, crop=1.0, mean=(0.491, 0.482, 0.447), std=(0.247, 0.243, 0.262)),
    augment=("shift:4", "flip"),
    length=Epochs(500),
    batch=128,
    optimizer=SGD(lr=0.1, nesterov=True, weight_decay=1e-4),
    schedule=StepDecay(at=(250, 375)),
)
CONSTANT_DEPTH = RECIPE.replace({"model.fields": {"drop_path": 0.0}})
