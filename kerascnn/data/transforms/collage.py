"""Images of a batch put together, and their boxes with them."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from kerascnn.data.transforms.affine import row
from kerascnn.data.transforms.boxes import boxes_along
from kerascnn.data.transforms.mixing import partners
from kerascnn.spec import PROPOSALS

PARTS = 4
OF_OBJECTS = ("boxes", "classes", "area", "crowd", "valid")  # targets of which each image has a row for every object


def mosaic(
    images: tf.Tensor, targets: Mapping[str, tf.Tensor], seed: tf.Tensor, probability: float
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """With ``probability``, an image becomes one of four: itself and three of its batch, which meet in a point.

    Bochkovskiy, Wang & Liao 2020, https://arxiv.org/abs/2004.10934, section 3.4, which says no more of it. The point is
    drawn evenly from the middle half of width and height. Each of the four has a corner there and fills its quarter:
    it is made smaller by a factor that is drawn evenly between the least that does so and 1, and what is left over is
    cut off. A box is cut with its image, and left out as :mod:`kerascnn.data.transforms.boxes` says.

    Images are (B, H, W, C) float32. Of ``OF_OBJECTS`` each has four times as many rows then; other targets are those of
    the image itself. Raises ``ValueError`` for masks of objects and for proposals, which are not put together.
    """
    if lacking := [name for name in ("masks", PROPOSALS) if name in targets]:
        raise ValueError(f"mosaic puts boxes together, and no {' and no '.join(lacking)}. Leave it out of augment.")
    count: Any = tf.shape(images)[0]
    chosen = partners_of("mosaic", seed, count)
    orders = tf.concat([tf.range(count)[None], chosen], 0)  # (4, B)
    seeds = tf.random.split(tf.random.split(seed, PARTS + 1)[PARTS], count)
    objects = {name: targets[name] for name in OF_OBJECTS if name in targets}

    def of_image(given: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        places, own = given
        rows = {name: tf.gather(x, places) for name, x in objects.items()}
        return together(tf.gather(images, places), rows, own, probability)

    shapes: dict[str, Any] = {name: x.shape for name, x in objects.items()}
    kinds = {name: tf.TensorSpec((PARTS * shapes[name][1], *shapes[name][2:]), x.dtype) for name, x in objects.items()}
    made, found = tf.map_fn(
        of_image,
        (tf.transpose(orders), seeds),
        fn_output_signature=(tf.TensorSpec(images.shape[1:], images.dtype), kinds),
    )
    return made, {**targets, **found}


def partners_of(name: str, seed: tf.Tensor, size: Any) -> tf.Tensor:
    """With whom the collage called ``name`` puts each image of a batch of ``size`` together, (3, B) int32."""
    return tf.stack([partners(one, size) for one in tf.unstack(tf.random.split(seed, PARTS + 1))[: PARTS - 1]])


def together(
    images: tf.Tensor, objects: Mapping[str, tf.Tensor], seed: tf.Tensor, probability: float
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Four images, (4, H, W, C), and the rows of their objects, (4, M, ...), as one; or else the first alone."""
    of_chance, of_point, of_factor = tf.unstack(tf.random.split(seed, 3))
    size = tf.cast(tf.shape(images)[1:3], tf.float32)
    point = tf.cast(tf.round(size * tf.random.stateless_uniform([2], of_point, 0.25, 0.75)), tf.int32)
    draws = tf.random.stateless_uniform([PARTS], of_factor)
    whole, height, width = tf.shape(images)[1:3], *tf.unstack(size)
    quarters, boxes, valid = [], [], []
    for number, (below, right) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        part = tf.stack([[point[0], whole[0] - point[0]][below], [point[1], whole[1] - point[1]][right]])
        high, wide = tf.unstack(tf.cast(part, tf.float32))
        least = tf.maximum(high / height, wide / width)
        sides = tf.cast(tf.math.ceil(size * (least + draws[number] * (1 - least)) - 1e-3), tf.int32)
        small = tf.image.resize(images[number], sides, antialias=True)
        spare = sides - part  # rows and columns that are cut off, on the sides away from the point
        top, left = (0 if below else spare[0]), (0 if right else spare[1])
        quarters.append(small[top : top + part[0], left : left + part[1]])
        down, across = tf.unstack(size / tf.cast(sides, tf.float32))
        affine = row(across, 0, across * tf.cast(left, tf.float32), 0, down, down * tf.cast(top, tf.float32))
        moved, there = boxes_along(objects["boxes"][number], objects["valid"][number], affine, part[None])
        origin = tf.cast(tf.stack([right * point[1], below * point[0]] * 2), tf.float32)
        boxes.append(tf.where(there[:, None], moved + origin, 0.0))
        valid.append(there)
    rows = [tf.concat(quarters[:2], 1), tf.concat(quarters[2:], 1)]
    image = tf.ensure_shape(tf.concat(rows, 0), images.shape[1:])
    moved = {**objects, "boxes": tf.stack(boxes), "valid": tf.stack(valid)}
    first = tf.range(PARTS)[:, None] == 0
    alone = {
        **objects,
        "boxes": objects["boxes"] * tf.cast(first[..., None], tf.float32),
        "valid": objects["valid"] & first,
    }
    happens = tf.random.stateless_uniform([], of_chance) < probability
    made = {
        name: tf.reshape(tf.where(happens, moved[name], alone[name]), (-1, *x.shape[2:])) for name, x in objects.items()
    }
    return tf.where(happens, image, images[0]), made
