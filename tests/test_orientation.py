"""Photos are seen the way up that their EXIF data says, as Pillow shows them: whole and in part, in every container."""

import io
import os
import shutil
from typing import Literal

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps
from test_data import collected

from kerascnn.data import open_data
from kerascnn.data.checks import image_problem
from kerascnn.data.headers import orientation, pixels
from kerascnn.data.images import decode, part_of, shape_of
from kerascnn.data.pipeline import batches, load_image
from kerascnn.spec import Preprocess

SEEN = Preprocess(size=16, crop=0.8)
SHAPE = (37, 54, 3)


def exif(turned: int, order: Literal["little", "big"] = "little", before: int = 1) -> bytes:
    """EXIF data with an orientation, after so many other entries."""
    short = {"little": b"II*\0", "big": b"MM\0*"}[order]
    entries = [(0x0100 + place, 7) for place in range(before)] + [(0x0112, turned)]
    table = b"".join(
        tag.to_bytes(2, order) + (3).to_bytes(2, order) + (1).to_bytes(4, order) + value.to_bytes(2, order) + bytes(2)
        for tag, value in entries
    )
    return b"Exif\0\0" + short + (8).to_bytes(4, order) + len(entries).to_bytes(2, order) + table + bytes(4)


def photo(form: str = "JPEG", **how) -> bytes:
    """Smooth stripes, different along both axes and in every corner."""
    down, across = np.meshgrid(np.linspace(0, 1, SHAPE[0]), np.linspace(0, 1, SHAPE[1]), indexing="ij")
    pixels = np.stack([255 * down, 255 * across, 255 * down * across], -1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **how)
    return buffer.getvalue()


def as_pillow_shows(contents: bytes) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(contents))).convert("RGB"))


