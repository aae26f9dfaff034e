"""Random changes: every operation against Pillow, every policy against its paper, every draw against its odds."""

import colorsys
import importlib
import inspect
from collections import Counter
from itertools import permutations, product

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps
from references import import_torchvision
from scipy import stats

from kerascnn.data import Data, Split
from kerascnn.data.pipeline import batches
from kerascnn.data.transforms import colour, jitter, mixing, policies
from kerascnn.data.transforms.registry import AUGMENTATIONS, parse, parse_all
from kerascnn.spec import Preprocess
from kerascnn.tasks import Classification
from kerascnn.tasks.losses import CrossEntropy
from kerascnn.training import SGD, Epochs, Input, Model, Recipe
from kerascnn.training.loop import train


def pillow(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def array(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def pictures(channels: int) -> dict[str, np.ndarray]:
    """Noise, a narrow range, a ramp, two values, constant images, and images of few pixels."""
    rng = np.random.default_rng(channels)
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 40, channels))
    return {
        "noise": rng.integers(0, 256, (64, 48, channels), np.uint8),
        "narrow": rng.integers(90, 140, (64, 48, channels), np.uint8),
        "ramp": np.ascontiguousarray(ramp),
        "two": (rng.integers(0, 2, (33, 21, channels)) * 255).astype(np.uint8),
        "black": np.zeros((20, 20, channels), np.uint8),
        "white": np.full((20, 20, channels), 255, np.uint8),
        "even": np.full((20, 20, channels), 77, np.uint8),
        "small": rng.integers(0, 256, (3, 3, channels), np.uint8),
        "pixel": rng.integers(0, 256, (1, 1, channels), np.uint8),
        "line": rng.integers(0, 256, (1, 9, channels), np.uint8),
    }


