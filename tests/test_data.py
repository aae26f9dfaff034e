"""The data room: what is opened, what is refused, and that the same seed always means the same batches."""

import io
import shutil
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerascnn.data import Data, Split, checks, open_data, open_source
from kerascnn.data.dataset import InFiles
from kerascnn.data.images import centred, decode, part_of, resized, shape_of, stretched, within
from kerascnn.data.pipeline import BY_BOXES, batches, load_image
from kerascnn.data.splitting import draw, split_by_name
from kerascnn.data.transforms.registry import AUGMENTATIONS, Augmentation, parse
from kerascnn.files import read_arrays
from kerascnn.spec import INTERPOLATIONS, Preprocess

PHOTO = Preprocess(size=16, crop=0.8)
GREY = Preprocess(size=16, crop=1.0, mean=(0.5,), std=(0.5,))
FORMATS = (  # suffix, Pillow's format, mode
    ("jpg", "JPEG", "RGB"),
    ("JPEG", "JPEG", "L"),
    ("jpg", "JPEG", "CMYK"),
    ("png", "PNG", "RGBA"),
    ("png", "PNG", "P"),
    ("png", "PNG", "L"),
    ("bmp", "BMP", "RGB"),
    ("gif", "GIF", "RGB"),
)


def photo(rng: np.random.Generator, red: bool) -> Image.Image:
    """A noisy photo of any size and proportion, reddish or bluish."""
    pixels = rng.integers(0, 100, (*rng.integers(20, 60, 2), 3))
    pixels[..., 0 if red else 2] += 120
    return Image.fromarray(pixels.astype(np.uint8))


def write_photos(root, count=8, classes=("blue", "red")):
    """``count`` photos of every class, in every format and mode in turn."""
    rng = np.random.default_rng(7)
    for label in classes:
        (root / label).mkdir(parents=True)
        for i in range(count):
            suffix, form, mode = FORMATS[i % len(FORMATS)]
            photo(rng, label == "red").convert(mode).save(root / label / f"{i:02}.{suffix}", form)
    return root


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture
def photos(written, tmp_path):
    """Photos that a test may spoil."""
    return shutil.copytree(written, tmp_path / "photos")


@pytest.fixture(scope="module")
def digits():
    return open_data("digits")


def collected(dataset) -> tuple[np.ndarray, np.ndarray]:
    """All images and labels of a data set."""
    parts = [(images.numpy(), targets["label"].numpy()) for images, targets in dataset]
    return np.concatenate([images for images, _ in parts]), np.concatenate([targets for _, targets in parts])


# What is opened


def test_digits_are_whole_and_split_at_random(digits):
    assert digits.train.images.shape[1:] == (8, 8, 1) and digits.train.images.dtype == np.uint8
    assert digits.train.images.max() == 255 and digits.train.images.min() == 0
    assert digits.labels == tuple("0123456789") and digits.channels == 1
    parts = [np.bincount(split.annotations["label"]) for split in (digits.train, digits.validation)]
    shares = parts[1] / sum(parts)
    assert len(digits.validation) / 1797 == pytest.approx(0.25, abs=0.02) and np.allclose(shares, 0.25, atol=0.1)
    assert digits.found == "1,797 images, split by a hash of their names (seed 0)"
    both = np.concatenate([digits.train.images, digits.validation.images]).reshape(1797, -1)
    assert len(np.unique(both, axis=0)) == 1797  # all different, so no image is in both parts


def test_shapes_are_the_same_everywhere_and_their_classes_differ():
    data = open_data("shapes")
    assert (len(data.train) + len(data.validation), len(data.labels)) == (2400, 12)
    assert data.train.images.shape[1:] == (32, 32, 3) and data.train.images.dtype == np.uint8
    assert data.fingerprint == open_data("shapes").fingerprint
    everywhere = np.array([[image.mean(), image.std()] for image in data.train.images])
    means = np.array([everywhere[data.train.annotations["label"] == target].mean(axis=0) for target in range(12)])
    assert (means.std(axis=0) < 0.25 * everywhere.std(axis=0)).all(), "colours must not tell a class"


def test_split_follows_seed_and_fraction(digits):
    again, other = open_data("digits"), open_data("digits", seed=1)
    assert np.array_equal(digits.validation.images, again.validation.images)
    assert not np.array_equal(digits.validation.images, other.validation.images)
    assert digits.fingerprint == again.fingerprint != other.fingerprint
    assert len(open_data("digits", validation=0.1).validation) == pytest.approx(180, abs=25)


