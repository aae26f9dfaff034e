"""Random changes: every operation against Pillow, every policy against its paper, every draw against its odds."""

import importlib
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps
from references import import_torchvision

from kerascnn.data import colour, geometry, policies
from kerascnn.data.augment import AUGMENTATIONS, parse


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


PICTURES = [pytest.param(image, id=f"{name}{n}") for n in (1, 3) for name, image in pictures(n).items()]
FACTORS = (0.0, 0.1, 0.55, 1.0, 1.37, 1.9)
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


@pytest.mark.parametrize("image", PICTURES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_pillows(name, image):
    ours, theirs, values = OPERATIONS[name]
    for value in values:
        got, expected = ours(tf.constant(image), value).numpy(), array(theirs(pillow(image), value))
        assert got.dtype == np.uint8 and got.shape == expected.shape
        assert np.array_equal(got, expected), f"{name} {value}: {np.abs(got.astype(int) - expected).max()} apart"


@pytest.mark.parametrize("image", PICTURES)
def test_solarize_add_is_what_it_says(image):
    for addition in (0, 55, 110, 200):
        expected = [min(v + addition, 255) if v < 128 else v for v in image.ravel().tolist()]
        assert colour.solarize_add(tf.constant(image), addition).numpy().ravel().tolist() == expected


def test_posterize_to_nothing_is_black():
    assert not colour.posterize(tf.constant(pictures(3)["noise"]), 0).numpy().any()


def row_of(name: str, value: float, height: int, width: int) -> list[float]:
    """Where Pillow's ``transform`` takes a pixel from, in its own six numbers."""
    cos, sin = np.cos(np.radians(value)), np.sin(np.radians(value))
    x, y = width / 2, height / 2
    return {
        "rotated": [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y],
        "sheared_x": [1, value, 0, 0, 1, 0],
        "sheared_y": [1, 0, 0, value, 1, 0],
        "translated_x": [1, 0, value, 0, 1, 0],
        "translated_y": [1, 0, 0, 0, 1, value],
    }[name]


def undecided(row: list[float], height: int, width: int) -> np.ndarray:
    """Pixels whose source is just between two others: Pillow counts in 65536ths, the kernel in 32-bit floats."""
    y, x = np.mgrid[:height, :width] + 0.5
    a, b, c, d, e, f = row
    places = np.stack([a * x + b * y + c, d * x + e * y + f])
    return (np.abs(places - places.round()) < 2e-3).any(0)


@pytest.mark.parametrize("image", PICTURES)
@pytest.mark.parametrize("name", ["rotated", "sheared_x", "sheared_y", "translated_x", "translated_y"])
def test_moves_are_pillows(name, image):
    values = {"r": (-135.0, -30.0, 7.3, 90.0), "s": (-0.97, -0.3, 0.13, 0.99), "t": (-31.0, -3.3, 0.0, 14.7)}[name[0]]
    height, width, channels = image.shape
    fill = 128 if channels == 1 else (128,) * 3
    for value in values:
        row = row_of(name, value, height, width)
        if name == "rotated":
            expected = pillow(image).rotate(value, Image.Resampling.NEAREST, fillcolor=fill)
        else:
            size = (width, height)
            expected = pillow(image).transform(
                size, Image.Transform.AFFINE, row, Image.Resampling.NEAREST, fillcolor=fill
            )
        got = getattr(geometry, name)(tf.constant(image), value).numpy()
        assert got.dtype == np.uint8
        wrong = (got != array(expected)).any(-1) & ~undecided(row, height, width)
        assert not wrong.any(), f"{name} {value}: {np.argwhere(wrong)[:5]}"


# Policies


def traced(name: str, image: np.ndarray, count: int) -> list[np.ndarray]:
    """What an augmentation makes of an image with seeds of 0 to ``count``."""
    step, given = parse(name), tf.constant(image, tf.float32)
    change = tf.function(lambda seed: step(given, seed), autograph=False)
    return [change(tf.constant([5, seed], tf.int64)).numpy() for seed in range(count)]


@pytest.mark.parametrize("name", [name for name, line in AUGMENTATIONS.items() if line.kind == "change"])
@pytest.mark.parametrize("channels", [1, 3])
def test_same_integers_same_change(name, channels):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, channels)).astype(np.float32)
    seen = traced(name, image, 12)
    assert all(np.array_equal(a, b) for a, b in zip(seen, traced(name, image, 12), strict=True))
    assert len({one.tobytes() for one in seen}) > 1
    assert all(one.shape == (20, 30, channels) and one.dtype == np.float32 for one in seen)
    eager = parse(name)(tf.constant(image), tf.constant([5, 3], tf.int64))
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
    ours = {name.removesuffix("_share"): own for name, own in policies.NARROW.items()}
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
    values = [np.float32(own.start) + np.float32(strength) * np.float32(own.reach * sign) for sign in signs]
    return [policies.OPERATIONS[name](tf.constant(image), tf.constant(value)).numpy().tobytes() for value in values]


