"""ResNet-50 on ImageNet, four ways: as published, as Torch's port, with large batches, and the way it is trained today.

    kerascnn train recipes/resnet.py --data imagenet
    kerascnn train recipes/resnet.py:TORCH --data imagenet
    kerascnn train recipes/resnet.py:LARGE_BATCH --data imagenet --strategy workers
    kerascnn train recipes/resnet.py:MODERN --data imagenet
    kerascnn train recipes/resnet.py:STRIKES_BACK --data imagenet

Published, top-1 of one crop: 75.3 % (He et al. 2015, Table 3, from ten crops' 77.1 %); Torch's port 76.0 %
(fb.resnet.torch); large batches 76.3 % (Goyal et al. 2017, Table 1); modern 80.9 % (torchvision's second weights);
ResNet strikes back, its A3, 78.1 % (Wightman et al. 2021, Table 2). Cost: 1.8 x 10^18 multiply-adds as published, 3 x
3.9 G for each of 1.28 M images, 120 times; modern 6 x 10^18, at 176 pixels. ImageNet was not trained here.

What differs: Torch's port decays all weights, here only kernels are; torchvision averages every 32 steps, here every
step with the decay that comes to the same; RandAugment of A3 varies its magnitude.
"""

from dataclasses import replace

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="resnet50",
    data="imagenet",
    size=224,
    augment=("window:0.467:0.875", "flip", "lighting:0.1"),  # out of a short side of 256 to 480
    epochs=120,
    batch=256,
    optimizer="momentum",
    lr=0.1,
    weight_decay=1e-4,
    schedule="plateau",
    patience=5,
)
TORCH = replace(
    RECIPE,
    model="resnet50_v1_5",
    augment=("crop", "jitter", "lighting:0.1", "flip"),
    epochs=90,
    optimizer="sgd",
    schedule="step",
    milestones=(30.0, 60.0),
    patience=10,
)
LARGE_BATCH = replace(
    TORCH,
    augment=("crop", "flip"),
    batch=8192,
    lr_batch=256,
    warmup_epochs=5.0,
    milestones=(30.0, 60.0, 80.0),
    zero_gamma=True,
)
MODERN = Recipe(
    model="resnet50_v1_5",
    data="imagenet",
    size=224,
    train_size=176,
    crop=0.9655,  # of a short side of 232
    augment=("crop", "flip", "trivialaugment", "erasing:0.1", "mixup:0.2", "cutmix:1.0"),
    repeats=4,
    epochs=600,
    batch=1024,
    optimizer="momentum",
    lr=0.5,
    weight_decay=2e-5,
    warmup_epochs=5.0,
    label_smoothing=0.1,
    ema=0.999966,
)
STRIKES_BACK = Recipe(
    model="resnet50_v1_5",
    data="imagenet",
    size=224,
    train_size=160,
    crop=0.95,
    augment=("crop", "flip", "randaugment:2:6", "mixup:0.1", "cutmix:1.0"),
    epochs=100,
    batch=2048,
    optimizer="lamb",
    lr=8e-3,
    weight_decay=0.02,
    warmup_epochs=5.0,
    loss="sigmoid",
    zero_gamma=True,
)