def test_fingerprint_sees_one_pixel_and_one_label(digits):
    images, targets = digits.train.images.copy(), digits.train.annotations["label"].copy()
    images[5, 3, 3] ^= 1
    targets[5] = (targets[5] + 1) % 10
    for train in (Split(images, digits.train.annotations), Split(digits.train.images, {"label": targets})):
        changed = Data(train=train, validation=digits.validation, labels=digits.labels, channels=1)
        assert changed.fingerprint != digits.fingerprint


def test_folder_of_photos(photos):
    (photos / "red" / "notes.txt").write_text("not an image")
    (photos / "red" / "._00.jpg").write_text("left by a system")
    (photos / ".cache").mkdir()
    data = open_data(photos)
    assert data.labels == ("blue", "red") and data.channels == 3 and data.skipped == ()
    assert np.bincount(open_source(photos).whole().annotations["label"]).tolist() == [8, 8]
    for split in (data.train, data.validation):
        labels = split.annotations["label"]
        assert np.bincount(labels).min() > 0
        assert all(("red" in path) == bool(label) for path, label in zip(split.images, labels, strict=True))
    assert not set(data.train.images) & set(data.validation.images)


def test_fingerprint_of_a_folder_is_its_content(photos, tmp_path):
    before = open_data(photos).fingerprint
    moved = photos.rename(tmp_path / "moved")
    assert open_data(moved).fingerprint == before
    (moved / "red" / "00.jpg").unlink()
    assert open_data(moved).fingerprint != before


