"""The class of every pixel, in images that are made on the spot: shapes in textures, before and behind one another.

    kerascnn train recipes/shape_masks.py

From scratch. The images are small, so a fourth map, of stride 4, is scored as well. A page for photographs differs in
the network, ``fcn8s_mobilenet_v2`` with ``weights="imagenet"`` for instance, and in the data, a folder with
``images/`` and ``masks/``.
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
