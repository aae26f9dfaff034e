"""MobileNetV3 on ImageNet: as timm trains it, and with AdamW as the Model Garden does.

    kerascnn train recipes/mobilenet_v3.py --data imagenet
    kerascnn train recipes/mobilenet_v3.py --data imagenet --set model.name=mobilenet_v3_small_100
    kerascnn train recipes/mobilenet_v3.py:ADAMW --data imagenet

Published: 75.2 % top-1, small 67.4 % (Howard et al. 2019, Table 3); 75.8 % for ``RECIPE`` (timm), 75.7 % with AdamW
(Model Garden). Cost: 0.5 x 10^18 multiply-adds, 3 x 0.22 G for each of 1.28 M images, 600 times. ImageNet was not
trained here. Source: timm's training script page; imagenet_mobilenetv3large_tpu.yaml. timm drops paths too, which this
network does not.
"""

from kerascnn.training import AdamW, Cosine, CrossEntropy, Epochs, Exponential, Input, Model, Recipe, RMSProp

RECIPE = Recipe(
    model=Model("mobilenet_v3_large_100"),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "flip", "randaugment:2:9", "erasing:0.2"),
    length=Epochs(600),
    batch=1024,
    optimizer=RMSProp(lr=0.064, weight_decay=1e-5),
    schedule=Exponential(by=0.973, every=2.4, warmup=3),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=0.9999,
)
ADAMW = RECIPE.replace(
    augment=("crop", "flip", "autoaugment"),
    length=Epochs(700),
    batch=4096,
    optimizer=AdamW(lr=0.004, weight_decay=0.1),
    schedule=Cosine(warmup=5),
    ema=None,
)