def test_fingerprint_sees_other_content_of_equal_size_and_not_when_it_was_written(photos, tmp_path):
    before = open_data(photos).fingerprint
    copied = shutil.copytree(photos, tmp_path / "copied", copy_function=shutil.copyfile)  # with times of its own
    assert open_data(copied).fingerprint == before
    file = copied / "red" / "00.jpg"
    contents = bytearray(file.read_bytes())
    contents[len(contents) // 2] ^= 1
    file.write_bytes(contents)
    assert file.stat().st_size == (photos / "red" / "00.jpg").stat().st_size
    assert open_data(copied).fingerprint != before
    assert open_data(photos).fingerprint == before and open_data(photos).train.changed() == []


def test_class_numbers_that_are_no_places_among_the_labels():
    images = np.zeros((2, 4, 4, 3), np.uint8)

    def data(labels, name="label"):
        split = Split(images, {name: np.array(labels)})
        return Data(train=split, validation=split, labels=("a", "b"), channels=3)

    assert len(data([0, 1]).train) == len(data([[[0, 255]], [[1, 1]]], "mask").train) == 2
    for labels, message in (
        ([0, 2], "label of train images goes from 0 to 2; expected integers from 0 to 1"),
        ([0, 255], "goes from 0 to 255"),
        ([-1, 1], "goes from -1 to 1"),
        ([0, 2**40], "goes from 0 to 1099511627776"),
        ([0.0, 0.5], "is of float64"),
        ([False, True], "is of bool"),
        (["a", "b"], "is of <U1"),
    ):
        with pytest.raises(ValueError, match=message):
            data(labels)
    with pytest.raises(ValueError, match="mask of train images goes from 0 to 7"):
        data([[[0, 7]], [[1, 1]]], "mask")


@pytest.mark.parametrize("mix", ["mixup:0.4", "mixup_cutmix:0.4:1.0"])
def test_parts_of_a_batch_are_cut_after_the_whole_is_mixed(digits, mix):
    """By one worker, and by three that get unequal shares of every part."""
    split = digits.train.take(np.arange(45))
    how = dict(augment=(mix,), classes=10, seed=2, epoch=1, places=range(45, 45 + 40), shuffle=True)
    whole, cut = (
        [
            (x.numpy(), y["label"].numpy())
            for x, y in batches(split, Preprocess(size=8, mean=(0.0,), std=(1.0,)), 20, parts=parts, **how)
        ]
        for parts in (1, 2)
    )
    assert [len(images) for images, _ in cut] == [10] * 4
    for (images, weights), first, second in zip(whole, cut[::2], cut[1::2], strict=True):
        assert np.array_equal(images, np.concatenate([first[0], second[0]]))
        assert np.array_equal(weights, np.concatenate([first[1], second[1]]))
    shares = [
        [
            x.numpy()
            for x, _ in batches(
                split, Preprocess(size=8, mean=(0.0,), std=(1.0,)), 20, parts=2, shard=(index, 3), **how
            )
        ]
        for index in range(3)
    ]
    for joined, *own in zip(cut, *shares, strict=True):
        assert np.array_equal(joined[0], np.concatenate(own)) and {*map(len, own)} == {3, 4}


@pytest.mark.parametrize(
    "names",
    [
        ("train", "validation", "test"),
        ("Training", "VAL", "Testing"),
        ("train", "valid", "test"),
        ("TRAIN", "dev", "Test"),
    ],
)
def test_a_folder_that_has_all_parts_uses_all(tmp_path, names):
    for part, count in zip(names, (3, 2, 1), strict=True):
        write_photos(tmp_path / part, count)
    data = open_data(tmp_path)
    for part, split, count in zip(names, (data.train, data.validation, data.test), (6, 4, 2), strict=True):
        assert len(split) == count and all(f"/{part}/" in path for path in split.images)
    assert data.found == "6 train, 4 validation, 2 test images"
    write_photos(tmp_path / "dev" if "dev" not in names else tmp_path / "val", 1)
    with pytest.raises(ValueError, match="two names for the validation part"):
        open_data(tmp_path)


def test_validation_is_split_off_train_and_test_is_kept(tmp_path):
    write_photos(tmp_path / "train", 8)
    write_photos(tmp_path / "test", 1)
    data = open_data(tmp_path)
    assert len(data.train) + len(data.validation) == 16 and data.test is not None
    assert all("/train/" in path for path in (*data.train.images, *data.validation.images))
    assert all("/test/" in path for path in data.test.images)
    assert data.found == "16 train, 2 test images, train split by a hash of their names (seed 0)"
    assert {role: len(part) for role, part in open_source(tmp_path).parts.items()} == {"train": 16, "test": 2}
    shutil.rmtree(tmp_path / "train")
    write_photos(tmp_path / "val", 1)
    with pytest.raises(ValueError, match="has the parts validation and test, and none to train on"):
        open_data(tmp_path)


def test_classes_that_are_called_as_parts_are(tmp_path):
    """A part has folders in it and a class has images: of vehicles, train is one."""
    write_photos(tmp_path, 4, ("bus", "train"))
    assert open_data(tmp_path).labels == ("bus", "train")


def test_a_source_that_is_measured_is_taken_as_it_is(photos):
    """Nothing is split off, and a class may have no image."""
    shutil.rmtree(photos / "red")
    (photos / "red").mkdir()
    source = open_source(photos)
    assert source.labels == ("blue", "red") and source.found == "8 images" and [*source.parts] == ["all"]
    assert len(source.whole()) == 8


def test_images_that_are_added_change_no_part(tmp_path, photos):
    """The split hangs on names: an image stays where it was, in another place and among others."""

    def parts(root):
        data = open_data(root)
        return [{path.removeprefix(str(root)) for path in part.images} for part in (data.train, data.validation)]

    before = parts(photos)
    moved = photos.rename(tmp_path / "moved")
    for number in range(20):
        shutil.copy(moved / "red" / "00.jpg", moved / "red" / f"_more{number}.jpg")  # before the others in any order
    after = parts(moved)
    assert before[0] <= after[0] and before[1] <= after[1] and sum(map(len, after)) == 36


def test_only_a_class_without_images_in_a_part_is_mended():
    count = 400
    split = Split(np.zeros((count, 1, 1, 1), np.uint8), {"label": np.repeat(np.arange(200, dtype=np.int32), 2)})
    draws = np.array([draw(key, 3) for key in split.store.keys(split.images)]).reshape(200, 2)
    parts = split_by_name(replace(split, images=np.arange(count).reshape(count, 1, 1, 1)), 0.25, 3, ("any",) * 200)
    chosen = np.isin(np.arange(count), parts[1].images).reshape(200, 2)
    assert (chosen.sum(axis=1) == 1).all()  # each class has one of two in either part
    drawn = draws < 0.25
    right = drawn.sum(axis=1) == 1
    assert 40 < right.sum() < 110 and np.array_equal(chosen[right], drawn[right])
    assert np.array_equal(chosen[~right].argmax(axis=1), draws[~right].argmin(axis=1))  # the nearest is moved


# What is refused


def test_unknown_sources_suggest_near_names(photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    with pytest.raises(FileNotFoundError, match="'digits'"):
        open_data("digit")
    with pytest.raises(FileNotFoundError, match="'photos'"):
        open_data("photo")
    with pytest.raises(FileNotFoundError, match="no folder called"):
        open_data("nowhere/at/all")
    with pytest.raises(FileNotFoundError, match="is a file, not a folder"):
        open_data(photos / "red" / "00.jpg")


def test_settings_are_checked(photos):
    with pytest.raises(ValueError, match=r"on_corrupt is 'skp'.*'skip'"):
        open_data(photos, on_corrupt="skp")
    with pytest.raises(ValueError, match="validation is 25"):
        open_data(photos, validation=25)


def test_images_without_class_folders(photos):
    with pytest.raises(ValueError, match=r"found 8 images lying directly in it.*one sub-folder per class"):
        open_data(photos / "red")
    (photos / "none").mkdir()
    with pytest.raises(ValueError, match="found no sub-folder"):
        open_data(photos / "none")


def test_one_class_an_empty_class_a_single_image(photos):
    shutil.rmtree(photos / "blue")
    with pytest.raises(ValueError, match="only one class, 'red'"):
        open_data(photos)
    (photos / "green").mkdir()
    with pytest.raises(ValueError, match=r"'green'.* has no image that can be read"):
        open_data(photos)
    shutil.copy(photos / "red" / "00.jpg", photos / "green")
    with pytest.raises(ValueError, match="'green' has a single image"):
        open_data(photos)


def test_class_that_is_only_in_test(tmp_path):
    write_photos(tmp_path / "train", 2)
    write_photos(tmp_path / "test", 2, ("blue", "reed"))
    with pytest.raises(ValueError, match=r"'reed'.*is in test but has no image in train.*'red'"):
        open_data(tmp_path)


def spoil(photos):
    """Truncate, empty and replace some files; give their names."""
    jpeg, png = photos / "red" / "00.jpg", photos / "blue" / "03.png"
    jpeg.write_bytes(jpeg.read_bytes()[:-40])
    png.write_bytes(png.read_bytes()[:60])
    (photos / "blue" / "empty.jpg").touch()
    (photos / "red" / "text.png").write_text("no image")
    return {"00.jpg", "03.png", "empty.jpg", "text.png"}


def test_corrupt_files_are_all_named_at_once(photos):
    names = spoil(photos)
    with pytest.raises(ValueError, match="4 image files") as caught:
        open_data(photos)
    assert all(name in str(caught.value) for name in names) and 'on_corrupt="skip"' in str(caught.value)
    assert "{{" not in str(caught.value) and len(str(caught.value).splitlines()) == 6


def test_of_many_corrupt_files_the_first_twenty_are_named(photos):
    for i in range(33):
        (photos / "red" / f"broken{i}.png").touch()
    with pytest.raises(ValueError, match="33 image files") as caught:
        open_data(photos)
    assert str(caught.value).count("broken") == 20 and "and 13 more" in str(caught.value)


def test_corrupt_files_are_skipped_on_demand(photos):
    names = spoil(photos)
    data = open_data(photos, on_corrupt="skip")
    assert {path.rsplit("/", 1)[-1] for path in data.skipped} == names
    assert not set(data.skipped) & {*data.train.images, *data.validation.images}
    assert len(data.train) + len(data.validation) == 14
    collected(batches(data.train, PHOTO, 4))


def test_sound_files_are_decoded_once_only(photos, monkeypatch):
    first = open_data(photos)
    decoded = []
    monkeypatch.setattr(checks, "file_problem", lambda path: decoded.append(path.name))
    assert open_data(photos).fingerprint == first.fingerprint and decoded == []
    (photos / "red" / "new.jpg").write_bytes((photos / "red" / "00.jpg").read_bytes())
    open_data(photos)
    assert decoded == ["new.jpg"]


def test_a_file_that_was_sound_is_looked_at_again_when_it_was_written_again(photos):
    open_data(photos)
    (photos / "red" / "00.jpg").write_bytes(b"no photo any more")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"00\.jpg"):
            open_data(photos)


def test_what_is_remembered_of_files_may_be_lost_or_damaged(photos, monkeypatch, tmp_path):
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "home"))
    fingerprint = open_data(photos).fingerprint
    (kept,) = (tmp_path / "home" / "checked").iterdir()
    arrays = [
        np.arange(5, dtype=np.uint64),
        np.array(["no", "numbers"]),
        np.zeros((16, 3)),
        np.zeros((1, 2), np.uint64),
    ]
    for damage in (
        lambda: kept.write_bytes(kept.read_bytes()[:-3]),
        lambda: kept.write_bytes(b""),
        kept.unlink,
        *(lambda array=array: np.savez(kept, kept=array) for array in arrays),
        lambda: np.savez(kept, other=arrays[0]),
    ):
        damage()
        assert open_data(photos).fingerprint == fingerprint
        assert len(read_arrays(kept)["kept"]) == 16