PICTURES = {f"{name}, {n} channels": image for n in (1, 3) for name, image in pictures(n).items()}
FACTORS = (-0.8, 0.0, 0.1, 0.55, 1.0, 1.37, 1.9)
OPERATIONS = {  # ours, Pillow's, and the values to try
    "invert": (lambda image, _: colour.invert(image), lambda image, _: ImageOps.invert(image), (0,)),
    "autocontrast": (lambda image, _: colour.autocontrast(image), lambda image, _: ImageOps.autocontrast(image), (0,)),
    "equalize": (lambda image, _: colour.equalize(image), lambda image, _: ImageOps.equalize(image), (0,)),
    "posterize": (colour.posterize, ImageOps.posterize, range(1, 9)),
    "solarize": (colour.solarize, ImageOps.solarize, (0, 1, 100, 128, 255, 256)),
    "brightness": (colour.brightness, lambda image, f: ImageEnhance.Brightness(image).enhance(f), FACTORS),
    "contrast": (colour.contrast, lambda image, f: ImageEnhance.Contrast(image).enhance(f), FACTORS),
    "colour": (colour.colour, lambda image, f: ImageEnhance.Color(image).enhance(f), FACTORS),
    "sharpness": (colour.sharpness, lambda image, f: ImageEnhance.Sharpness(image).enhance(f), FACTORS),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_pillows(name):
    ours, theirs, values = OPERATIONS[name]
    for (picture, image), value in product(PICTURES.items(), values):
        got, expected = ours(tf.constant(image), value).numpy(), array(theirs(pillow(image), value))
        assert got.dtype == np.uint8 and got.shape == expected.shape
        assert np.array_equal(got, expected), f"{picture}, {value}: {np.abs(got - 1.0 * expected).max()} apart"


def test_solarize_add_is_what_it_says():
    for image, addition in product(PICTURES.values(), (0, 55, 110, 200)):
        expected = [min(v + addition, 255) if v < 128 else v for v in image.ravel().tolist()]
        assert colour.solarize_add(tf.constant(image), addition).numpy().ravel().tolist() == expected


def test_posterize_to_nothing_is_black():
    assert not colour.posterize(tf.constant(pictures(3)["noise"]), 0).numpy().any()


def test_real_values_become_the_nearest_of_pixels():
    real = np.random.default_rng(0).normal(128, 120, (30, 40, 3)).astype(np.float32)
    real[:9] = np.round(2 * real[:9]) / 2  # halves go to the even one
    expected = np.clip(np.round(real), 0, 255)
    (in_pipeline,) = tf.data.Dataset.from_tensors(real).map(colour.rounded)
    for got in (in_pipeline, tf.function(colour.rounded)(real), colour.rounded(tf.constant(real))):
        assert got.dtype == tf.uint8 and np.array_equal(got, expected)


def row_of(name: str, value: float, height: int, width: int) -> list[float]:
    """Where Pillow's ``transform`` takes a pixel from, in its own six numbers."""
    cos, sin = np.cos(np.radians(value)), np.sin(np.radians(value))
    x, y = width / 2, height / 2
    return {
        "rotate": [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y],
        "shear_x": [1, value, 0, 0, 1, 0],
        "shear_y": [1, 0, 0, value, 1, 0],
        "translate_x": [1, 0, value, 0, 1, 0],
        "translate_y": [1, 0, 0, 0, 1, value],
    }[name]


def undecided(row: list[float], height: int, width: int) -> np.ndarray:
    """Pixels whose source is just between two others: Pillow counts in 65536ths, the kernel in 32-bit floats."""
    y, x = np.mgrid[:height, :width] + 0.5
    a, b, c, d, e, f = row
    places = np.stack([a * x + b * y + c, d * x + e * y + f])
    return (np.abs(places - places.round()) < 2e-3).any(0)


@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"])
def test_moves_are_pillows(name):
    values = {"r": (-135.0, -30.0, 7.3, 90.0), "s": (-0.97, -0.3, 0.13, 0.99), "t": (-31.0, -3.3, 0.0, 14.7)}[name[0]]
    for (picture, image), value in product(PICTURES.items(), values):
        height, width, channels = image.shape
        fill = 128 if channels == 1 else (128,) * 3
        row = row_of(name, value, height, width)
        if name == "rotate":
            expected = pillow(image).rotate(value, Image.Resampling.NEAREST, fillcolor=fill)
        else:
            size = (width, height)
            expected = pillow(image).transform(
                size, Image.Transform.AFFINE, row, Image.Resampling.NEAREST, fillcolor=fill
            )
        got = policies.OPERATIONS[name](tf.constant(image), value)[0].numpy()
        assert got.dtype == np.uint8
        wrong = (got != array(expected)).any(-1) & ~undecided(row, height, width)
        assert not wrong.any(), f"{picture}, {value}: {np.argwhere(wrong)[:5]}"


# Policies


def traced(name: str, image: np.ndarray, count: int) -> list[np.ndarray]:
    """What an augmentation makes of an image with seeds of 0 to ``count``."""
    step, given = parse(name), tf.constant(image, tf.float32)
    change = tf.function(lambda seed: image_of(step(given, seed)), autograph=False)
    return [change(tf.constant([5, seed], tf.int64)).numpy() for seed in range(count)]


def image_of(made) -> tf.Tensor:
    """What a change or a move made of an image; a move tells the affine as well."""
    return made[0] if isinstance(made, tuple) else made


@pytest.mark.parametrize("name", [name for name, line in AUGMENTATIONS.items() if line.kind in ("change", "move")])
@pytest.mark.parametrize("channels", [1, 3])
def test_same_integers_same_change(name, channels):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, channels)).astype(np.float32)
    seen = traced(name, image, 12)
    assert all(np.array_equal(a, b) for a, b in zip(seen, traced(name, image, 12), strict=True))
    assert len({one.tobytes() for one in seen}) > 1
    assert all(one.shape == (20, 30, channels) and one.dtype == np.float32 for one in seen)
    eager = image_of(parse(name)(tf.constant(image), tf.constant([5, 3], tf.int64)))
    assert np.abs(eager - seen[3]).max() < 1e-2


