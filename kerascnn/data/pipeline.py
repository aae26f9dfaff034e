"""Batches for training and evaluation, and single images for prediction."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerascnn.data import images
from kerascnn.data.checks import header_problem, reason, refuse_changed
from kerascnn.data.dataset import IN_MEMORY, Split
from kerascnn.data.selective_search import selective_search
from kerascnn.data.transforms.affine import mask_along, row
from kerascnn.data.transforms.boxes import area, boxes_along
from kerascnn.data.transforms.collage import partners_of
from kerascnn.data.transforms.masks import masks_along
from kerascnn.data.transforms.mixing import mixed_with
from kerascnn.data.transforms.registry import Step, parse_all
from kerascnn.spec import PROPOSALS, Preprocess

BY_BOXES = ("choice", "collage")  # kinds of augmentations that need boxes
PARTNERS = {"mix": lambda *given: mixed_with(*given)[None], "collage": partners_of}  # (n, B): with whom images join


def batches(
    split: Split,
    preprocess: Preprocess,
    batch: int,
    *,
    parts: int = 1,
    encode: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None,
    augment: Sequence[str] = (),
    classes: int = 0,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = False,
    repeats: int = 1,
    balanced: bool = False,
    places: range | None = None,
    start: int = 0,
    shard: tuple[int, int] = (0, 1),
    parallel: int = os.cpu_count() or 1,
) -> tf.data.Dataset:
    """One pass over the images, or any stretch of the passes one after the other.

    Order and augmentation follow from ``seed``, ``epoch`` and an image's place in the split alone: neither the number
    of threads nor an interruption changes a bit.

    Parameters
    ----------
    split
        Images and annotations.
    preprocess
        Size, channels and range that the network wants.
    batch
        Images per batch; the last batch holds what remains.
    parts
        Into how many of equal size every batch is cut, each of which comes as a batch, after images of the whole are
        mixed. Divides ``batch``, and every batch is then whole.
    encode
        Makes a sample's targets of the sample: its ``"image"`` and annotations by name, after the transforms, and its
        ``"seed"``, (2,) int64, in the graph. None: the annotations are the targets.
    augment
        Names from ``AUGMENTATIONS`` with their arguments, in the order in which they are made; a cut comes before all
        changes. Without a cut, images have the geometry of evaluation. Of several mixes, each batch has one.
    classes
        How many there are; needed for mixes only.
    seed, epoch
        Non-negative; a further epoch has another order and other augmentations.
    shuffle
        Whether to draw an order, over the whole split.
    repeats
        How often each image of the order comes, one after the other and each time augmented anew; a pass ends when it
        has brought as many images as the split holds, and leaves the others out. Hoffer et al. 2020,
        https://arxiv.org/abs/1901.09335; Berman et al. 2019, https://arxiv.org/abs/1902.05509, section 3.1.
    balanced
        Whether every class has as many images in a pass as any other, but for one. An image of a class of few comes
        several times, each time augmented anew; of a class of many, another part comes in every pass. The order is
        drawn whatever ``shuffle`` says, and images need one class each.
    places
        Which images of the endless sequence of all passes, whatever ``epoch`` is; it begins where a batch does. None:
        those of pass ``epoch``.
    start
        How many batches to leave out at the beginning; the others are what they are without that.
    shard
        Which of how many workers this is. Each gets its own part of every batch, with the same content however many
        there are, and prepares no image beyond it but those that its own are mixed with. No batch may have fewer
        images than there are workers.
    parallel
        Images prepared at a time.

    Returns
    -------
    tf.data.Dataset
        Pairs of images, (B, size, size, C) float32, and targets by name: ``"label"``, (B,) int32, or with mixes the
        weight of every class in each image, (B, classes) float32; ``"mask"``, (B, size, size) int32, with 255 where
        nothing of the source is; ``"boxes"``, (B, M, 4) float32, pixels of the image, with ``"valid"``, (B, M) bool;
        ``"masks"`` of the same objects, (B, M, size, ceil(size / 8)) uint8, as ``np.packbits`` packs them;
        ``"proposals"``, (B, N, 4) float32, boxes of the image, and zeros where there is none.

    Raises
    ------
    ValueError
        When an augmentation is unknown or clashes with another, or mixes are made of images that have not one class.
        Or when an augmentation goes by boxes, and there are none.
    """
    steps = parse_all(augment)
    mixes, collages, by_boxes = ([s for s in steps if s.kind in kinds] for kinds in (("mix",), ("collage",), BY_BOXES))
    if mixes and [*split.annotations] != ["label"]:
        raise ValueError(
            f"Mixing needs images with one class each, and these have {', '.join(split.annotations)}. Leave out "
            f"{' and '.join(step.name for step in mixes)}."
        )
    count, annotated, joint = len(split), [*split.annotations], mixes or collages
    if by_boxes and "boxes" not in annotated:
        raise ValueError(
            f"{' and '.join(step.name for step in by_boxes)} goes by boxes round objects, and these images have "
            f"{', '.join(annotated)}. Leave it out."
        )
    places = range(epoch * count, (epoch + 1) * count) if places is None else places
    if balanced and "label" not in split.annotations:
        raise ValueError(f"Balanced sampling needs images with one class each, and these have {', '.join(annotated)}.")
    labels = split.annotations["label"] if balanced else None
    order, copies, salts = drawn(count, places, seed, shuffle, repeats, labels)
    rows, annotations = split.tensors
    part = batch // parts
    own = is_own(len(order), part, shard)
    part = part // shard[1] + (shard[0] < part % shard[1])  # the worker's share of a whole one
    first, salt = places.start % count // batch + start, salts[0]  # mixes have one seed for each batch
    order, copies, salts, own = (each[start * batch :] for each in (order, copies, salts, own))
    if not joint:
        order, copies, salts = order[own], copies[own], salts[own]

    plain = tf.autograph.experimental.do_not_convert  # no statement has to become a part of the graph

    @plain
    def sample(index, copy, salt):
        seed = tf.stack([salt, index + copy * count])
        seeds = tf.unstack(tf.random.split(seed, len(steps)))
        seeded = list(zip(steps, seeds, strict=True))
        source = {"image": split.store.read(tf.gather(rows, index)), **annotations_of(index)}
        made = transformed(source, preprocess, seeded)
        targets = encode({**made, "seed": seed}) if encode else {name: made[name] for name in annotations}
        return made["image"], targets

    def annotations_of(index):
        return {
            name: split.stores.get(name, IN_MEMORY).read(tf.gather(of_all, index))
            for name, of_all in annotations.items()
        }

    def draws(number):
        return tf.unstack(tf.random.split(tf.stack([salt, -1 - number]), 2))  # images' seeds count from 0 up

    @plain
    def needed(number, batch):
        """A batch, and whether each image is this worker's own or may be mixed into one that is."""
        *drawn, own = batch
        needed, seed = own, draws(number)[1]
        for step in joint:
            for partners in tf.unstack(PARTNERS[step.kind](step.name, seed, tf.size(own))):
                needed |= tf.gather(own, tf.argsort(partners))
        return *drawn, own, needed

    @plain
    def sample_if(index, copy, salt, own, needed):
        return *tf.cond(needed, lambda: with_label(index, copy, salt), lambda: blank(index)), own

    def with_label(index, copy, salt):
        image, targets = sample(index, copy, salt)
        return image, annotations_of(index)["label"] if mixes else targets

    def blank(index):
        image = tf.zeros([preprocess.size, preprocess.size, preprocess.channels])
        if mixes:
            return image, annotations_of(index)["label"]
        kinds: Any = one.map(sample).element_spec
        return image, {name: tf.zeros(kind.shape, kind.dtype) for name, kind in kinds[1].items()}

    @plain
    def joined(number, batch):
        images, targets, own = batch
        of_which, of_mix = draws(number)
        which = tf.random.stateless_uniform([], of_which, 0, len(joint), tf.int32)
        targets = {"label": tf.one_hot(targets, classes)} if mixes else targets
        given = targets["label"] if mixes else targets
        images, made = tf.switch_case(which, [partial(step, images, given, of_mix) for step in joint])
        targets = {"label": made} if mixes else made
        return tf.boolean_mask(images, own), {name: tf.boolean_mask(x, own) for name, x in targets.items()}

    if joint:
        one = tf.data.Dataset.from_tensor_slices((order[:1], copies[:1], salts[:1]))
        dataset = tf.data.Dataset.from_tensor_slices((order, copies, salts, own)).batch(batch)
        dataset = dataset.enumerate(first).map(needed).unbatch()
        dataset = dataset.map(sample_if, num_parallel_calls=parallel, deterministic=True).batch(batch)
        dataset = dataset.enumerate(first).map(joined)
        dataset = dataset.rebatch(part) if parts > 1 else dataset
    else:
        dataset = tf.data.Dataset.from_tensor_slices((order, copies, salts))
        dataset = dataset.map(sample, num_parallel_calls=parallel, deterministic=True).batch(part)
    # Left to tune itself, a finished pipeline waits for a tuner that sleeps twice as long each time, up to a minute.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(2).with_options(options)