def test_tables_of_one_folder_do_not_forget_each_others_files(photos, monkeypatch):
    for name, labels in (("some", ("00", "02", "04")), ("more", ("00", "02", "06"))):
        rows = [f"{path.relative_to(photos)},{path.parent.name}" for path in photos.glob("*/*") if path.stem in labels]
        (photos / f"{name}.csv").write_text("\n".join(["path,label", *rows]))
    open_data(photos / "some.csv")
    decoded = []
    known = checks.file_problem
    monkeypatch.setattr(checks, "file_problem", lambda path: decoded.append(path.stem) or known(path))
    for name in ("more", "some", "more"):
        open_data(photos / f"{name}.csv")
    assert decoded == ["06", "06"]


def test_what_two_processes_find_out_at_a_time_is_remembered_together(photos):
    files = [(path,) for path in sorted(photos.glob("*/*"))]
    one, other = checks.Passed(files), checks.Passed(files)
    one.keep({1: (0, 7), 2: (9, 8)})
    other.keep({3: (255, 2**64 - 1), 2: (0, 5)})
    assert checks.Passed(files).known == {1: (0, 7), 3: (255, 2**64 - 1), 2: (0, 5)}


def test_folders_that_were_not_opened_for_longest_are_forgotten(photos, monkeypatch, tmp_path):
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "home"))
    copies = [shutil.copytree(photos, tmp_path / name) for name in "abc"]
    for folder in copies[:2]:
        open_data(folder)
    first, second = sorted((tmp_path / "home" / "checked").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    open_data(copies[0])  # so that the second one is older now
    monkeypatch.setattr(checks, "ROOM", 2.5 * first.stat().st_size)
    open_data(copies[2])
    assert first.exists() and not second.exists() and len([*first.parent.iterdir()]) == 2


def test_class_whose_every_file_is_corrupt(photos):
    for path in (photos / "red").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"'red'.* has no image that can be read"):
        open_data(photos, on_corrupt="skip")