THEIRS = {  # our operations by torchvision's names
    "Identity": "identity",
    "ShearX": "shear_x",
    "ShearY": "shear_y",
    "TranslateX": "translate_x",
    "TranslateY": "translate_y",
    "Rotate": "rotate",
    "Brightness": "brightness",
    "Color": "colour",
    "Contrast": "contrast",
    "Sharpness": "sharpness",
    "Posterize": "posterize",
    "Solarize": "solarize",
    "AutoContrast": "autocontrast",
    "Equalize": "equalize",
    "Invert": "invert",
}


@pytest.fixture(scope="module")
def autoaugment():
    pytest.importorskip("torch")
    import_torchvision()
    return importlib.import_module("torchvision.transforms.autoaugment")


def same_ranges(ours: dict, theirs: dict) -> None:
    """Whether 31 magnitudes of every operation are those of torchvision, whose factors are counted from 1."""
    for name, (magnitudes, signed) in theirs.items():
        own = ours[THEIRS[name]]
        assert own.signed == signed
        if magnitudes.ndim:
            values = np.array([own.start + own.reach * step / 30 for step in range(31)])
            values = values - 1 if name in ("Brightness", "Color", "Contrast", "Sharpness") else values
            values = np.round(values) if name == "Posterize" else values
            most = 1 if name == "Solarize" else 1e-5  # theirs begin at 255, the paper's at 256
            assert np.abs(values - magnitudes.numpy()).max() <= most, name


def test_ranges_of_trivialaugment_are_torchvisions(autoaugment):
    theirs = autoaugment.TrivialAugmentWide()._augmentation_space(31)
    assert {THEIRS[name] for name in theirs} == set(policies.WIDE)
    same_ranges(policies.WIDE, theirs)


def test_ranges_of_randaugment_are_torchvisions(autoaugment):
    theirs = autoaugment.RandAugment()._augmentation_space(31, (1, 1))  # an image of one pixel: shares of a side
    ours = {name.removesuffix("_fraction"): own for name, own in policies.NARROW.items()}
    assert {THEIRS[name] for name in theirs} - set(ours) == {"identity"}
    assert set(ours) - {THEIRS[name] for name in theirs} == {"invert", "solarize_add"}
    same_ranges(ours, {name: theirs[name] for name in theirs if name != "Identity"})


def test_policy_of_autoaugment_is_torchvisions(autoaugment):
    theirs = autoaugment.AutoAugment().policies
    for ours, pair in zip(policies.IMAGENET, theirs, strict=True):
        assert ours == tuple((THEIRS[name], chance, magnitude or 0) for name, chance, magnitude in pair)


def outcomes(image: np.ndarray, own: policies.Range, name: str, strength: float) -> list[bytes]:
    """All that an operation at one strength can make of an image."""
    signs = (-1, 1) if own.signed else (1,)
    values = [np.float32(own.start) + np.float32(strength) * np.float32(own.reach) * np.float32(sign) for sign in signs]
    made = [policies.OPERATIONS[name](tf.constant(image), tf.constant(value))[0] for value in values]
    return [one.numpy().tobytes() for one in made]


def odd_picture() -> np.ndarray:
    """An image of which every operation makes something else."""
    return np.random.default_rng(0).integers(30, 220, (24, 18, 3), np.uint8)


def drawn(name: str, image: np.ndarray, count: int) -> Counter:
    """How often each image came out of ``count`` draws."""
    return Counter(one.astype(np.uint8).tobytes() for one in traced(name, image, count))


def agrees(counts: Counter, odds: dict[bytes, float]) -> None:
    """Whether images came as often as they should, within five standard deviations, and no others came."""
    assert sum(odds.values()) == pytest.approx(1)
    assert set(counts) <= {outcome for outcome, share in odds.items() if share > 0}
    for outcome, share in odds.items():
        expected = counts.total() * share
        assert abs(counts[outcome] - expected) < 5 * np.sqrt(expected) + 2


def test_randaugment_draws_every_operation_as_often():
    image, odds = odd_picture(), Counter()
    for name, own in policies.NARROW.items():
        made = outcomes(image, own, name, 0.7)
        for outcome in made:
            odds[outcome] += 1 / len(policies.NARROW) / len(made)
    agrees(drawn("randaugment:1:7", image, 1200), odds)


