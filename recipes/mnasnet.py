"""MnasNet on ImageNet.

    kerascnn train recipes/mnasnet.py --data imagenet
    kerascnn train recipes/mnasnet.py --data imagenet --set model.name=mnasnet_b1_100

Published: 75.2 % top-1 for A1 (Tan et al. 2018, Table 1). Cost: 0.42 x 10^18 multiply-adds, 3 x 0.31 G for each of 1.28
M images, 350 times. ImageNet was not trained here. Source: mnasnet_config.py of the authors' code.
"""

from kerascnn.training import CrossEntropy, Epochs, Exponential, Input, Model, Recipe, RMSProp

RECIPE = Recipe(
    model=Model("mnasnet_a1_100"),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "flip"),
    length=Epochs(350),
    batch=1024,
    optimizer=RMSProp(lr=0.016, per=256, weight_decay=1e-5),
    schedule=Exponential(by=0.97, every=2.4, warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=0.9999,
)
