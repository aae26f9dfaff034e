"""MobileNetV2 on ImageNet: as published, and for GPUs that compute in 16 bits.

    kerascnn train recipes/mobilenet_v2.py --data imagenet
    kerascnn train recipes/mobilenet_v2.py:HALF --data imagenet --strategy mirrored --precision float16

Published: 72.0 % top-1 (Sandler et al. 2018, Table 4); in 16 bits 71.0 % (TensorFlow Model Garden). Cost: 0.35 x 10^18
multiply-adds, 3 x 0.30 G for each of 1.28 M images, 300 times. ImageNet was not trained here. Source: section 6.1 of
the paper, 16 workers of 96 images, whose number of epochs is torchvision's; imagenet_mobilenetv2_gpu.yaml.
"""

from kerascnn.training import CrossEntropy, Epochs, Exponential, Input, Model, Recipe, RMSProp

RECIPE = Recipe(
    model=Model("mobilenet_v2_100"),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "flip"),
    length=Epochs(300),
    batch=1536,
    optimizer=RMSProp(lr=0.045, weight_decay=4e-5),
    schedule=Exponential(by=0.98, every=1),
    ema=0.9999,
)
HALF = RECIPE.replace(
    length=Epochs(500),
    batch=1024,
    optimizer=RMSProp(lr=0.008, per=128, weight_decay=1e-5, epsilon=2e-3),
    schedule=Exponential(by=0.96, every=2.5, warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=None,
)
