"""U-Net with padding, from scratch on few images: a folder with images/ and masks/.

    kerascnn train recipes/unet.py --data cells
    kerascnn train recipes/unet.py --data cells --set model.name=unet_resnet18
    kerascnn train recipes/unet.py:SHAPES

Published: IoU 92.0 % on PhC-U373, 35 training images. Source: section 3 of the paper: momentum of 0.99 on one image a
time, shifts, rotations and elastic deformations. It names no learning rate and no number of epochs, so these are
chosen; images are moved and turned, but not bent, and pixels between cells that touch have no larger weight.

``SHAPES`` learns generated shapes with a small backbone, as recipes/shape_masks.py does with FCN-8s: 87.9 % mean IoU on
404 validation images after 40 epochs (seed 0), 87.9 % in int8, 89.3 % tuned for it. Half as many epochs are too few:
81.6, 82.5 and 63.5 % with three seeds.
"""

from kerascnn.training import SGD, AdamW, Cosine, Epochs, Input, Model, Recipe

RECIPE = Recipe(
    model=Model("unet_same"),
    data="cells",
    input=Input(size=512, squash=True, mean=(0.5,), std=(0.25,)),
    augment=("flip", "affine"),
    length=Epochs(200),
    batch=1,
    optimizer=SGD(lr=1e-3, momentum=0.99),
    schedule=Cosine(warmup=1),
)
SHAPES = Recipe(
    model=Model("unet_resnet20_cifar"),
    data="shape_masks",
    input=Input(size=64, crop=1.0, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip", "affine"),
    length=Epochs(40),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
)
