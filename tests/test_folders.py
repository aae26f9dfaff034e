"""Folders as people have them: what is read, what is counted, and which layouts are understood or refused."""

import os

import keras
import numpy as np
import pytest
from PIL import Image

from kerascnn.card import Card
from kerascnn.data import open_data, open_source
from kerascnn.data.splitting import in_order
from kerascnn.spec import Preprocess
from kerascnn.workflows.compress import as_labelled
from kerascnn.workflows.evaluate import evaluate


def picture(shade=0):
    return Image.fromarray(np.full((8, 8, 3), shade, np.uint8))


def write(root, *names, form="PNG"):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture(len(name)).save(root / name, form)
    return root


@pytest.fixture
def photos(tmp_path):
    return write(tmp_path / "photos", *(f"{label}/{number}.png" for label in ("cat", "dog") for number in range(4)))


def names(source):
    return {str(path).split("photos" + os.sep, 1)[-1] for path in source.whole().images}


def test_images_by_other_endings_without_one_and_in_folders_of_a_class_are_read(photos):
    write(photos, "cat/a.jfif", "cat/b.JPE", "cat/2019/summer/c.jpg", "cat/plain", "dog/d.e", form="JPEG")
    write(photos, "dog/gif", form="GIF")
    write(photos, "dog/bmp", form="BMP")
    write(photos, "dog/webp", form="WEBP")
    (photos / "dog" / "README").write_text("BM of dogs, no image")
    (photos / "cat" / "2019" / "back").symlink_to(photos / "cat", target_is_directory=True)
    found = open_source(photos)
    assert found.labels == ("cat", "dog") and len(found.whole()) == 15
    more = {"cat/a.jfif", "cat/b.JPE", "cat/2019/summer/c.jpg", "cat/plain", "dog/gif", "dog/bmp", "dog/webp"}
    assert more < names(found)
    labels = dict(zip(found.whole().images, found.whole().annotations["label"], strict=True))
    assert labels[str(photos / "cat/2019/summer/c.jpg")] == 0 and labels[str(photos / "dog/webp")] == 1
    assert found.note == f"not images: 1 without ending, 1 .e, such as dog{os.sep}README"


def test_what_is_no_image_is_counted_by_its_ending(photos):
    for name in ("a.cr2", "b.CR2", "c.nef", "d.dng", "e.svg", "f.txt"):
        (photos / "cat" / name).write_bytes(b"II*\0")
    found = open_source(photos)
    assert found.note.startswith("not images: 2 .cr2, ") and "1 .svg" in found.note and len(found.whole()) == 8
    for name in ("x.ppm", "x.jxl", "x.tiff", "x.heic"):
        (photos / "dog" / name).write_bytes(b"P6 1 1 255 abc")
    with pytest.raises(ValueError, match="4 image files") as caught:
        open_source(photos)
    assert all(f"x.{ending}" in str(caught.value) for ending in ("ppm", "jxl", "tiff", "heic"))


def test_what_systems_leave_is_neither_class_nor_image(photos):
    write(photos, "@eaDir/SYNO.jpg", "cat/@eaDir/0.png", "lost+found/x.png", ".thumbnails/y.png", "__MACOSX/z.png")
    (photos / "cat" / "Thumbs.db").touch()
    (photos / "dog" / "desktop.ini").touch()
    found = open_source(photos)
    assert found.labels == ("cat", "dog") and len(found.whole()) == 8 and found.note == ""


def parts(root, *names):
    for part in names:
        write(root, *(f"{part}/{label}/{number}.png" for label in ("cat", "dog") for number in range(2)))
    return root


@pytest.mark.parametrize("name", ["valid", "VAL", "Validation", "dev"])
def test_a_validation_part_steers_by_whatever_name_it_goes(tmp_path, name):
    data = open_data(parts(tmp_path, "Train", name, "TEST"))
    for part, folder in ((data.train, "Train"), (data.validation, name), (data.test, "TEST")):
        assert part is not None and len(part) == 4
        assert all(f"{os.sep}{folder}{os.sep}" in path for path in part.images)


def test_folders_beside_the_parts_are_named(tmp_path):
    found = open_data(parts(tmp_path, "train", "val", "holdout"))
    assert found.note == f"not used: holdout{os.sep}" and found.found == "4 train, 4 validation images"


