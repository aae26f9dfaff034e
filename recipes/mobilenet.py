"""MobileNet v1 on ImageNet.

    kerascnn train recipes/mobilenet.py --data imagenet

Published: 72.3 % top-1 for these settings (TensorFlow Model Garden); the paper has 70.6 % (Howard et al. 2017, Table
8). Cost: 1.1 x 10^18 multiply-adds, 3 x 0.57 G for each of 1.28 M images, 500 times. ImageNet was not trained here.
Source: imagenet_mobilenetv1_tpu.yaml of the Model Garden.
"""

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="mobilenet_100",
    data="imagenet",
    size=224,
    columns=("dropout:0.2",),
    augment=("crop", "flip"),
    epochs=500,
    batch=4096,
    optimizer="rmsprop",
    epsilon=2e-3,
    lr=0.008,
    lr_batch=128,
    weight_decay=1e-5,
    schedule="exponential",
    decay_rate=0.94,
    decay_epochs=2.5,
    warmup_epochs=5.0,
    label_smoothing=0.1,
)
