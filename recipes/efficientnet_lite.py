"""EfficientNet-Lite 0 to 4 on ImageNet: no gates, ReLU6.

    kerascnn train recipes/efficientnet_lite.py --data imagenet
    kerascnn train recipes/efficientnet_lite.py:LITE4 --data imagenet

Published, top-1 in float32 and in int8: 75.1 and 74.4, 76.7 and 75.9, 77.6 and 77.0, 79.8 and 79.0, 81.5 and 80.2 %
(read-me of the authors' lite folder). Cost: 0.52 x 10^18 multiply-adds for Lite0, 3 x 0.39 G for each of 1.28 M images,
350 times. ImageNet was not trained here. Source: efficientnet_lite_builder.py and main.py of the authors' code.
"""

from kerascnn.training import CrossEntropy, Epochs, Exponential, Input, Model, Recipe, RMSProp

RECIPE = LITE0 = Recipe(
    model=Model("efficientnet_lite0"),
    data="imagenet",
    input=Input(interpolation="bicubic", mean=(0.498, 0.498, 0.498), std=(0.502, 0.502, 0.502)),  # 127 and 128 of 255
    augment=("crop", "flip"),
    length=Epochs(350),
    batch=2048,
    optimizer=RMSProp(lr=0.016, per=256, weight_decay=1e-5),
    schedule=Exponential(by=0.97, every=2.4, warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=0.9999,
)
LITE1 = LITE0.replace({"model.name": "efficientnet_lite1"})
LITE2 = LITE0.replace({"model.name": "efficientnet_lite2"})
LITE3 = LITE0.replace({"model.name": "efficientnet_lite3"})
LITE4 = LITE0.replace({"model.name": "efficientnet_lite4"})