@pytest.mark.parametrize("names", [("train", "test"), ("train", "valid", "test"), ("Train_images", "test-images")])
def test_parts_without_classes_are_no_classes(tmp_path, names):
    write(tmp_path, *(f"{name}/{number}.png" for name in names for number in range(3)))
    with pytest.raises(ValueError, match="look like parts of a data set, but hold no folders of classes"):
        open_data(tmp_path)


def test_parts_by_names_that_are_nearly_known_are_no_classes(tmp_path):
    parts(tmp_path, "trainset", "test_images")
    with pytest.raises(ValueError, match="but are not called train, validation and test"):
        open_data(tmp_path)


def test_parts_within_classes_are_refused(tmp_path):
    write(tmp_path, *(f"{label}/{part}/0.png" for label in ("cat", "dog") for part in ("train", "test")))
    with pytest.raises(ValueError, match=r"cat holds test and train: parts within a class.*as .*test.cat"):
        open_data(tmp_path)


# One order of classes


def test_numbers_in_names_count_by_their_value():
    assert in_order(["10", "2", "1", "01"]) == ("01", "1", "2", "10")
    assert in_order({"class10", "class2", "a2b10", "a2b9", "Zebra", "ant", "7up"}) == (
        *("7up", "Zebra", "a2b9", "a2b10", "ant"),
        *("class2", "class10"),
    )


def test_folders_and_tables_order_classes_alike(tmp_path):
    labels = ("1", "2", "10", "100")
    write(tmp_path, *(f"{label}/{number}.png" for label in labels for number in range(2)))
    rows = [f"{label}/{number}.png,{label}" for label in reversed(labels) for number in range(2)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    assert open_data(tmp_path).labels == open_data(tmp_path / "labels.csv").labels == labels


# A folder to measure


@pytest.fixture
def model(tmp_path):
    """It knows its class by the shade alone, and its card has the classes in an order of their own."""
    image = keras.Input((8, 8, 3))
    shade = keras.layers.GlobalAveragePooling2D()(image)
    scores = keras.layers.Dense(3, name="scores")
    network = keras.Model(image, keras.layers.Softmax()(scores(shade)))
    shades = np.array([0.1, 0.5, 0.9])  # of dark, grey and light, in which order the card has them: a line for each
    scores.set_weights([np.tile(200 * shades / 3, (3, 1)), -100 * shades**2])
    network.save(tmp_path / "shades.keras")
    how = Preprocess(size=8, crop=1.0, mean=(0.0,) * 3, std=(1.0,) * 3)
    Card(model="shades", labels=("10", "2", "1"), preprocess=how).write(tmp_path / "shades.keras")
    return tmp_path / "shades.keras"


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("classes", [("10", "2", "1"), ("10", "1"), ("2",)])
def test_all_of_a_test_folder_is_measured_whatever_its_order(model, tmp_path, count, classes):
    for label in classes:
        for number in range(count):
            (tmp_path / "test" / label).mkdir(parents=True, exist_ok=True)
            shade = {"10": 25, "2": 128, "1": 230}[label] + number
            picture(shade).save(tmp_path / "test" / label / f"{number}.png")
    (tmp_path / "test" / classes[0] / "notes.txt").touch()
    measured = evaluate(model, tmp_path / "test")
    assert f"not images: 1 .txt, such as {classes[0]}{os.sep}notes.txt" in measured.text().splitlines()
    assert measured.evaluation.samples == count * len(classes) and measured.evaluation.headline == 1
    support = {row["label"]: row["support"] for row in measured.evaluation.as_dict()["classes"]}
    assert support == {label: count * (label in classes) for label in ("10", "2", "1")}


def test_data_is_given_a_models_classes_by_name(tmp_path):
    from kerascnn.tasks import Classification

    data = open_data(write(tmp_path, *(f"{label}/{number}.png" for label in "ab" for number in range(4))))
    found = as_labelled(data, Classification(labels=("b", "a")))
    assert found.labels == ("b", "a")
    assert np.array_equal(found.train.annotations["label"], 1 - data.train.annotations["label"])
    with pytest.raises(ValueError, match="knows the classes c, of which the data has no images; it has a, b"):
        as_labelled(data, Classification(labels=("b", "a", "c")))