def test_randaugment_makes_one_operation_after_another():
    image = odd_picture()
    first = [outcome for name, own in policies.NARROW.items() for outcome in outcomes(image, own, name, 0.9)]
    both = set()
    for outcome in first:
        between = np.frombuffer(outcome, np.uint8).reshape(image.shape)
        both.update(o for name, own in policies.NARROW.items() for o in outcomes(between, own, name, 0.9))
    seen = set(drawn("randaugment:2:9", image, 60))
    assert seen <= both and len(seen) > 40


def test_randaugment_beyond_ten_keeps_to_pixels():
    for image in traced("randaugment:2:30", odd_picture(), 40):
        assert image.min() >= 0 and image.max() <= 255 and np.array_equal(image, np.round(image))
    assert set(np.unique(policies.OPERATIONS["posterize"](tf.constant(odd_picture()), -4.0)[0])) == {0, 128}


def test_trivialaugment_draws_strengths_and_operations():
    image, odds = odd_picture(), Counter()
    every = {}
    for name, own in policies.WIDE.items():
        made = [outcomes(image, own, name, np.float32(step / 30)) for step in range(31)]
        every[name] = {outcome for few in made for outcome in few}
        for few in made:
            for outcome in few:
                odds[outcome] += 1 / len(policies.WIDE) / 31 / len(few)
    counts = drawn("trivialaugment", image, 1000)
    agrees(counts, odds)
    for name, possible in every.items():
        expected = 1000 * sum(odds[outcome] for outcome in possible)
        assert abs(sum(counts[outcome] for outcome in possible) - expected) < 5 * np.sqrt(expected), name


def test_autoaugment_follows_its_table():
    image, odds = odd_picture(), Counter()
    for pair in policies.IMAGENET:
        after = {image.tobytes(): 1 / len(policies.IMAGENET)}
        for name, chance, magnitude in pair:
            following = Counter()
            for before, share in after.items():
                following[before] += share * (1 - chance)
                pixels = np.frombuffer(before, np.uint8).reshape(image.shape)
                made = outcomes(pixels, policies.LEARNED[name], name, np.float32(magnitude / 9))
                for outcome in made:
                    following[outcome] += share * chance / len(made)
            after = following
        odds.update(after)
    agrees(drawn("autoaugment", image, 600), odds)


# Light, colour and erasing


def one_seed(number: int) -> tf.Tensor:
    return tf.constant([9, number], tf.int64)


def test_hue_moves_round_the_circle():
    image = pictures(3)["noise"]
    for turns in (-0.5, -0.13, 0.0, 0.31):
        expected = []
        for pixel in image.reshape(-1, 3) / 255:
            h, s, v = colorsys.rgb_to_hsv(*pixel)
            expected.append(colorsys.hsv_to_rgb((h + turns) % 1, s, v))
        got = jitter.hue_moved(tf.constant(image), turns).numpy().reshape(-1, 3)
        assert np.abs(got - 255 * np.array(expected)).max() < 0.51
    grey = tf.constant(pictures(1)["noise"])
    assert np.array_equal(jitter.hue_moved(grey, 0.3), grey)


@pytest.mark.parametrize("place", range(3))
def test_jitter_draws_factors_evenly(place):
    """Of an even grey, brightness shows; of two greys, contrast; of a colour, saturation."""
    image, operation = {
        0: (np.full((4, 4, 3), 100), "brightness"),
        1: (np.stack([np.full((4, 4, 3), 80), np.full((4, 4, 3), 120)], 1).reshape(8, 4, 3), "contrast"),
        2: (np.broadcast_to((150, 100, 50), (4, 4, 3)), "colour"),
    }[place]
    name = "jitter:" + ":".join("0.5" if i == place else "0" for i in range(4))
    values = np.array([one.ravel()[0] for one in traced(name, image.astype(np.float32), 400)])
    ends = [getattr(colour, operation)(tf.constant(image.astype(np.uint8)), f).numpy().ravel()[0] for f in (0.5, 1.5)]
    low, high = sorted(map(float, ends))
    assert low <= values.min() < low + 3 and high - 3 < values.max() <= high
    assert abs(values.mean() - (low + high) / 2) < 5 * (high - low) / np.sqrt(12 * 400)


