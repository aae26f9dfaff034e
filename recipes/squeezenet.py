"""SqueezeNet on ImageNet.

    kerascnn train recipes/squeezenet.py --data imagenet
    kerascnn train recipes/squeezenet.py --data imagenet --set model.name=squeezenet1_1

Published: 57.5 % top-1 (Iandola et al. 2016, Table 2). Cost: 0.22 x 10^18 multiply-adds, 3 x 0.85 G for each of 1.28 M
images, 68 times. ImageNet was not trained here. Source: solver.prototxt of the authors' SqueezeNet_v1.0, 170,000 steps
of 512 images.
"""

from kerascnn.training import SGD, Epochs, Input, Model, Polynomial, Recipe

RECIPE = Recipe(
    model=Model("squeezenet1_0"),
    data="imagenet",
    input=Input(size=227, crop=0.887),  # of a short side of 256
    augment=("window:0.887:0.887", "flip"),
    length=Epochs(68),
    batch=512,
    optimizer=SGD(lr=0.04, weight_decay=2e-4),
    schedule=Polynomial(),
)
