"""Big Transfer: photos of yours, few or many, without a knob to turn. Kolesnikov et al. 2020, arXiv:1912.11370.

    kerascnn train recipes/bit.py --data my_photos
    kerascnn train recipes/bit.py --data my_photos --set accumulate=16

BiT-HyperRule decides by the data: 500, 10,000 or 20,000 updates for less than 20,000 images, less than 500,000 or more;
128 pixels for images smaller than 96 x 96, else 480; MixUp from 20,000 images on. With accumulate the batch of 512 is
cut into parts, to need less memory, for the same gradient: the network has no batch norm.

The network was trained on ImageNet-21k and is downloaded at the first run (100 MB). 500 updates at 480 pixels are
256,000 images at 19 G multiply-adds forward and about thrice that in all: this wants a GPU.

Published for it, by the authors' README: 97.2 % on CIFAR-10, 86.5 % on CIFAR-100, 80.7 % on ImageNet.
"""

from typing import TYPE_CHECKING

import numpy as np

from kerascnn.training import SGD, Model, Recipe, StepDecay, Steps

if TYPE_CHECKING:
    from kerascnn.data import Data, Split

SAMPLE = 100  # images whose size is looked at


def hyperrule(recipe: Recipe, data: "Data") -> Recipe:
    """BiT-HyperRule: how to fine-tune, by the number and the size of the images alone, where ``recipe`` leaves it open.

    Section 3.3 of the paper, as in the authors' ``bit_hyperrule.py``. There the first update has the number 0 and so a
    rate of 0; here it has the number 1, and the rates are the same from there.
    """
    recipe = recipe if recipe.length else with_length(recipe, len(data.train))
    return recipe if recipe.input.size else with_resolution(recipe, median_area(data.train))


def with_length(recipe: Recipe, images: int) -> Recipe:
    """Length, warm-up, falls of the rate and MixUp, by the number of images."""
    if images < 20_000:
        return recipe.replace(length=Steps(500, every=50), schedule=falls(50, 100, 200, 300, 400))
    if images < 500_000:
        length, schedule = Steps(10_000, every=200), falls(200, 500, 3_000, 6_000, 9_000)
    else:
        length, schedule = Steps(20_000, every=400), falls(400, 500, 6_000, 12_000, 18_000)
    return recipe.replace(length=length, schedule=schedule, augment=(*recipe.augment, "mixup:0.1"))


def falls(every: int, warmup: int, *at: int) -> StepDecay:
    """A rate that climbs for so many updates, and then falls at some."""
    return StepDecay(warmup=warmup / every, at=tuple(update / every for update in at))


def with_resolution(recipe: Recipe, area: float) -> Recipe:
    """Size and random crop, by the area of the images in pixels; evaluation sees the whole image, squashed."""
    size, resized = (128, 160) if area < 96 * 96 else (480, 512)
    augment = (f"squash:{size / resized}", *recipe.augment)
    return recipe.replace({"input.size": size, "input.squash": True}, augment=augment)


def median_area(split: "Split") -> float:
    """Of some images of a data set, in pixels."""
    import tensorflow as tf

    from kerascnn.data.images import shape_of

    rows = split.images[:: -(-len(split) // SAMPLE)]
    return float(np.median([np.prod(shape_of(split.store.read(tf.constant(row)))) for row in rows]))


RECIPE = Recipe(
    model=Model("bit_r50x1", weights="goog_in21k"),
    data="my_photos",
    augment=("flip",),
    length=None,
    batch=512,
    optimizer=SGD(lr=0.003),
    adapt=hyperrule,
)