def test_jitter_of_nothing_changes_nothing():
    image = pictures(3)["noise"].astype(np.float32)
    assert all(np.abs(one - image).max() < 1 for one in traced("jitter:0:0:0:0", image, 5))


def test_jitter_goes_in_every_order():
    """Its outcomes are those of four known operations, in one of their 24 orders."""
    image = odd_picture()
    of_order, of_amount = tf.unstack(tf.random.split(one_seed(0), 2))
    del of_order
    first, second, third, fourth = tf.random.stateless_uniform([4], of_amount).numpy()
    operations = (
        lambda x: colour.brightness(x, 0.2 + first * 1.6),
        lambda x: colour.contrast(x, 0.2 + second * 1.6),
        lambda x: colour.colour(x, 0.2 + third * 1.6),
        lambda x: jitter.hue_moved(x, 0.2 * (2 * fourth - 1)),
    )
    got = parse("jitter:0.8:0.8:0.8:0.2")(tf.constant(image, tf.float32), one_seed(0)).numpy()
    nearest = []
    for order in permutations(operations):
        pixels = tf.constant(image)
        for operation in order:
            pixels = operation(pixels)
        nearest.append(np.abs(got - pixels.numpy()).max())
    assert min(nearest) <= 1 < sorted(nearest)[3]


def test_lighting_follows_the_colours_of_imagenet():
    image = np.full((2, 3, 3), 100, np.float32)
    shifts = np.array([one[0, 0] - 100 for one in traced("lighting:0.1", image, 3000)]) / 255
    directions, variances = np.array(jitter.DIRECTIONS), np.array(jitter.VARIANCES)
    expected = directions @ np.diag((0.1 * variances) ** 2) @ directions.T
    assert np.abs(directions.T @ directions - np.eye(3)).max() < 1e-3
    assert np.abs(np.cov(shifts.T) - expected).max() < 0.1 * expected.max()
    assert np.abs(shifts.mean(0)).max() < 5 * np.sqrt(expected.max() / 3000)
    grey = np.array([one[0, 0, 0] - 100 for one in traced("lighting:0.1", image[..., :1], 100)]) / 255
    assert np.allclose(grey, shifts[:100] @ [0.299, 0.587, 0.114], atol=1e-5)


@pytest.mark.parametrize(("name", "mode"), [("shift:2", "constant"), ("shift_mirror:2", "reflect")])
def test_shifts_are_cuts_of_the_padded_image(name, mode):
    image = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.float32)
    padded = np.pad(image, [(2, 2), (2, 2), (0, 0)], mode)
    cuts = {padded[top : top + 6, left : left + 9].tobytes() for top in range(5) for left in range(5)}
    counts = Counter(one.tobytes() for one in traced(name, image, 1500))
    assert set(counts) == cuts and len(cuts) == 25
    assert min(counts.values()) > 30 and max(counts.values()) < 95  # 60 each


def wiped(name: str, count: int, shape=(40, 60, 3)) -> list[np.ndarray]:
    """Boxes (top, left, height, width) of what was wiped out of a black image; height 0 where nothing was."""
    boxes = []
    for image in traced(name, np.full(shape, -1, np.float32), count):
        mask = (image != -1).any(-1)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = (rows[0], columns[0], len(rows), len(columns)) if len(rows) else (0, 0, 0, 0)
        assert mask.sum() == box[2] * box[3] and mask[box[0] : box[0] + box[2], box[1] : box[1] + box[3]].all()
        boxes.append(box)
    return boxes


