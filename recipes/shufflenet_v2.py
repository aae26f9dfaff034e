"""ShuffleNet V2 on ImageNet.

    kerascnn train recipes/shufflenet_v2.py --data imagenet
    kerascnn train recipes/shufflenet_v2.py --data imagenet --set model.name=shufflenet_v2_150

Published: 69.4 % top-1 at 1.0x, 72.6 % at 1.5x, 75.0 % at 2.0x (Ma et al. 2018, Table 8, and the read-me of the
authors' code). Cost: 0.13 x 10^18 multiply-adds, 3 x 0.15 G for each of 1.28 M images, 240 times. ImageNet was not
trained here. Source: ShuffleNetV2/train.py of the authors' ShuffleNet-Series, 300,000 steps of 1024 images.
"""

from kerascnn.training import SGD, CrossEntropy, Epochs, Input, Model, Polynomial, Recipe

RECIPE = Recipe(
    model=Model("shufflenet_v2_100"),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "jitter", "flip"),
    length=Epochs(240),
    batch=1024,
    optimizer=SGD(lr=0.5, weight_decay=4e-5),
    schedule=Polynomial(),
    loss=CrossEntropy(label_smoothing=0.1),
)
