"""The class of every pixel, in images that are made on the spot: shapes in textures, before and behind one another.

    kerascnn train recipes/shape_masks.py

From scratch, and not there yet: after 17 of 24 epochs the validation mIoU was 47.6 % and the training mIoU 73.5 %, so
more augmentation or a smaller network is wanted. The images are small, so a fourth map, of stride 4, is scored as well.
A page for photographs differs in the network, ``fcn8s_mobilenet_v2`` with ``weights="imagenet"`` for instance, and in
the data, a folder with ``images/`` and ``masks/``.
"""

from kerascnn.training import AdamW, Cosine, Epochs, Input, Model, Recipe

RECIPE = Recipe(
    model=Model("fcn8s_resnet18", fields={"levels": 4}),
    data="shape_masks",
    input=Input(size=64, crop=1.0, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip",),
    length=Epochs(24),
    batch=16,
    optimizer=AdamW(lr=0.001, weight_decay=0.01),
    schedule=Cosine(warmup=1),
)
