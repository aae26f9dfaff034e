"""MobileNetV2 on ImageNet: as published, and for GPUs that compute in 16 bits.

    kerascnn train recipes/mobilenet_v2.py --data imagenet
    kerascnn train recipes/mobilenet_v2.py:HALF --data imagenet --strategy mirrored

Published: 72.0 % top-1 (Sandler et al. 2018, Table 4); in 16 bits 71.0 % (TensorFlow Model Garden). Cost: 0.35 x 10^18
multiply-adds, 3 x 0.30 G for each of 1.28 M images, 300 times. ImageNet was not trained here. Source: section 6.1 of
the paper, 16 workers of 96 images, whose number of epochs is torchvision's; imagenet_mobilenetv2_gpu.yaml.
"""

from dataclasses import replace

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="mobilenet_v2_100",
    data="imagenet",
    size=224,
    augment=("crop", "flip"),
    epochs=300,
    batch=1536,
    optimizer="rmsprop",
    lr=0.045,
    weight_decay=4e-5,
    schedule="exponential",
    decay_rate=0.98,
    decay_epochs=1.0,
    ema=0.9999,
)
HALF = replace(
    RECIPE,
    epochs=500,
    batch=1024,
    epsilon=2e-3,
    lr=0.008,
    lr_batch=128,
    weight_decay=1e-5,
    decay_rate=0.96,
    decay_epochs=2.5,
    warmup_epochs=5.0,
    label_smoothing=0.1,
    precision="float16",
    ema=0.0,
)
