"""Images with masks: what is read, what is refused, and that a mask goes wherever its image goes."""

import io
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerascnn.data import open_data, open_source
from kerascnn.data.dataset import IGNORE, Split
from kerascnn.data.pipeline import batches, transformed
from kerascnn.data.sources.masks import decode_mask, single_numbers
from kerascnn.data.transforms import affine, geometry, policies
from kerascnn.data.transforms.registry import AUGMENTATIONS, parse_all
from kerascnn.spec import Preprocess

CLASSES = 4
SIZE = 48
AS_IT_IS = Preprocess(size=SIZE, crop=0.75, mean=(0.0,) * 3, std=(1 / 255,) * 3)  # pixels of 0 to 255
GEOMETRIC = {
    "crop": "crop:0.3",
    "window": "window:0.4:0.8",
    "squash": "squash:0.7",
    "flip": "flip",
    "shift": "shift:9",
    "shift_mirror": "shift_mirror:9",
    "affine": "affine",
    "randaugment": "randaugment:3:15",
    "autoaugment": "autoaugment",
    "trivialaugment": "trivialaugment",
}


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "cache"))


def drawing(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Class numbers, (H, W) uint8, of rectangles before one another."""
    mask = np.zeros((height, width), np.uint8)
    for _ in range(12):
        top, left = rng.integers(0, height), rng.integers(0, width)
        mask[top : top + rng.integers(8, 24), left : left + rng.integers(8, 24)] = rng.integers(CLASSES)
    return mask


def shown(mask: np.ndarray) -> np.ndarray:
    """An image that encodes a mask: a level of grey for each class, far from all others and from what is uncovered."""
    return np.repeat((40 + 60 * mask)[..., None], 3, -1).astype(np.uint8)


# Every move, drawn


def inner(mask: np.ndarray) -> np.ndarray:
    """Where all eight neighbours have the same class, which is not ``IGNORE``; interpolation mixes the others."""
    padded = np.pad(mask, 2, constant_values=IGNORE)
    views = [padded[y : y + mask.shape[0], x : x + mask.shape[1]] for y in range(5) for x in range(5)]
    return np.all([view == mask for view in views], axis=0) & (mask != IGNORE)


def agreement(name: str, preprocess: Preprocess, monkeypatch, times: int = 1) -> tuple[float, float, float]:
    """Over many seeds, fractions of inner pixels that show their class and of uncovered ones; and classes in sight.

    With ``times``, drawings are JPEG files that many times as large.
    """
    for operation in ("invert", "solarize", "solarize_add", "posterize", "equalize", "autocontrast", "contrast"):
        monkeypatch.setattr(f"kerascnn.data.transforms.colour.{operation}", lambda image, *_: image)
    right, uncovered, classes = [], [], []
    for number in range(24):
        mask = drawing(np.random.default_rng(number), 60, 84)
        steps = parse_all([name] if name else [])
        seeds = tf.unstack(tf.random.split(tf.constant([number, 7]), len(steps)))
        mask = np.kron(mask, np.ones((times, times), np.uint8))
        image = shown(mask) if times == 1 else tf.io.encode_jpeg(shown(mask), quality=95)
        sample = {"image": tf.constant(image), "mask": tf.constant(mask)}
        made = transformed(sample, preprocess, list(zip(steps, seeds, strict=True)))
        image, moved = made["image"].numpy(), made["mask"].numpy()
        assert moved.shape == (SIZE, SIZE) and moved.dtype == np.int32
        clear = inner(moved)
        right.append((abs(image[clear].mean(-1) - (40 + 60 * moved[clear])) < 20).mean())
        uncovered.append((moved == IGNORE).mean())
        classes.append(len(np.unique(moved[clear])))
    return float(np.mean(right)), float(np.mean(uncovered)), float(np.mean(classes))


@pytest.mark.parametrize("squash", [False, True])
def test_evaluation_shows_the_mask_where_it_shows_the_image(squash, monkeypatch):
    how = Preprocess(size=SIZE, crop=0.75, mean=(0.0,) * 3, std=(1 / 255,) * 3, squash=squash)
    right, uncovered, classes = agreement("", how, monkeypatch)
    assert right > 0.99 and uncovered == 0 and classes > 2


@pytest.mark.parametrize("name", ["crop", "window", "squash", "flip", "shift", "shift_mirror", "affine"])
def test_a_mask_goes_where_its_image_goes(name, monkeypatch):
    right, uncovered, classes = agreement(GEOMETRIC[name], AS_IT_IS, monkeypatch)
    assert right > 0.99 and classes > 2
    assert (uncovered > 0.02) == (name in ("shift", "shift_mirror", "affine"))


@pytest.mark.parametrize("name", ["crop", "window"])
def test_a_mask_goes_where_a_photo_goes_that_is_decoded_smaller(name, monkeypatch):
    right, uncovered, classes = agreement(GEOMETRIC[name], AS_IT_IS, monkeypatch, times=7)
    assert right > 0.99 and classes > 2 and uncovered == 0


@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"])
def test_operations_of_the_policies_say_what_they_did(name):
    """Nearest pixels are taken of image and mask alike, so they agree to the last one."""
    mask = drawing(np.random.default_rng(0), SIZE, SIZE)
    for value in (-0.3, 0.2, 0.9 if name.startswith("shear") else 11.0):
        pixels, moves = policies.OPERATIONS[name](tf.constant(shown(mask)), tf.constant(value))
        moved = affine.mask_along(tf.constant(mask), moves, SIZE).numpy()
        covered = moved != IGNORE
        assert covered.mean() > 0.1 and np.array_equal(pixels.numpy()[covered], shown(moved)[covered])
        assert (pixels.numpy()[~covered] == geometry.GREY).all()


@pytest.mark.parametrize("name", ["randaugment", "autoaugment", "trivialaugment"])
def test_policies_carry_the_mask_along(name):
    """Colours are changed too, so an image of one class and another of the rest tell it: outlines stay the same."""
    steps = parse_all([GEOMETRIC[name]])
    uncovered = []
    for number in range(40):
        mask = drawing(np.random.default_rng(number), SIZE, SIZE)
        seed = tf.constant([number, 3])
        moved, moves = steps[0](tf.constant(shown(mask), tf.float32), seed)
        along = affine.mask_along(tf.constant(mask), moves, SIZE).numpy()
        for kind in range(CLASSES):  # what is of one class has one colour still, but for sharpened edges
            clear = inner(along) & (along == kind)
            if clear.sum() > 20:
                values = moved.numpy()[clear]
                assert np.mean(np.all(values == np.median(values, axis=0), -1)) > 0.97, (number, kind)
        uncovered.append((along == IGNORE).mean())
    assert 0 < np.mean(uncovered) < 0.5


def test_every_geometric_transform_is_drawn_here():
    kinds = {name for name, line in AUGMENTATIONS.items() if line.kind in ("cut", "fit", "move")}
    assert kinds == set(GEOMETRIC)


def test_what_one_move_took_out_of_sight_the_next_does_not_bring_back():
    mask = tf.ones((8, 8), tf.uint8)
    away, back = affine.row(1, 0, 4, 0, 1, 0), affine.row(1, 0, -4, 0, 1, 0)
    assert (affine.mask_along(mask, tf.concat([away, back], 0), 8).numpy() == IGNORE).mean() == 0.5


# Folders


def png(values: np.ndarray, mode: str = "L") -> bytes:
    image = Image.fromarray(values.astype(np.uint8))
    if mode == "P":
        image.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write(images, masks, count=6, mode="L", seed=0):
    """Images of different sizes and formats, and their masks."""
    rng = np.random.default_rng(seed)
    for folder in (images, masks):
        folder.mkdir(parents=True)
    for number in range(count):
        mask = drawing(rng, *rng.integers(30, 60, 2))
        mask[:2] = IGNORE
        Image.fromarray(shown(mask)).save(images / f"{number:02}.{'jpg' if number % 2 else 'png'}", quality=95)
        (masks / f"{number:02}.png").write_bytes(png(mask, mode))


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "data" / "images", tmp_path / "data" / "masks")
    return tmp_path / "data"


@pytest.mark.parametrize("mode", ["L", "P"])
def test_masks_come_with_their_images(tmp_path, mode):
    write(tmp_path / "data" / "images", tmp_path / "data" / "masks", 12, mode)
    data = open_data(tmp_path / "data")
    assert data.labels == ("0", "1", "2", "3") and len(data.train) + len(data.validation) == 12 and data.test is None
    assert data.found == "12 images, split by a hash of their names (seed 0)"
    for images, targets in batches(data.train, AS_IT_IS, 4, augment=("crop", "flip"), shuffle=True):
        mask = targets["mask"].numpy()
        assert mask.shape == (len(images), SIZE, SIZE) and mask.dtype == np.int32
        clear = np.stack([inner(one) for one in mask])
        assert (abs(images.numpy()[clear].mean(-1) - (40 + 60 * mask[clear])) < 25).mean() > 0.97


@pytest.mark.parametrize("order", ["{part}/{kind}", "{kind}/{part}"])
def test_parts_may_lie_within_or_around(tmp_path, order):
    for part, count in (("train", 5), ("val", 3), ("test", 2)):
        write(*(tmp_path / order.format(part=part, kind=kind) for kind in ("images", "masks")), count)
    data = open_data(tmp_path)
    assert data.found == "5 train, 3 validation, 2 test images"
    assert all(f"{path}".count("test") for path in data.test.annotations["mask"])


@pytest.mark.parametrize("file", ["labels.txt", "classes.txt", "classes.json"])
def test_classes_have_names(folder, file):
    names = ["sky", "road", "car", "tree"]
    (folder / file).write_text(json.dumps(names) if file.endswith("json") else "\n".join(names) + "\n")
    assert open_data(folder).labels == tuple(names)
    (folder / file).write_text(json.dumps(names[:3]) if file.endswith("json") else "\n".join(names[:3]))
    with pytest.raises(ValueError, match=r"00\.png: its mask holds the class 3, and there are 3 names, for 0 to 2"):
        open_data(folder)


def test_files_of_names_that_cannot_be(folder):
    (folder / "classes.json").write_text('{"0": "sky"}')
    with pytest.raises(ValueError, match=r"must hold the names of the classes in their order"):
        open_data(folder)
    (folder / "classes.json").write_text('["sky"')
    with pytest.raises(ValueError, match=r"cannot be read as JSON"):
        open_data(folder)
    (folder / "classes.json").write_text('["sky", "sky"]')
    with pytest.raises(ValueError, match=r"names that differ"):
        open_data(folder)
    (folder / "classes.json").unlink()
    (folder / "labels.txt").write_bytes("Brücke\nStraße\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"labels\.txt is not UTF-8 text: .*Save it as UTF-8"):
        open_data(folder)


def test_a_mask_that_is_painted_anew_is_other_data(folder):
    before = open_data(folder)
    mask = before.train.annotations["mask"][0]
    classes = np.array(Image.open(mask))
    classes[0, 0] = 0 if classes[0, 0] else 1
    Image.fromarray(classes).save(mask)
    assert before.train.changed() == [before.train.name(0)] and before.validation.changed() == []
    assert open_data(folder).fingerprint != before.fingerprint


def test_masks_are_decoded_once_only(folder, monkeypatch):
    before = open_data(folder)
    monkeypatch.setattr("kerascnn.data.sources.masks.classes_of", lambda *_: pytest.fail("decoded again"))
    again = open_data(folder)
    assert again.labels == before.labels and again.fingerprint == before.fingerprint


def test_what_is_wrong_with_masks_is_said_of_all_at_once(folder):
    masks = folder / "masks"
    small = np.zeros((9, 7), np.uint8)
    (masks / "00.png").write_bytes(png(small))
    (masks / "01.png").write_bytes(png(np.zeros((9, 7, 3))))
    (masks / "02.png").write_bytes((masks / "02.png").read_bytes()[:-30])
    Image.fromarray(np.zeros((9, 7), np.uint16)).save(masks / "03.png")
    Image.fromarray(small).save(masks / "04.png", "JPEG")
    (folder / "images" / "05.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"^6 image-mask pairs of") as caught:
        open_data(folder)
    for line in (
        r"00\.png: it is \d+ x \d+ pixels, its mask 7 x 9",
        r"01\.jpg: its mask, 01\.png, has colours and not class numbers\. Write it with one channel",
        r"02\.png: its mask, 02\.png, is damaged",
        r"03\.jpg: its mask, 03\.png, has 16 bits for a pixel\. Write it with 8",
        r"04\.png: its mask, 04\.png, is no PNG file; other formats change class numbers",
        r"05\.jpg: ",
    ):
        assert caught.match(line)
    with pytest.raises(ValueError, match="no image that can be read"):
        open_data(folder, on_corrupt="skip")


def test_what_is_unusual_about_masks_is_counted(folder):
    masks = folder / "masks"
    assert open_data(folder).note == "6 masks"
    blank = np.full(np.array(Image.open(masks / "00.png")).shape, IGNORE)
    (masks / "00.png").write_bytes(png(blank))
    (folder / "labels.txt").write_text("sky\nroad\ncar\ntree\nfox\nbus\n")
    for _ in range(2):  # what is remembered of the files says it too
        assert (
            open_data(folder).note == "6 masks, 1 masks without a class anywhere, 2 classes without a pixel (fox, bus)"
        )
    high = np.where(blank == IGNORE, 254, blank)
    high[:3] = 130
    (masks / "00.png").write_bytes(png(high))
    (folder / "labels.txt").unlink()
    for _ in range(2):
        data = open_data(folder)
        assert len(data.labels) == 255 and "249 classes without a pixel (4, 5, 6" in data.note


def test_masks_of_black_and_white_are_refused(folder):
    for path in (folder / "masks").iterdir():
        path.write_bytes(png(np.where(np.array(Image.open(path)) == 1, 255, 0)))
    with pytest.raises(ValueError, match=r"All masks of .* hold 0 and 255 alone, .* Write 1 for what is shown as 255"):
        open_source(folder)


def test_an_image_and_a_mask_of_one_pixel(folder):
    Image.new("RGB", (1, 1), "red").save(folder / "images" / "00.png")
    (folder / "masks" / "00.png").write_bytes(png(np.full((1, 1), 3)))
    part = open_source(folder).whole()
    for images, targets in batches(part.take(np.array([0, 1])), AS_IT_IS, 2):
        assert images.shape == (2, SIZE, SIZE, 3) and (targets["mask"][0].numpy() == 3).all()


def test_images_and_masks_that_do_not_go_together(folder):
    (folder / "masks" / "03.png").unlink()
    with pytest.raises(
        ValueError, match=r"1 images without a mask in .*masks:\n  03\.jpg\nExpected images/ and masks/"
    ):
        open_data(folder)
    (folder / "images" / "03.jpg").unlink()
    (folder / "images" / "04.png").unlink()
    with pytest.raises(ValueError, match=r"1 masks in .* without an image:\n  04"):
        open_data(folder)
    shutil.copy(folder / "images" / "05.jpg", folder / "images" / "04.jpg")
    shutil.copy(folder / "images" / "05.jpg", folder / "images" / "05.jpeg")
    with pytest.raises(ValueError, match=r"1 images that share their name with another:\n  05"):
        open_data(folder)


def test_a_part_without_masks_is_named(tmp_path):
    write(tmp_path / "train" / "images", tmp_path / "train" / "masks")
    (tmp_path / "test" / "images").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"no folder .*test.masks\. Expected images/ and masks/"):
        open_source(tmp_path)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_numbers_of_few_bits_are_read(bits):
    values = np.random.default_rng(0).integers(0, min(2**bits, 255), (5, 8)).astype(np.uint8)
    image = Image.fromarray(values)
    image.putpalette(bytes(range(256)) * 3)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", bits=bits)
    contents = buffer.getvalue()
    assert contents[24] == bits and np.array_equal(decode_mask(tf.constant(contents)).numpy(), values)
    assert np.array_equal(decode_mask(tf.constant(single_numbers(contents))).numpy(), values)


# Mixes, and images that are made here


def test_mixes_refuse_masks():
    split = Split(np.zeros((4, 8, 8, 3), np.uint8), {"mask": np.zeros((4, 8, 8), np.uint8)})
    with pytest.raises(ValueError, match=r"one class each, and these have mask\. Leave out mixup\."):
        batches(split, AS_IT_IS, 2, augment=("flip", "mixup"), classes=4)


def test_a_task_makes_its_targets_of_the_sample():
    split = Split(np.zeros((4, 8, 8, 3), np.uint8), {"mask": np.ones((4, 8, 8), np.uint8)})

    def encode(sample):
        return {"covered": tf.reduce_mean(tf.cast(sample["mask"], tf.float32)) + sample["image"][0, 0, 0]}

    ((_, targets),) = batches(split, AS_IT_IS, 4, encode=encode)
    assert list(targets) == ["covered"] and targets["covered"].numpy().tolist() == [1, 1, 1, 1]


def test_shapes_with_masks():
    data = open_data("shape_masks")
    assert data.labels == ("background", "disc", "ring", "square", "triangle")
    assert 1150 < len(data.train) < 1250 and len(data.train) + len(data.validation) == 1600
    masks = data.train.annotations["mask"]
    assert data.train.images.shape[1:] == (64, 64, 3) and masks.shape[1:] == (64, 64)
    counts = np.bincount(masks.ravel(), minlength=5) / masks.size
    assert len(counts) == 5 and counts[1:].min() > 0.03 and counts[0] > 0.4
    assert np.mean([len(np.unique(mask)) for mask in masks]) > 2.5
    assert data.fingerprint == open_data("shape_masks").fingerprint