# Geometry and channels


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (9, 9), (200, 31)])
def test_evaluation_sees_what_pillow_sees(shape):
    how = Preprocess(size=16, crop=0.8)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8))
    scaled = [20 * side // min(shape) for side in shape]
    top, left = (round((side - 16) / 2) for side in scaled)
    expected = image.resize(scaled[::-1], Image.Resampling.BILINEAR).crop((left, top, left + 16, top + 16))
    assert np.abs(centred(tf.constant(np.array(image)), how)[0] - np.array(expected)).max() < 1.6  # Pillow rounds twice


def test_images_are_normalised():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    pixels[0] = (255, 0, 51)
    how = Preprocess(size=16, crop=1.0, mean=(0.5, 0.1, 0.2), std=(0.5, 0.2, 0.1))
    images, _ = collected(batches(Split(pixels, {"label": np.zeros(2, np.int32)}), how, 1))
    assert np.allclose(images[0], np.broadcast_to((1.0, -0.5, 0.0), (16, 16, 3)), atol=1e-6)
    assert np.array_equal(images, (np.float32(pixels) / np.float32(255) - np.float32(how.mean)) / np.float32(how.std))


def test_one_file_is_prepared_as_a_batch_is(photos):
    data = open_data(photos)
    for how in (PHOTO, GREY):
        images, _ = collected(batches(data.validation, how, 3))
        assert images.shape[1:] == (16, 16, how.channels) and images.dtype == np.float32
        for image, path in zip(images, data.validation.images, strict=True):
            assert np.array_equal(image, load_image(path, how))


def test_grey_is_luma_and_back(digits):
    colour, _ = collected(
        batches(digits.validation, Preprocess(size=16, crop=1.0, mean=(0.5,) * 3, std=(0.5,) * 3), 100)
    )
    grey, _ = collected(batches(digits.validation, GREY, 100))
    assert colour.shape[1:] == (16, 16, 3) and np.allclose(colour, grey)
    blue = Split(np.full((1, 16, 16, 3), (0, 0, 200), np.uint8), {"label": np.zeros(1, np.int32)})
    assert np.allclose(collected(batches(blue, GREY, 1))[0], (0.114 * 200 / 255 - 0.5) / 0.5, atol=0.01)


def test_load_image_says_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no image file .*cat\.jpg"):
        load_image(tmp_path / "cat.jpg", PHOTO)
    (tmp_path / "cat.jpg").write_text("meow")
    with pytest.raises(ValueError, match=r"cat\.jpg is not a JPEG"):
        load_image(tmp_path / "cat.jpg", PHOTO)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_images_are_resized_as_tensorflow_does_to_the_bit(interpolation):
    rng, how = np.random.default_rng(0), Preprocess(size=8, interpolation=interpolation)
    for number in range(12):
        height, width, *size = np.exp(rng.uniform(0, 5, 4)).astype(int).tolist()
        image = tf.constant(rng.integers(0, 256, (height, width, 1 + 2 * (number % 2)), np.uint8))
        expected = tf.cast(tf.image.resize(image, size, interpolation, antialias=True), tf.float32)
        assert np.array_equal(resized(image, size, how), expected), (height, width, size)


# Order and augmentation


def test_batches_do_not_depend_on_threads(photos, digits):
    plain = {name: line.kind for name, line in AUGMENTATIONS.items() if line.kind not in BY_BOXES}
    first, *deciding = [name for name, kind in plain.items() if kind in ("cut", "fit")]
    others = [name for name in plain if name not in (first, *deciding)]
    few = digits.train.take(np.arange(24))
    files = open_data(photos).train
    boxes = np.tile(np.float32([[0, 0, 5, 5], [1, 2, 8, 7]]), (24, 1, 1))
    boxed = Split(few.images, {"boxes": boxes, "valid": np.ones((24, 2), bool)})
    cases = [
        *((few, GREY, (first, *others)), (files, PHOTO, (first, *others))),
        *((files, PHOTO, (name,)) for name in deciding),
        (boxed, GREY, [name for name in AUGMENTATIONS if name not in plain]),
    ]
    for split, preprocess, augment in cases:
        how = dict(augment=augment, classes=10, seed=3, epoch=2, shuffle=True)
        one, many = (list(batches(split, preprocess, 5, parallel=n, **how)) for n in (1, 8))
        for batch, again in zip(one, many, strict=True):
            tf.nest.map_structure(np.testing.assert_array_equal, batch, again)


def test_augmentation_belongs_to_an_image_not_to_its_place(digits):
    numbered = Split(digits.validation.images, {"label": np.arange(len(digits.validation), dtype=np.int32)})
    how = dict(augment=("affine",), seed=3, epoch=2)
    ordered, _ = collected(batches(numbered, GREY, 64, **how))
    shuffled, order = collected(batches(numbered, GREY, 7, shuffle=True, **how))
    assert not np.array_equal(order, np.arange(len(order))) and np.array_equal(shuffled, ordered[order])


def test_epochs_and_seeds_differ(digits):
    first = dict(augment=("crop", "flip"), seed=0, epoch=0, shuffle=True)
    images, targets = collected(batches(digits.validation, GREY, 64, **first))
    assert sorted(targets) == sorted(digits.validation.annotations["label"])
    for change in ({"epoch": 1}, {"seed": 1}):
        others, classes = collected(batches(digits.validation, GREY, 64, **{**first, **change}))
        assert not np.array_equal(targets, classes)
        assert not np.array_equal(images, others)


def test_last_batch_holds_what_remains(digits):
    assert [len(images) for images, _ in batches(digits.validation, GREY, 200)] == [
        200,
        200,
        len(digits.validation) - 400,
    ]


def test_augmentations_that_cannot_be(digits, monkeypatch):
    with pytest.raises(ValueError, match=r"no augmentation 'flpi'.*'flip'"):
        batches(digits.validation, GREY, 8, augment=("flpi",))
    monkeypatch.setitem(AUGMENTATIONS, "slice", Augmentation("cut", "geometry"))
    with pytest.raises(ValueError, match="Only one augmentation"):
        batches(digits.validation, GREY, 8, augment=("crop", "slice"))


def test_crop_takes_the_shares_it_says():
    height, width = 60, 90
    crop = tf.function(parse("crop"), autograph=False)
    boxes = np.array([crop(tf.constant([height, width]), tf.constant([1, seed], tf.int64)) for seed in range(400)])
    assert (boxes[:, :2] >= 0).all() and (boxes[:, :2] + boxes[:, 2:] <= [height, width]).all()
    area, ratio = boxes[:, 2] * boxes[:, 3] / (height * width), boxes[:, 3] / boxes[:, 2]
    assert 0.07 < area.min() < 0.15 and 0.85 < area.max() <= 1.0
    assert 0.70 < ratio.min() < 0.80 and 1.25 < ratio.max() < 1.43
    assert abs(np.log(ratio).mean()) < 0.05
    middle = (boxes[:, :2] + (boxes[:, 2:] - 1) / 2).mean(0)
    assert np.abs(middle - [(height - 1) / 2, (width - 1) / 2]).max() < 2


def boxes_of(name: str, shape: tuple[int, int], count: int) -> np.ndarray:
    cut = tf.function(parse(name), autograph=False)
    return np.array([cut(tf.constant(shape), tf.constant([1, seed], tf.int64)) for seed in range(count)])


def test_the_least_share_of_a_crop_can_be_set():
    boxes = boxes_of("crop:0.5", (60, 90), 400)
    assert 0.48 < (boxes[:, 2] * boxes[:, 3] / 5400).min() < 0.55


@pytest.mark.parametrize(("name", "least", "most"), [("window", 0.875, 0.875), ("window:0.4375:0.875", 0.4375, 0.875)])
def test_a_window_is_a_square_of_the_short_side_anywhere(name, least, most):
    boxes = boxes_of(name, (256, 300), 600)
    top, left, height, width = boxes.T
    assert (height == width).all() and (top >= 0).all() and (left >= 0).all()
    assert abs(height.min() - 256 * least) < 2 and abs(height.max() - 256 * most) < 2
    assert abs(height.mean() - 256 * (least + most) / 2) < 4
    place = np.stack([top / (256 - height), left / (300 - width)])
    assert (place <= 1).all() and np.abs(place.mean(1) - 0.5).max() < 0.04  # 3 deviations
    assert place.min() == 0 and place.max() == 1


@pytest.mark.parametrize("shape", [(4, 400), (400, 4), (1, 1), (1, 50)])
def test_crop_of_odd_proportions_is_never_empty(shape):
    for seed in range(20):
        *_, height, width = parse("crop")(tf.constant(shape), tf.constant([0, seed], tf.int64)).numpy()
        assert 1 <= height <= shape[0] and 1 <= width <= shape[1]
        assert min(shape) == 1 or 0.7 < width / height < 1.5


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_part_of_a_file_is_that_part_of_the_whole(mode, subsampling):
    rng = np.random.default_rng(subsampling)
    part = tf.function(lambda contents, box: part_of(contents, lambda shape: box))
    for number in range(24):
        height, width = rng.integers(20, 90, 2)
        buffer = io.BytesIO()
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).convert(mode)
        form = dict(format="JPEG", subsampling=subsampling, progressive=bool(number % 2))
        image.save(buffer, **(dict(format="PNG") if number % 8 == 7 and mode != "CMYK" else form))
        top, left = rng.integers(height), rng.integers(width)
        box = top, left, rng.integers(1, height - top + 1), rng.integers(1, width - left + 1)
        whole = decode(buffer.getvalue())[top : top + box[2], left : left + box[3]]
        found, same = part(tf.constant(buffer.getvalue()), tf.constant(box, tf.int32))
        assert np.array_equal(found, whole) and same.numpy().tolist() == [*box]


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_part_that_is_decoded_smaller_is_that_of_the_whole(mode, subsampling):
    """The least of a half, a quarter and an eighth that is large enough; the box it shows is what was asked, nearly."""
    rng = np.random.default_rng(subsampling)
    part = tf.function(lambda contents, box: part_of(contents, lambda shape: box, least=10))
    seen = set()
    for number in range(24):
        height, width = rng.integers(100, 200, 2)
        buffer = io.BytesIO()
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).convert(mode)
        image.save(buffer, "JPEG", subsampling=subsampling, progressive=bool(number % 2))
        box = rng.integers(0, 10, 2).tolist() + rng.integers(1, [height, width] if number % 4 else 40, 2).tolist()
        box = [*box[:2], min(box[2], height - box[0]), min(box[3], width - box[1])]
        times = max(times for times in (1, 2, 4, 8) if times == 1 or min(box[2:]) >= 10 * times)
        found, shown = part(tf.constant(buffer.getvalue()), tf.constant(box, tf.int32))
        assert shown.numpy().tolist() == [side // times * times for side in box]
        top, left, tall, wide = (side // times for side in box)
        whole = tf.io.decode_jpeg(buffer.getvalue(), channels=3, ratio=times)
        assert np.array_equal(found, whole[top : top + tall, left : left + wide]), (times, box)
        seen.add(times)
    assert seen == {1, 2, 4, 8}


@pytest.mark.parametrize("times", [2, 4, 8])
def test_real_photos_decoded_smaller_look_as_those_that_were_resized(times):
    """They differ by one or two shades of 256, about as bilinear from bicubic resizing, and less than if aliased."""
    paths = sorted(files("kerascnn.data").joinpath("photos").glob("*/*.jpg"))[::4]
    how = Preprocess(size=14)
    side, found = int(1.3 * how.size * times), []
    for path in paths:
        contents = tf.constant(path.read_bytes())
        box = tf.constant([0, 0, min(side, shape_of(contents)[0]), min(side, shape_of(contents)[1])])
        small, shown = part_of(contents, lambda shape, box=box: box, least=how.size)
        assert small.shape[0] == shown.numpy()[2] // times
        full = within(decode(contents), shown)
        bicubic = stretched(full, replace(how, interpolation="bicubic"))[0]
        found.append((stretched(full, how)[0], stretched(small, how)[0], bicubic, tf.image.resize(full, (14, 14))))
    full, *others = np.stack(found, 1)
    ours, bicubic, aliased = (np.abs(other - full).mean() for other in others)
    assert ours < 2.5 and ours < 2 * bicubic and ours < aliased * 2 / 3


def test_affine_moves_as_far_as_it_says():
    size = 65
    y, x = np.mgrid[:size, :size].astype(np.float32)
    blob = tf.constant(np.exp(-((y - 32) ** 2 + (x - 48) ** 2) / 18)[..., None], tf.float32)  # 16 right of the middle
    affine = tf.function(parse("affine"), autograph=False)
    places = []
    for seed in range(300):
        image = affine(blob, tf.constant([0, seed], tf.int64))[0].numpy()[..., 0]
        places.append((np.array([(image * y).sum(), (image * x).sum()]) / image.sum()) - [32, 32])
    down, right = np.array(places).T
    assert np.abs([down.mean(), right.mean() - 16]).max() < 0.8
    most = size / 10 + 16 * 1.1 * np.sin(np.radians(10))
    assert 0.7 * most < np.abs(down).max() < most + 0.5
    assert 16 * 1.1 + size / 10 + 0.5 > right.max() > 20 and 16 * 0.9 * np.cos(np.radians(10)) - 7 < right.min() < 12


def test_affine_keeps_what_is_even_even():
    image = tf.fill((9, 12, 1), 200.0)
    for seed in range(10):
        assert np.allclose(parse("affine")(image, tf.constant([0, seed], tf.int64))[0], 200, atol=1e-3)


def test_flip_flips_half_of_the_time():
    image = tf.constant(np.arange(6, dtype=np.float32).reshape(1, 6, 1))
    flipped = [bool(parse("flip")(image, tf.constant([0, seed], tf.int64))[0][0, 0, 0] == 5) for seed in range(200)]
    assert 70 < sum(flipped) < 130


def test_a_cut_is_stretched_over_the_whole_input():
    """The rows and columns of a cut all show: the corners of what the network sees are the corners of the cut."""
    ramp = np.tile(np.arange(200, dtype=np.uint8)[:, None, None], (1, 200, 1))
    split = Split(np.stack([ramp] * 20), {"label": np.zeros(20, np.int32)})
    how = Preprocess(size=16, crop=0.5, mean=(0.0,), std=(1.0,))
    images, _ = collected(batches(split, how, 20, augment=("crop",), seed=1))
    span = (images[:, -1, 0, 0] - images[:, 0, 0, 0]) * 255
    assert span.max() > 150  # evaluation, with crop=0.5, would show 100 rows of 200
    plain, _ = collected(batches(split, how, 20))
    assert np.allclose((plain[:, -1, 0, 0] - plain[:, 0, 0, 0]) * 255, 94, atol=2)


def test_files_in_memory_and_on_disk_are_alike(tmp_path):
    """The same pixels give the same batches whether they lie in an array or in PNG files."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 20, 24, 3), np.uint8)
    paths = []
    for i, image in enumerate(pixels):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        (tmp_path / f"{i}.png").write_bytes(buffer.getvalue())
        paths.append(str(tmp_path / f"{i}.png"))
    targets = np.arange(6, dtype=np.int32)
    how = dict(augment=("crop", "flip"), seed=5, shuffle=True)
    in_memory, on_disk = (
        collected(batches(split, PHOTO, 4, **how))
        for split in (Split(pixels, {"label": targets}), Split(np.array(paths), {"label": targets}, InFiles()))
    )
    assert np.array_equal(in_memory[0], on_disk[0]) and np.array_equal(in_memory[1], on_disk[1])


def test_the_pipelines_of_a_split_share_one_copy_of_its_images(monkeypatch):
    """Each keeps its own until Python's garbage is collected, which knows nothing of how large it is."""
    split = Split(np.zeros((4, 16, 16, 3), np.uint8), {"label": np.arange(4, dtype=np.int32)})
    constant, copied = tf.constant, []
    monkeypatch.setattr(
        tf, "constant", lambda value, *rest, **how: copied.append(value) or constant(value, *rest, **how)
    )
    for epoch in range(3):
        assert len(list(batches(split, PHOTO, 2, shuffle=True, epoch=epoch))) == 2
    assert sum(value is split.images for value in copied) == 1
