"""AlexNet on ImageNet.

    kerascnn train recipes/alexnet.py --data imagenet
    kerascnn train recipes/alexnet.py:ONE_TOWER --data imagenet

Published: 59.3 % top-1 with ten crops (Krizhevsky et al. 2012, Table 2: 40.7 % error, one network); one tower 56.5 %
(torchvision). Cost: 0.25 x 10^18 multiply-adds, 3 x 0.72 G for each of 1.28 M images, 90 times. ImageNet was not
trained here. Source: section 5 of the paper; torchvision's reference training for the one tower. The authors drew
weights from N(0, 0.01) and set some biases to 1; here they are He's.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Plateau, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("alexnet_two_tower"),
    data="imagenet",
    input=Input(size=227, crop=0.887),  # of a short side of 256
    augment=("window:0.887:0.887", "flip", "lighting:0.1"),
    length=Epochs(90),
    batch=128,
    optimizer=SGD(lr=0.01, weight_decay=5e-4),
    schedule=Plateau(patience=5),
)
ONE_TOWER = RECIPE.replace(
    {"model.name": "alexnet", "input.size": 224, "input.crop": 0.875, "optimizer.weight_decay": 1e-4},
    augment=("crop", "flip"),
    batch=256,
    schedule=StepDecay(at=(30, 60)),
)