@contextmanager
def reading(split: Split) -> Iterator[None]:
    """Say, as a ValueError, which files of a split have changed, where its images cannot be read for that."""
    try:
        yield
    except tf.errors.OpError:
        refuse_changed(split)
        raise


def is_own(images: int, batch: int, shard: tuple[int, int]) -> np.ndarray:
    """Whether each of a data set's images, in order, is in the part that worker ``shard[0]`` of ``shard[1]`` has.

    (N,) bool. Each has an equal part of every batch, or one image more for the first of them; the last batch may be
    shorter.
    """
    index, count = shard
    place = np.arange(images)
    begin = place // batch * batch
    size = np.minimum(batch, images - begin)
    first = begin + index * (size // count) + np.minimum(index, size % count)
    return (first <= place) & (place < first + size // count + (index < size % count))


def drawn(
    count: int, places: range, seed: int, shuffle: bool, repeats: int, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The images at some places of the passes over ``count`` of them, which copy each is, and the salt of its pass.

    With ``labels``, (N,) classes, all classes come equally often.
    """
    parts = []
    for number in range(places.start // count, -(-places.stop // count)):
        rng = np.random.default_rng([seed, number])
        salt = rng.integers(2**63)
        order = rng.permutation(count) if shuffle else np.arange(count)
        turns = np.zeros(count, np.int64)
        if labels is not None:
            order, turns = balanced_order(rng, labels, -(-count // repeats))
        here = slice(max(places.start - number * count, 0), places.stop - number * count)
        copies = np.arange(count) % repeats + np.repeat(turns, repeats)[:count] * repeats
        parts.append((np.repeat(order, repeats)[:count][here], copies[here], np.full(count, salt)[here]))
    order, copies, salts = zip(*parts, strict=True)
    return np.concatenate(order), np.concatenate(copies), np.concatenate(salts)


def balanced_order(rng: np.random.Generator, labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many images, of every class as many, but for one; and how often each has come before.

    No image of a class comes again before all of that class have come.
    """
    classes = np.unique(labels)
    slots = rng.permutation(np.arange(count) % len(classes))
    order, turns = np.empty(count, np.int64), np.empty(count, np.int64)
    for number, label in enumerate(classes):
        members, own = np.flatnonzero(labels == label), slots == number
        rounds = -(-int(own.sum()) // len(members))
        order[own] = np.concatenate([rng.permutation(members) for _ in range(rounds)])[: own.sum()]
        turns[own] = np.repeat(np.arange(rounds), len(members))[: own.sum()]
    return order, turns


def transformed(
    sample: Mapping[str, tf.Tensor], preprocess: Preprocess, steps: Sequence[tuple[Step, tf.Tensor]] = ()
) -> dict[str, tf.Tensor]:
    """A sample as a network takes it, after steps that come with seeds.

    ``"image"``, the bytes of a file or (H, W, 1 or 3) uint8, becomes (size, size, C) float32, normalised; ``"mask"``,
    (H, W) uint8, if there is one, goes where the image's pixels go and becomes (size, size) int32. ``"boxes"``,
    (M, 4) float32, and ``"valid"``, (M,) bool, go there too, as :mod:`kerascnn.data.transforms.boxes` says, and come
    with ``"scale"``, () float32: square pixels of the source in one of the result. ``"masks"`` of these objects, a row
    of :class:`kerascnn.data.segments.Segments`, become (M, size, ceil(size / 8)) uint8, a bit for each pixel.
    ``"proposals"``, (N, 4) float32, go as boxes do, and those that are none are zeros. All else stays.
    """
    made = shown(sample, preprocess, steps)
    return {**made, "image": images.normalised(made["image"], preprocess)}


def shown(
    sample: Mapping[str, tf.Tensor], preprocess: Preprocess, steps: Sequence[tuple[Step, tf.Tensor]] = ()
) -> dict[str, tf.Tensor]:
    """As ``transformed``, but for the image, whose pixels are of 0 to 255 still."""
    image, mask, boxes = sample["image"], sample.get("mask"), sample.get("boxes")
    by = {"cut": (), "choice": (boxes, sample.get("valid"))}
    cuts = [lambda shape, s=s, seed=seed: s(shape, seed, *by[s.kind]) for s, seed in steps if s.kind in by]
    moves, sizes, fit = [], [], images.stretched if preprocess.squash else images.centred
    if cuts:
        image, part = images.part_of(image, cuts[0], preprocess.bits, preprocess.size)
        mask = None if mask is None else images.within(mask, part)
        moves, sizes = [row(1, 0, part[1], 0, 1, part[0])], [part[2:]]
        fit = partial(images.stretched, shape=part[2:])
    else:
        image = images.opened(image, preprocess.bits)
    image = images.with_channels(image, preprocess.channels)
    fits = [lambda step=step, seed=seed: step(image, preprocess, seed) for step, seed in steps if step.kind == "fit"]
    image, affine = fits[0]() if fits else fit(image, preprocess)
    image, affines = tf.ensure_shape(image, (preprocess.size, preprocess.size, preprocess.channels)), [affine]
    for step, seed in steps:
        if step.kind == "move":
            image, affine = step(image, seed)
            affines.append(affine)
        elif step.kind == "change":
            image = step(image, seed)
    made = {**sample, "image": image}
    if mask is not None:
        made["mask"] = tf.cast(mask_along(mask, tf.concat(affines, 0), preprocess.size), tf.int32)
    if boxes is None and PROPOSALS not in sample:
        return made
    rows = tf.concat([*moves, *affines], 0)
    sizes += [(preprocess.size, preprocess.size)] * (len(tf.unstack(rows)) - len(moves))
    if PROPOSALS in sample:
        made[PROPOSALS], _ = boxes_along(sample[PROPOSALS], area(sample[PROPOSALS]) > 0, rows, sizes)
    if boxes is not None:
        made["boxes"], made["valid"] = boxes_along(boxes, sample["valid"], rows, sizes)
        made["scale"] = tf.reduce_prod(tf.abs(rows[:, 0] * rows[:, 4] - rows[:, 1] * rows[:, 3]))
        if "masks" in sample:
            made["masks"] = masks_along(sample["masks"], made["valid"], rows, sizes)
    return made


def prepared(source: tf.Tensor, preprocess: Preprocess) -> tf.Tensor:
    """An image as evaluation sees it: the bytes of a file or (H, W, 1 or 3) uint8 to (size, size, C) float32."""
    return transformed({"image": source}, preprocess)["image"]


@lru_cache(maxsize=16)
def reader(preprocess: Preprocess) -> Callable[[tf.Tensor], tf.Tensor]:
    """What evaluation sees of the bytes of a file, not normalised, as one graph: a third of the time of one by one.

    A graph by itself is optimised, and its divisions by constants would become multiplications, of other bits.
    """
    return tf.function(
        lambda contents: shown({"image": contents}, preprocess)["image"],
        input_signature=[tf.TensorSpec((), tf.string)],
        autograph=False,
    )


def load_image(image: str | os.PathLike | np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """An image file, or pixels (H, W, 1 or 3) uint8, as evaluation sees them, (size, size, C) float32.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is not an image that can be decoded.
    """
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3):
            raise ValueError(f"Pixels must be uint8 of shape (H, W, 1 or 3), not {image.dtype} of {image.shape}.")
        return prepared(tf.constant(image), preprocess).numpy()
    path = Path(image)
    if not path.is_file():
        raise FileNotFoundError(f"There is no image file {path}.")
    contents = path.read_bytes()
    problem = header_problem(contents)
    if not problem:
        try:
            return images.normalised(reader(preprocess)(tf.constant(contents)), preprocess).numpy()
        except tf.errors.OpError as error:
            problem = reason(error)
    raise ValueError(f"{path} is not a JPEG, PNG, BMP, GIF or WebP image that can be decoded: {problem}")


def load_with_proposals(image: str | os.PathLike | np.ndarray, preprocess: Preprocess) -> tuple[np.ndarray, np.ndarray]:
    """What :func:`load_image` gives, and the boxes that selective search proposes in it, (n, 4) float32.

    The image is looked at as it is, and the boxes follow it. Errors are those of :func:`load_image`.
    """
    seen = load_image(image, preprocess)
    source = tf.constant(image if isinstance(image, np.ndarray) else Path(image).read_bytes())
    pixels: Any = images.opened(source, preprocess.bits)
    boxes = tf.constant(selective_search(np.asarray(pixels)))
    return seen, shown({"image": pixels, PROPOSALS: boxes}, preprocess)[PROPOSALS].numpy()
