"""EfficientNet B0 to B7 on ImageNet, with RandAugment.

    kerascnn train recipes/efficientnet.py --data imagenet
    kerascnn train recipes/efficientnet.py:B5 --data imagenet --strategy workers

Published, top-1: 77.1, 79.1, 80.1, 81.6, 82.9 % for B0 to B4 with AutoAugment, which is ``--set augment=crop,flip,
autoaugment``; B5 83.7 and B7 84.7 % with RandAugment, B6 84.0 % with AutoAugment (read-me of the authors' code). Cost:
0.52 x 10^18 multiply-adds for B0, 3 x 0.39 G for each of 1.28 M images, 350 times; 51 x 10^18 for B7. ImageNet was not
trained here. Source: main.py and efficientnet_builder.py of the authors' code. Image size, dropout and the rate of
dropped paths are the network's own. The code's magnitude is 10, and the authors give 17 for B5 and 28 for B7; B6 has
B5's here. They stop by 25,022 training images that are held out; here the last average counts.
"""

from kerascnn.training import CrossEntropy, Epochs, Exponential, Input, Model, Recipe, RMSProp

RECIPE = B0 = Recipe(
    model=Model("efficientnet_b0"),
    data="imagenet",
    input=Input(interpolation="bicubic"),
    augment=("crop", "flip", "randaugment:2:10"),
    length=Epochs(350),
    batch=2048,
    optimizer=RMSProp(lr=0.016, per=256, weight_decay=1e-5),
    schedule=Exponential(by=0.97, every=2.4, warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=0.9999,
)
B1 = B0.replace({"model.name": "efficientnet_b1"})
B2 = B0.replace({"model.name": "efficientnet_b2"})
B3 = B0.replace({"model.name": "efficientnet_b3"})
B4 = B0.replace({"model.name": "efficientnet_b4"})
B5 = B0.replace({"model.name": "efficientnet_b5"}, augment=("crop", "flip", "randaugment:2:17"))
B6 = B5.replace({"model.name": "efficientnet_b6"})
B7 = B0.replace({"model.name": "efficientnet_b7"}, augment=("crop", "flip", "randaugment:2:28"))
