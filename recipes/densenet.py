"""DenseNet: BC with 100 layers on CIFAR, 121 layers on ImageNet.

    kerascnn train recipes/densenet.py
    kerascnn train recipes/densenet.py --data tfds:cifar100
    kerascnn train recipes/densenet.py:PLAIN_DATA
    kerascnn train recipes/densenet.py:IMAGENET --data imagenet

Published: CIFAR-10 95.5 %, CIFAR-100 77.7 %; without augmentation 94.1 % of CIFAR-10; ImageNet 75.0 % (Huang et al.
2016, Tables 2 and 3). Cost: 0.013 x 10^18 multiply-adds on CIFAR, 3 x 0.29 G for each of 50,000 images, 300 times; 1 x
10^18 on ImageNet. Not trained here. Source: opts.lua and train.lua of the authors' DenseNet. They decay all weights,
here only kernels are.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("densenet_bc100_k12"),
    data="tfds:cifar10",
    input=Input(size=32, crop=1.0, mean=(0.491, 0.482, 0.447), std=(0.247, 0.243, 0.262)),
    augment=("shift:4", "flip"),
    length=Epochs(300),
    batch=64,
    optimizer=SGD(lr=0.1, nesterov=True, weight_decay=1e-4),
    schedule=StepDecay(at=(150, 225)),
)
PLAIN_DATA = RECIPE.replace({"model.fields": {"layer_dropout": 0.2}}, augment=())
IMAGENET = Recipe(
    model=Model("densenet121"),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "jitter", "lighting:0.1", "flip"),
    length=Epochs(90),
    batch=256,
    optimizer=SGD(lr=0.1, nesterov=True, weight_decay=1e-4),
    schedule=StepDecay(at=(30, 60)),
)
