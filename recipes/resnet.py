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

from kerascnn.training import (
    LAMB,
    SGD,
    BinaryCrossEntropy,
    Cosine,
    CrossEntropy,
    Epochs,
    Input,
    Model,
    Plateau,
    Recipe,
    StepDecay,
)

RECIPE = Recipe(
    model=Model("resnet50"),
    data="imagenet",
    input=Input(size=224),
    augment=("window:0.467:0.875", "flip", "lighting:0.1"),  # out of a short side of 256 to 480
    length=Epochs(120),
    batch=256,
    optimizer=SGD(lr=0.1, weight_decay=1e-4),
    schedule=Plateau(patience=5),
)
TORCH = RECIPE.replace(
    {"model.name": "resnet50_v1_5", "optimizer.nesterov": True},
    augment=("crop", "jitter", "lighting:0.1", "flip"),
    length=Epochs(90),
    schedule=StepDecay(at=(30, 60)),
)
LARGE_BATCH = TORCH.replace(
    {"model.zero_gamma": True, "optimizer.per": 256, "schedule.at": (30, 60, 80), "schedule.warmup": 5},
    augment=("crop", "flip"),
    batch=8192,
)
MODERN = Recipe(
    model=Model("resnet50_v1_5"),
    data="imagenet",
    input=Input(size=224, crop=0.9655),  # of a short side of 232
    augment=("crop", "flip", "trivialaugment", "erasing:0.1", "mixup:0.2", "cutmix:1.0"),
    train_size=176,
    repeats=4,
    length=Epochs(600),
    batch=1024,
    optimizer=SGD(lr=0.5, weight_decay=2e-5),
    schedule=Cosine(warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=0.999966,
)
STRIKES_BACK = Recipe(
    model=Model("resnet50_v1_5", zero_gamma=True),
    data="imagenet",
    input=Input(size=224, crop=0.95),
    augment=("crop", "flip", "randaugment:2:6", "mixup:0.1", "cutmix:1.0"),
    train_size=160,
    length=Epochs(100),
    batch=2048,
    optimizer=LAMB(lr=0.008, weight_decay=0.02),
    schedule=Cosine(warmup=5),
    loss=BinaryCrossEntropy(),
)