def test_erasing_wipes_what_the_paper_says():
    boxes = np.array(wiped("erasing:0.5", 600))
    happened = boxes[boxes[:, 2] > 0]
    assert abs(len(happened) - 300) < 5 * np.sqrt(150)
    area, ratio = happened[:, 2] * happened[:, 3] / 2400, happened[:, 2] / happened[:, 3]
    assert 0.015 < area.min() < 0.05 and 0.3 < area.max() < 0.42
    assert 0.25 < ratio.min() < 0.45 and 2 < ratio.max() < 3.7
    assert (happened[:, :2].min(0) == 0).all() and ((happened[:, :2] + happened[:, 2:]).max(0) == (40, 60)).all()
    assert not any(box[2] for box in wiped("erasing:0", 30)) and all(box[2] for box in wiped("erasing:1", 30))
    noise = traced("erasing:1", np.full((40, 60, 3), -1, np.float32), 60)
    values = np.concatenate([image[image >= 0] for image in noise])
    assert values.min() == 0 and values.max() == 255 and abs(values.mean() - 127.5) < 2
    assert np.array_equal(values, np.round(values))


def test_cutout_is_a_square_that_the_edge_cuts():
    boxes = np.array(wiped("cutout:10", 600))
    assert boxes[:, 2:].max() == 10 and boxes[:, 2:].min() == 5
    middles = (boxes[:, 2:] == 10).all(1).mean()
    assert abs(middles - 31 / 40 * 51 / 60) < 0.1
    assert {*np.unique(traced("cutout:10", np.zeros((40, 60, 1), np.float32), 3))} == {0, 128}
    assert wiped("cutout:500", 3) == [(0, 0, 40, 60)] * 3


# Mixing


IMAGES = np.random.default_rng(3).integers(0, 256, (6, 12, 20, 3)).astype(np.float32)
SHARES = np.eye(6, dtype=np.float32)  # every image has a class of its own, so targets tell who was mixed


@pytest.mark.parametrize("name", ["mixup:0.4", "cutmix:1.0"])
def test_mixes_are_what_their_targets_say(name):
    order_changes = 0
    for number in range(30):
        images, targets = (x.numpy() for x in parse(name)(tf.constant(IMAGES), tf.constant(SHARES), one_seed(number)))
        assert images.shape == IMAGES.shape and np.allclose(targets.sum(1), 1)
        own = targets.diagonal()
        partners = (targets - np.diag(own)).argmax(1)
        for i, partner in enumerate(partners):
            if own[i] == 1:  # mixed with itself, or not at all
                assert np.allclose(images[i], IMAGES[i], atol=1e-3)
            elif name.startswith("mixup"):
                assert np.allclose(images[i], own[i] * IMAGES[i] + (1 - own[i]) * IMAGES[partner], atol=1e-3)
            else:
                theirs = (images[i] != IMAGES[i]).any(-1)
                assert np.array_equal(images[i][theirs], IMAGES[partner][theirs])
                rows, columns = np.flatnonzero(theirs.any(1)), np.flatnonzero(theirs.any(0))
                assert np.ptp(rows) + 1 == len(rows) and np.ptp(columns) + 1 == len(columns)
                assert theirs.sum() == len(rows) * len(columns) == round(240 * (1 - own[i]))
        order_changes += sorted(partners[own < 1].tolist()) == np.flatnonzero(own < 1).tolist() and (own < 1).sum() > 1
        assert np.ptp(own[own < 1]) < 1e-6 if (own < 1).any() else True
    assert order_changes > 20


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_follow_the_beta_distribution(alpha):
    draw = tf.function(lambda seed: mixing.betas(seed, alpha, 1)[0])
    shares = np.array([draw(one_seed(number)) for number in range(1500)])
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_cutmix_boxes_have_the_image_s_proportion_and_lie_anywhere():
    black, white = np.zeros((1, 30, 60, 1), np.float32), np.ones((1, 30, 60, 1), np.float32)
    cut = tf.function(lambda seed: mixing.cutmix(np.concatenate([black, white]), np.eye(2, dtype="f"), seed, 1.0))
    ratios, covered = [], np.zeros((30, 60))
    for number in range(600):
        image = cut(one_seed(number))[0].numpy()[0, ..., 0]
        rows, columns = image.any(1).sum(), image.any(0).sum()
        covered += image
        if rows and 0 < image[1:-1, 1:-1].sum() == image.sum():  # not cut by an edge
            ratios.append(columns / rows)
    assert abs(np.median(ratios) - 2) < 0.25
    assert covered.min() > 0