def odd_picture() -> np.ndarray:
    """An image of which every operation makes something else."""
    return np.random.default_rng(0).integers(30, 220, (24, 18, 3), np.uint8)


def test_randaugment_draws_every_operation_as_often():
    image, draws = odd_picture(), 1200
    seen = Counter(one.astype(np.uint8).tobytes() for one in traced("randaugment:1:7", image, draws))
    for name, own in policies.NARROW.items():
        parts = [seen.pop(outcome, 0) for outcome in outcomes(image, own, name, 0.7)]
        for count in parts:  # five standard deviations
            share = 1 / len(policies.NARROW) / len(parts)
            assert abs(count - draws * share) < 5 * np.sqrt(draws * share), name
    assert not seen


def test_randaugment_makes_one_operation_after_another():
    image = odd_picture()
    first = [outcome for name, own in policies.NARROW.items() for outcome in outcomes(image, own, name, 0.9)]
    both = set()
    for outcome in first:
        between = np.frombuffer(outcome, np.uint8).reshape(image.shape)
        both.update(o for name, own in policies.NARROW.items() for o in outcomes(between, own, name, 0.9))
    seen = {one.astype(np.uint8).tobytes() for one in traced("randaugment:2:9", image, 60)}
    assert seen <= both and len(seen) > 40


def test_trivialaugment_draws_strengths_and_operations():
    image = odd_picture()
    possible = {
        name: {o for step in range(31) for o in outcomes(image, own, name, step / 30)}
        for name, own in policies.WIDE.items()
    }
    seen = [one.astype(np.uint8).tobytes() for one in traced("trivialaugment", image, 600)]
    shares = {name: sum(one in possible[name] for one in seen) / 600 for name in possible}
    assert set(seen) <= set().union(*possible.values())
    assert all(0.03 < share < 0.2 for share in shares.values()), shares  # 1/14, more for those that can do nothing
    assert len(set(seen)) > 150


def test_autoaugment_follows_its_table():
    image, draws = odd_picture(), 600
    seen = [one.astype(np.uint8).tobytes() for one in traced("autoaugment", image, draws)]
    odds = Counter()
    for pair in policies.IMAGENET:
        after = {image.tobytes(): 1 / len(policies.IMAGENET)}
        for name, chance, magnitude in pair:
            following = Counter()
            for before, share in after.items():
                following[before] += share * (1 - chance)
                pixels = np.frombuffer(before, np.uint8).reshape(image.shape)
                made = outcomes(pixels, policies.LEARNED[name], name, magnitude / 9)
                for outcome in made:
                    following[outcome] += share * chance / len(made)
            after = following
        odds.update(after)
    assert sum(odds.values()) == pytest.approx(1)
    counts = Counter(seen)
    assert set(counts) <= {outcome for outcome, share in odds.items() if share > 0}
    for outcome, share in odds.items():
        assert abs(counts[outcome] - draws * share) < 5 * np.sqrt(draws * share) + 2
