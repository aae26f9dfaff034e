"""EfficientNet-EdgeTPU S, M and L on ImageNet.

    kerascnn train recipes/efficientnet_edgetpu.py --data imagenet
    kerascnn train recipes/efficientnet_edgetpu.py:L --data imagenet

Published, top-1 in float32 and in int8: 77.2 and 77.0, 78.7 and 78.6, 80.6 and 80.2 % (read-me of the authors' edgetpu
folder). Cost: 2.4 x 10^18 multiply-adds for S, 3 x 1.8 G for each of 1.28 M images, 350 times. ImageNet was not trained
here. Source: efficientnet_edgetpu_builder.py and main.py of the authors' code.
"""

from kerascnn.training import CrossEntropy, Epochs, Exponential, Input, Model, Recipe, RMSProp

RECIPE = S = Recipe(
    model=Model("efficientnet_edgetpu_s"),
    data="imagenet",
    input=Input(interpolation="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    augment=("crop", "flip"),
    length=Epochs(350),
    batch=2048,
    optimizer=RMSProp(lr=0.016, per=256, weight_decay=1e-5),
    schedule=Exponential(by=0.97, every=2.4, warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=0.9999,
)
M = S.replace({"model.name": "efficientnet_edgetpu_m"})
L = S.replace({"model.name": "efficientnet_edgetpu_l"})