def test_halves_are_mixed_as_in_the_released_code_of_efficientnet_v2():
    """Read by NumPy from what comes out: partners in reverse, MixUp's greater share, CutMix's mean share."""
    owns = []
    for number in range(30):
        mixed = parse("mixup_cutmix:1:1")(tf.constant(IMAGES), tf.constant(SHARES), one_seed(number))
        images, targets = (x.numpy() for x in mixed)
        own, partner = targets.diagonal(), [2, 1, 0, 5, 4, 3]
        for i in (0, 1, 2):
            share = 1 if i == partner[i] else own[i]
            owns.append(share)
            assert 0.5 <= share <= 1 and np.allclose(targets[i], share * SHARES[i] + (1 - share) * SHARES[partner[i]])
            assert np.allclose(images[i], share * IMAGES[i] + (1 - share) * IMAGES[partner[i]], atol=1e-3)
        areas = []
        for i in (3, 5):
            theirs = (images[i] != IMAGES[i]).any(-1)
            assert np.array_equal(images[i][theirs], IMAGES[partner[i]][theirs])
            assert theirs.sum() == theirs.any(1).sum() * theirs.any(0).sum()
            areas.append(theirs.mean())
        assert np.array_equal(images[4], IMAGES[4])  # its own partner
        assert own[3] == pytest.approx(own[5]) and 0 <= 3 * (1 - own[3]) - sum(areas) <= 1 + 1e-5
        assert np.allclose(targets[3], own[3] * SHARES[3] + (1 - own[3]) * SHARES[5])
    assert len({round(float(own), 4) for own in owns}) > 50


def test_rectangles_are_numpy_s():
    left, shape = np.array([0.1, 0.5, 0.9], np.float32), (30, 60)
    for number in range(20):
        taken = mixing.rectangles(tf.constant([6, *shape, 3]), tf.constant(left), one_seed(number)).numpy()
        middles = tf.random.stateless_uniform([3, 2], one_seed(number)).numpy()
        for mask, share, middle in zip(taken, left, middles, strict=True):
            expected = np.zeros(shape, bool)
            (y, x), (tall, wide) = (
                (int(m * s) for m, s in zip(middle, shape, strict=True)),
                (int(np.sqrt(np.float32(1) - share) * np.float32(side)) // 2 for side in shape),
            )
            expected[max(y - tall, 0) : y + tall, max(x - wide, 0) : x + wide] = True
            assert np.array_equal(mask, expected)


def test_a_batch_has_one_of_several_mixes_and_every_step_another():
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (64, 8, 8, 3), np.uint8), {"label": np.arange(64, dtype=np.int32) % 4})
    how = dict(preprocess=Preprocess(size=8, crop=1.0, mean=(0.0,) * 3, std=(1.0,) * 3), batch=4, classes=4)
    plain, _ = zip(*batches(split, **how), strict=True)
    mixed = list(batches(split, augment=("mixup:1", "cutmix"), **how))
    again = list(batches(split, augment=("mixup:1", "cutmix"), parallel=1, **how))
    kinds, shares = Counter(), set()
    for before, (images, targets), (images2, targets2) in zip(plain, mixed, again, strict=True):
        targets = targets["label"]
        assert np.array_equal(images, images2) and np.array_equal(targets, targets2["label"])
        assert targets.shape == (4, 4) and np.allclose(tf.reduce_sum(targets, 1), 1)
        pure = {pixel.tobytes() for pixel in before.numpy().reshape(-1, 3)}
        shares.add(float(targets[0, 0]))
        kinds[all(pixel.tobytes() in pure for pixel in images.numpy().reshape(-1, 3))] += 1
    assert min(kinds.values()) >= 2 and len(kinds) == 2 and len(shares) > 8


# Names and arguments