FORMS = [("JPEG", {"quality": 95}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {"lossless": True})]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize(("form", "how"), FORMS, ids=lambda value: str(value))
def test_a_photo_is_the_way_up_that_pillow_shows(form, how, turned, order):
    contents = photo(form, exif=exif(turned, order), **how)
    expected = as_pillow_shows(contents)
    found = decode(contents).numpy()
    assert found.shape == expected.shape and (turned < 5) == (found.shape == SHAPE)
    np.testing.assert_allclose(found.astype(int), expected, atol=4 if form == "JPEG" else 0)
    assert shape_of(tf.constant(contents)) == expected.shape[:2]


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("box", [(0, 0, 37, 37), (3, 5, 20, 11), (16, 9, 21, 28)])
def test_a_part_is_that_of_the_whole(turned, box):
    top, left, tall, wide = box

    def cut(shape):
        return tf.where(tf.reduce_all(shape == whole.shape[:2]), box, (0, 0, 1, 1))

    for form, how in FORMS:
        contents = tf.constant(photo(form, exif=exif(turned), **how))
        whole = decode(contents)
        in_graph = tf.function(lambda contents: part_of(contents, cut))
        for found, shown in (part_of(contents, cut), in_graph(contents)):
            assert np.array_equal(found, whole[top : top + tall, left : left + wide])
            assert shown.numpy().tolist() == [*box]


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("box", [(0, 0, 37, 37), (3, 5, 20, 11), (16, 9, 21, 28)])
def test_a_part_that_is_decoded_smaller_says_where_it_is(turned, box):
    """Stripes that go evenly up: the mean of the part is that of the box in the whole, as it is shown."""
    contents = tf.constant(photo(exif=exif(turned), quality=95))
    found, shown = part_of(contents, lambda shape: tf.constant(box), least=5)
    times = 4 if min(box[2:]) >= 20 else 2
    top, left, tall, wide = shown.numpy()
    assert found.shape[:2] == (tall // times, wide // times) and min(found.shape[:2]) >= 5
    assert (np.abs(shown.numpy() - box) < 2 * times).all()
    whole = decode(contents).numpy()[top : top + tall, left : left + wide].astype(float)
    small = whole.reshape(tall // times, times, wide // times, times, 3).mean((1, 3))
    assert np.abs(found.numpy() - small).max() < 6


@pytest.mark.parametrize(
    "spoiled",
    [
        photo(),
        photo(exif=exif(9)),
        photo(exif=exif(0)),
        photo(exif=exif(6)[:20]),
        photo(exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
        photo("BMP"),
        photo("GIF"),
        b"",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe1\xff\xffExif\0\0MM\0*",
    ],
)
def test_what_says_nothing_of_it_stays_as_it_is(spoiled):
    assert orientation(spoiled) == 1


def test_exif_is_found_behind_other_segments():
    """Cameras put a thumbnail before it, editors a colour profile of many segments; filling may stand between."""
    plain = photo(exif=exif(6))
    behind = plain[:2] + 3 * (b"\xff\xe2\xff\xff" + bytes(0xFFFD)) + b"\xff\xff" + plain[2:]
    assert orientation(behind) == orientation(plain) == 6
    assert np.array_equal(decode(behind), decode(plain))


@pytest.fixture
def folder(tmp_path):
    """Two classes that a turn by 180 degrees exchanges: red above blue, and blue above red."""
    rng = np.random.default_rng(0)
    for label, first in (("high", 0), ("low", 2)):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 60, (24, 24, 3))
            pixels[:12, :, first] += 180
            pixels[12:, :, 2 - first] += 180
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(tmp_path / "photos" / label / f"{number}.jpg", quality=95)
    return tmp_path / "photos"


def turned_copy(folder, to):
    """The same photos as a camera stores that was held the other way round."""
    shutil.copytree(folder, to)
    for path in to.rglob("*.jpg"):
        Image.open(path).rotate(180).save(path, quality=95, exif=exif(3, "big"))
    return to


def test_training_evaluation_and_prediction_see_the_same(folder, tmp_path):
    plain, turned = open_data(folder), open_data(turned_copy(folder, tmp_path / "turned"))
    for how in ({}, {"augment": ("crop", "flip"), "seed": 3}, {"augment": ("window",), "seed": 3}):
        size = Preprocess(size=16) if how else SEEN
        (one, labels), (other, same) = (collected(batches(data.train, size, 4, **how)) for data in (plain, turned))
        assert np.array_equal(labels, same)
        assert np.abs(one - other).mean() < 0.1 < np.abs(one - other[:, ::-1, ::-1]).mean()
    path = "low/3.jpg"
    one, other = load_image(folder / path, SEEN), load_image(tmp_path / "turned" / path, SEEN)
    assert np.abs(one - other).mean() < 0.1


def test_jpegs_in_records_are_turned_too(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "train.tfrecord")) as writer:
        for number in range(8):
            contents = photo(exif=exif(6 if number % 2 else 1))
            feature = {
                "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[contents])),
                "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 2])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    data = open_data(tmp_path)
    images, labels = collected(batches(data.train, Preprocess(size=16, squash=True), 8))
    turned = load_image_of(photo(exif=exif(6)), tmp_path)
    assert np.array_equal(images[labels == 1][0], turned)
    assert not np.allclose(images[labels == 0][0], turned, atol=0.5)


@pytest.mark.parametrize("turned", [1, 3, 6])
def test_masks_lie_on_photos_as_they_are_shown_and_are_not_turned_again(tmp_path, turned):
    """The lower right quarter of what is shown is of class 1; it goes with its bright blue through every cut."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    back = {1: 0, 3: 180, 6: 90}[turned]  # degrees, anticlockwise, from what is shown to what is stored
    shown = np.zeros((40, 30, 3), np.uint8)
    shown[20:, 15:, 2] = 255
    for name in "ab":
        stored = Image.fromarray(shown).rotate(back, expand=True)
        stored.save(tmp_path / "images" / f"{name}.jpg", quality=95, subsampling=0, exif=exif(turned))
        Image.fromarray(shown[..., 2] // 255).save(tmp_path / "masks" / f"{name}.png", exif=exif(turned))
    (tmp_path / "images" / "notes.txt").touch()
    data = open_data(tmp_path)
    assert data.note == f"2 masks; not images: 1 .txt, such as images{os.sep}notes.txt"
    for augment in ((), ("crop", "flip")):
        for images, targets in batches(data.train, Preprocess(size=20, crop=1.0), 2, augment=augment, seed=4):
            blue = images.numpy()[..., 2] > 0
            assert (blue == targets["mask"].numpy()).mean() > 0.9
    if turned == 6:
        Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "masks" / "a.png")
        with pytest.raises(ValueError, match=r"30 x 40 pixels, as its EXIF data turns it: .*mask 40 x 30"):
            open_data(tmp_path)


def load_image_of(contents, tmp_path):
    (tmp_path / "one.jpg").write_bytes(contents)
    return load_image(tmp_path / "one.jpg", Preprocess(size=16, squash=True))


# Films and alpha


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("film", [True, False])
def test_webp_with_alpha_and_films_are_read_as_pillow_reads_them(mode, lossless, film):
    rng = np.random.default_rng(1)
    pictures = [Image.fromarray(rng.integers(0, 256, (20, 30, len(mode)), np.uint8)) for _ in range(3)]
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": pictures[1:]} if film else {}
    pictures[0].save(buffer, "WEBP", lossless=lossless, exact=True, **more)
    contents = buffer.getvalue()
    assert image_problem(contents) is None
    expected = np.asarray(Image.open(io.BytesIO(contents)).convert("RGB"))
    np.testing.assert_allclose(decode(contents).numpy().astype(int), expected, atol=0 if lossless else 2)


def test_a_film_whose_first_picture_does_not_fill_it_is_named():
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    contents = bytearray(buffer.getvalue())
    contents[contents.index(b"ANMF") + 8] = 2  # two pixels further to the right
    assert "first picture of this WebP film" in str(image_problem(bytes(contents)))


# -- how many pixels -------------------------------------------------------------------------------------------------

KINDS = [*FORMS, ("GIF", {}), ("BMP", {}), ("WEBP", {}), ("WEBP", {"exif": exif(6)}), ("PNG", {"exif": exif(6)})]


@pytest.mark.parametrize(("form", "how"), KINDS, ids=lambda value: str(value)[:20])
def test_the_size_of_a_file_is_known_before_it_is_decoded(form, how, monkeypatch):
    contents = photo(form, **how)
    assert pixels(contents) == Image.open(io.BytesIO(contents)).size == (54, 37)
    assert image_problem(contents) is None
    monkeypatch.setenv("KERASCNN_MAX_PIXELS", str(54 * 37 - 1))
    assert "It has 54 x 37 pixels, and would fill memory: up to 1,997 are read" in str(image_problem(contents))


def test_a_film_has_the_pixels_of_all_its_pictures():
    film = [Image.fromarray(np.random.default_rng(i).integers(0, 256, (20, 30), np.uint8)) for i in range(3)]
    buffer = io.BytesIO()
    film[0].save(buffer, "GIF", save_all=True, append_images=film[1:])
    assert pixels(buffer.getvalue()) == (30, 60) and pixels(b"no image") == (0, 0)


def test_the_limit_of_pixels_is_a_number(monkeypatch):
    monkeypatch.setenv("KERASCNN_MAX_PIXELS", "many")
    with pytest.raises(ValueError, match=r"KERASCNN_MAX_PIXELS is 'many'; it is the pixels .*178,956,970"):
        image_problem(photo())
