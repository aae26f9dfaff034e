"""ConvNeXt on ImageNet-1K, from scratch.

    kerascnn train recipes/convnext.py --data imagenet --strategy tpu
    kerascnn train recipes/convnext.py:SMALL --data imagenet --strategy tpu
    kerascnn train recipes/convnext.py:BASE --data imagenet --strategy tpu
    kerascnn train recipes/convnext.py:LARGE --data imagenet --strategy tpu

Published: 82.1, 83.1, 83.8 and 84.3 % top-1 for Tiny, Small, Base and Large at 224 pixels (Liu et al. 2022, Table 1).
Cost: 5.1 x 10^18 multiply-adds for Tiny, 3 x 4.46 G for each of 1.28 M images, 300 times. ImageNet was not trained
here. Source: the paper's appendix A.1 and Table 5. There RandAugment's magnitude varies with a deviation of 0.5; here
it is the same for all images.
"""

from kerascnn.training import AdamW, Cosine, CrossEntropy, Epochs, Input, Model, Recipe

RECIPE = TINY = Recipe(
    model=Model("convnext_tiny", fields={"drop_path": 0.1}),
    data="imagenet",
    input=Input(size=224, interpolation="bicubic"),
    augment=("crop", "flip", "randaugment:2:9", "erasing:0.25", "mixup:0.8", "cutmix:1.0"),
    length=Epochs(300),
    batch=4096,
    optimizer=AdamW(lr=4e-3, weight_decay=0.05),
    schedule=Cosine(warmup=20),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=0.9999,
)
SMALL = TINY.replace(model=Model("convnext_small", fields={"drop_path": 0.4}))
BASE = TINY.replace(model=Model("convnext_base", fields={"drop_path": 0.5}))
LARGE = TINY.replace(model=Model("convnext_large", fields={"drop_path": 0.5}))
