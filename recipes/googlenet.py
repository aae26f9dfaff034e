"""GoogLeNet on ImageNet, with its two auxiliary heads.

    kerascnn train recipes/googlenet.py --data imagenet
    kerascnn train recipes/googlenet.py:STAIRS --data imagenet

Published: 68.7 % top-1 for the settings of ``RECIPE`` (BVLC's bvlc_googlenet, solver and read-me); the paper reports
89.9 % top-5 with one crop. Cost: 0.37 x 10^18 multiply-adds, 3 x 1.6 G for each of 1.28 M images, 60 times. ImageNet
was not trained here. Source: Szegedy et al. 2014, sections 5 and 6: heads at 0.3, a rate that falls by 4 % every 8
epochs, Polyak averages, parts of 8 to 100 % of the area. The paper states neither rate nor batch; those are BVLC's.
"""

from kerascnn.training import SGD, CrossEntropy, Epochs, Exponential, Input, Model, Polynomial, Recipe

RECIPE = Recipe(
    model=Model("googlenet_2014_auxiliary"),
    data="imagenet",
    input=Input(size=224),
    augment=("window", "flip"),
    length=Epochs(60),
    batch=32,
    optimizer=SGD(lr=0.01, weight_decay=2e-4),
    schedule=Polynomial(power=0.5),
    loss=CrossEntropy(auxiliary=0.3),
)
STAIRS = RECIPE.replace(augment=("crop", "flip", "jitter"), schedule=Exponential(by=0.96, every=8), ema=0.9999)
