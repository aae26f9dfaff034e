"""VGG on ImageNet: 16 layers as in the paper, and with batch normalisation, which needs no shallow network first.

    kerascnn train recipes/vgg.py --data imagenet
    kerascnn train recipes/vgg.py:BATCH_NORM --data imagenet

Published: 74.4 % top-1 at one scale (Simonyan & Zisserman 2014, Table 3: 25.6 % error), with batch normalisation 73.4 %
of one crop (torchvision). Cost: 4.4 x 10^18 multiply-adds, 3 x 15.5 G for each of 1.28 M images, 74 times. ImageNet was
not trained here. Source: section 3.1 of the paper; torchvision's reference training. The authors started the deep
networks from a trained A and turned the colours by a PCA, as AlexNet's.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Plateau, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("vgg16"),
    data="imagenet",
    input=Input(size=224),
    augment=("window:0.4375:0.875", "flip", "lighting:0.1"),  # out of a short side of 256 to 512
    length=Epochs(74),
    batch=256,
    optimizer=SGD(lr=0.01, weight_decay=5e-4),
    schedule=Plateau(patience=5),
)
BATCH_NORM = RECIPE.replace(
    {"model.name": "vgg16_bn", "optimizer.lr": 0.1, "optimizer.weight_decay": 1e-4},
    augment=("crop", "flip"),
    length=Epochs(90),
    schedule=StepDecay(at=(30, 60)),
)