def test_arguments_stand_behind_the_name():
    assert parse("randaugment").values == (2, 9.0) and parse("randaugment:3").values == (3, 9.0)
    assert parse("randaugment:3:7.5").values == (3, 7.5) and parse("jitter:0.1:0.2").values == (0.1, 0.2, 0.4, 0.0)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("randaugmnt:2:9", r"no augmentation 'randaugmnt'\. Did you mean 'randaugment'"),
        ("flip:3", r"'flip:3' has 1 argument; 'flip' takes none"),
        ("randaugment:2:9:1", r"'randaugment:2:9:1' has 3 arguments; 'randaugment' takes N, M"),
        ("randaugment:2.5", r"has '2.5'; expected N, a whole number of 1 to 20"),
        ("randaugment::9", r"has ''; expected N, a whole number"),
        ("randaugment:2:99", r"has '99'; expected M, a number of 0.0 to 30.0"),
        ("erasing:nan", r"has 'nan'; expected probability, a number of 0.0 to 1.0"),
        ("mixup:0", r"has '0'; expected alpha"),
        ("cutmix:much", r"has 'much'; expected alpha"),
    ],
)
def test_names_that_cannot_be_understood(text, error):
    with pytest.raises(ValueError, match=error):
        parse_all([text])


def test_every_name_has_its_function():
    for name, line in AUGMENTATIONS.items():
        function = getattr(importlib.import_module(f"kerascnn.data.transforms.{line.module}"), name)
        inputs = {
            "cut": ["shape", "seed"],
            "fit": ["image", "preprocess", "seed"],
            "move": ["image", "seed"],
            "change": ["image", "seed"],
            "choice": ["shape", "seed", "boxes", "valid"],
            "mix": ["images", "targets", "seed"],
            "collage": ["images", "targets", "seed"],
        }[line.kind]
        parameters = list(inspect.signature(function).parameters)
        assert parameters == inputs + [argument.name.lower() for argument in line.arguments]


# Training on mixed images


def three_classes() -> Data:
    rng = np.random.default_rng(0)
    targets = np.arange(48, dtype=np.int32) % 3
    images = rng.integers(0, 120, (48, 8, 8, 3)).astype(np.uint8)
    images[np.arange(48), :, :, targets] += 100
    split = Split(images, {"label": targets})
    return Data(train=split, validation=split.take(np.arange(24)), labels=("a", "b", "c"), channels=3)


def linear(shape, classes):
    """A network of which every number can be computed by hand."""
    inputs = keras.Input(shape)
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(classes)(x))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_top1_of_mixed_images(smoothing):
    task = Classification(labels=("a", "b", "c"), loss=CrossEntropy(label_smoothing=smoothing))
    logits = tf.constant([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
    weights = np.array([[0.7, 0.3, 0.0], [0.4, 0.0, 0.6]], np.float32)
    target = (1 - smoothing) * weights + smoothing / 3
    expected = -(target * np.log(tf.nn.softmax(logits))).sum(1)
    outputs, targets = {"scores": logits}, {"label": tf.constant(weights)}
    assert np.allclose(task.losses(outputs, targets), expected, atol=1e-6)
    pure = tf.constant([2, 1])
    one, other = ({"label": labels} for labels in (tf.one_hot(pure, 3), pure))
    assert np.allclose(task.losses(outputs, one), task.losses(outputs, other), atol=1e-6)
    (top1,) = task.meters()
    top1.update_state(targets, outputs)
    assert float(top1.result()) == pytest.approx(0.5)  # 0 weighs most in the first; 2 in the second


def test_training_on_mixed_images_learns_and_goes_on_to_the_bit(tmp_path):
    recipe = Recipe(
        model=Model("linear"),
        length=Epochs(4),
        data="d",
        batch=8,
        augment=("mixup:0.4", "cutmix", "flip"),
        input=Input(size=8, crop=1.0),
        optimizer=SGD(lr=0.3, nesterov=True),
    )
    how = dict(make_model=linear, strategy=tf.distribute.get_strategy(), log=lambda _: None)
    whole, history = train(recipe, three_classes(), tmp_path / "whole", **how)
    assert history[-1]["val_top1"] > 0.9 and history[-1]["loss"] > history[-1]["val_loss"]

    class Killed(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, three_classes(), tmp_path / "parts", callbacks=[Killed()], **how)
    parts, _ = train(recipe, three_classes(), tmp_path / "parts", **how)
    assert all(np.array_equal(a, b) for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True))
