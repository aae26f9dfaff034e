"""EfficientNetV2 S, M and L on ImageNet, by progressive learning: images and regularisation grow in four stages.

    kerascnn train recipes/efficientnet_v2.py --data imagenet --strategy tpu
    kerascnn train recipes/efficientnet_v2.py:L --data imagenet --strategy tpu
    kerascnn train recipes/efficientnet_v2.py:S_PAPER --data imagenet --strategy tpu

Published: 83.9, 85.2 and 85.7 % top-1 (Tan & Le 2021, Table 7), at 384, 480 and 480 pixels. Cost: 4.4 x 10^18
multiply-adds for S at the mean of its four sizes, 3 x 3.3 G for each of 1.28 M images, 350 times. ImageNet was not
trained here.

Source: ``S``, ``M`` and ``L`` are the released code, google/automl's efficientnetv2/hparams.py, datasets.py and
main.py; ``S_PAPER``, ``M_PAPER`` and ``L_PAPER`` have the stages of the paper's Table 6, whose dropout grows too. The
code's dropout is the network's own in all stages. It sees the whole image in evaluation.
"""

from dataclasses import replace

from kerascnn.training import Recipe, progressive, progressive_as_released

CROPPED = ("crop:0.05", "flip")
RECIPE = S = Recipe(
    model="efficientnet_v2_s",
    data="imagenet",
    crop=1.0,
    interpolation="bicubic",
    mean=(0.502, 0.502, 0.502),  # 128 of 255
    std=(0.502, 0.502, 0.502),
    stages=progressive_as_released(size=300, randaugment=10, augment=CROPPED),
    epochs=350,
    batch=4096,
    optimizer="rmsprop",
    epsilon=1e-3,
    lr=0.016,
    lr_batch=256,
    weight_decay=1e-5,
    schedule="exponential",
    decay_rate=0.97,
    decay_epochs=2.4,
    warmup_epochs=5.0,
    label_smoothing=0.1,
    ema=0.9999,
)
M = replace(
    S,
    model="efficientnet_v2_m",
    stages=progressive_as_released(size=384, randaugment=15, mixup=0.2, cutmix=0.2, augment=CROPPED),
)
L = replace(
    S,
    model="efficientnet_v2_l",
    stages=progressive_as_released(size=384, randaugment=20, mixup=0.5, cutmix=0.5, augment=CROPPED),
)
S_PAPER = replace(S, stages=progressive(size=(128, 300), randaugment=(5, 15), dropout=(0.1, 0.3), augment=CROPPED))
M_PAPER = replace(
    M, stages=progressive(size=(128, 380), randaugment=(5, 20), mixup=(0.0, 0.2), dropout=(0.1, 0.4), augment=CROPPED)
)
L_PAPER = replace(
    L, stages=progressive(size=(128, 380), randaugment=(5, 25), mixup=(0.0, 0.5), dropout=(0.1, 0.5), augment=CROPPED)
)
