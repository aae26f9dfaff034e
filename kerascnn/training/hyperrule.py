"""BiT-HyperRule: how to fine-tune, told by the number and the size of the images alone.

Kolesnikov et al. 2020, https://arxiv.org/abs/1912.11370, section 3.3, as in the authors' ``bit_hyperrule.py``. The
authors count updates and not epochs; in the published code the first has the number 0 and so a rate of 0. Here the
first has the number 1, and the rates are the same from there.
"""

from dataclasses import dataclass, replace

import numpy as np

from kerascnn.data import Split
from kerascnn.training.recipe import Recipe

SAMPLE = 100  # images whose size is looked at


@dataclass(frozen=True)
class Course:
    """A line of the rule: updates until the end of warm-up, until each fall of the rate, and until the end."""

    warmup: int
    falls: tuple[int, int, int]
    end: int
    epochs: int  # equal parts, after each of which the held-out images are looked at
    mixes: tuple[str, ...] = ()


SMALL = Course(100, (200, 300, 400), 500, epochs=10)
MEDIUM = Course(500, (3_000, 6_000, 9_000), 10_000, epochs=50, mixes=("mixup:0.1",))
LARGE = Course(500, (6_000, 12_000, 18_000), 20_000, epochs=50, mixes=("mixup:0.1",))


def ruled(recipe: Recipe, split: Split) -> Recipe:
    """What the rule decides of a recipe for the images of ``split``, where it is left open: ``epochs`` or ``size``."""
    if not recipe.epochs:
        recipe = with_length(recipe, len(split))
    return recipe if recipe.size else with_resolution(recipe, median_area(split))


def with_length(recipe: Recipe, images: int) -> Recipe:
    """Length, warm-up, falls of the rate and MixUp, by the number of images."""
    course = SMALL if images < 20_000 else MEDIUM if images < 500_000 else LARGE
    steps = course.end // course.epochs
    return replace(
        recipe,
        epochs=course.epochs,
        steps_per_epoch=steps,
        warmup_epochs=course.warmup / steps,
        schedule="step",
        decay_rate=0.1,
        milestones=tuple(fall / steps for fall in course.falls),
        augment=(*recipe.augment, *course.mixes),
    )


def with_resolution(recipe: Recipe, area: float) -> Recipe:
    """Size and random crop, by the area of the images in pixels; evaluation sees the whole image, squashed."""
    size, resized = (128, 160) if area < 96 * 96 else (480, 512)
    return replace(recipe, size=size, squash=True, augment=(f"squash:{size / resized}", *recipe.augment))


def median_area(split: Split) -> float:
    """Of some images of a data set, in pixels."""
    import tensorflow as tf

    from kerascnn.data.images import shape_of

    rows = split.images[:: -(-len(split) // SAMPLE)]
    return float(np.median([np.prod(shape_of(split.store.read(tf.constant(row)))) for row in rows]))
