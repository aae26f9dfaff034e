"""Every way in: written by others' writers, read to the same bits; what is damaged or wrong is named and counted."""

import csv
import gzip
import io
import os
import re
import struct
import sys
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from test_data import collected
from test_train import RECIPE, tiny, trained, weights

from kerascnn.card import Card
from kerascnn.data import open_data, open_source
from kerascnn.data.checks import image_problem
from kerascnn.data.images import decode, part_of
from kerascnn.data.open import WAYS
from kerascnn.data.pipeline import batches, load_image
from kerascnn.data.sources import index
from kerascnn.data.sources.tfrecord import masked_crc32c, spans
from kerascnn.spec import Preprocess
from kerascnn.training import Epochs
from kerascnn.training.resolve import resolve as resolved

LABELS = ("blue", "red")
PHOTO = Preprocess(size=16, crop=0.8)
TRAIN, VALIDATION, TEST = 16, 6, 4  # images


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """A cache of the house that is a test's own."""
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bluish and then reddish noise, (count, 20, 24, 3) uint8, and class numbers."""
    rng = np.random.default_rng(seed)
    targets = np.repeat([0, 1], count // 2)
    pixels = rng.integers(0, 100, (count, 20, 24, 3))
    pixels[np.arange(count), :, :, np.where(targets, 0, 2)] += 120
    return pixels.astype(np.uint8), targets


PARTS = {"train": pictures(TRAIN, 1), "validation": pictures(VALIDATION, 2), "test": pictures(TEST, 3)}


def encoded(pixels: np.ndarray, form: str = "PNG", **how) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **how)
    return buffer.getvalue()


def example(**features) -> bytes:
    """A record as TensorFlow writes it; names have / for __."""

    def feature(value):
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=np.atleast_1d(value)))

    named = {name.replace("__", "/"): feature(value) for name, value in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString()


def imagenet(image: bytes, label: int, name: str = "") -> bytes:
    """A record in ImageNet's layout."""
    synset = {"image__class__synset": name.encode()} if name else {}
    return example(image__encoded=image, image__class__label=label, **synset)


def write_records(file: Path, records: list[bytes]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in records:
            writer.write(record)
    return file


def write_shards(root: Path, *, first: int = 1, shards: int = 3, names: tuple[str, ...] = LABELS) -> Path:
    """Records of every part in shards, with labels from ``first``."""
    for part, (pixels, targets) in PARTS.items():
        records = [
            imagenet(encoded(image), target + first, names[target] if names else "")
            for image, target in zip(pixels, targets, strict=True)
        ]
        for number, places in enumerate(np.array_split(np.arange(len(records)), shards)):
            write_records(root / f"{part}-{number:05}-of-{shards:05}", [records[place] for place in places])
    return root


def write_files(root: Path) -> Path:
    for part, (pixels, targets) in PARTS.items():
        for place, (image, target) in enumerate(zip(pixels, targets, strict=True)):
            file = root / part / LABELS[target] / f"{place:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encoded(image))
    return root


def write_table(root: Path) -> Path:
    """A table beside the files that it names."""
    write_files(root)
    with open(root / "labels.csv", "w", newline="") as file:
        writer = csv.writer(file)  # ends lines as Windows does
        writer.writerow(["path", "label", "split"])
        for path in sorted(root.rglob("*.png")):
            part, label, _ = path.relative_to(root).parts
            writer.writerow([path.relative_to(root), label, part])
    return root / "labels.csv"


def write_npz(root: Path) -> Path:
    root.mkdir()
    arrays = {f"{kind}_{part}": of for part, pair in PARTS.items() for kind, of in zip("xy", pair, strict=True)}
    np.savez_compressed(root / "arrays.npz", **arrays)
    return root / "arrays.npz"


@cache
def blues_and_reds():
    """A builder of TensorFlow Datasets, known to it by the name blues_and_reds from here on."""
    tfds = pytest.importorskip("tensorflow_datasets")

    class BluesAndReds(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            image = tfds.features.Image(shape=(20, 24, 3), encoding_format="png")
            features = tfds.features.FeaturesDict({"image": image, "label": tfds.features.ClassLabel(names=LABELS)})
            return tfds.core.DatasetInfo(
                builder=self, features=features, supervised_keys=("image", "label"), disable_shuffling=True
            )

        def _split_generators(self, manager):
            return {part: self._generate_examples(*pair) for part, pair in PARTS.items()}

        def _generate_examples(self, pixels, targets):
            for place, (image, target) in enumerate(zip(pixels, targets, strict=True)):
                yield place, {"image": image, "label": int(target)}

    return BluesAndReds


def write_tfds(root: Path) -> Path:
    """What TensorFlow Datasets prepares, in the order that is given."""
    builder = blues_and_reds()(data_dir=root)
    builder.download_and_prepare()
    return Path(builder.data_dir)


WRITERS = {
    "folder": write_files,
    "table": write_table,
    "records": write_shards,
    "arrays": write_npz,
    "records of TFDS": write_tfds,
}


def seen(data) -> list[np.ndarray]:
    """Augmented training batches in a drawn order, and the other images as they are."""
    how = dict(augment=("crop", "flip"), classes=2, seed=5, epoch=1, shuffle=True)
    others = [one for part in (data.validation, data.test) for one in collected(batches(part, PHOTO, 4))]
    return [*collected(batches(data.train, PHOTO, 5, **how)), *others]


# One way in, the same bits


@pytest.mark.parametrize("kind", WRITERS)
def test_the_same_images_give_the_same_batches(kind, tmp_path):
    reference = open_data(tuple(PARTS.values()))
    source = WRITERS[kind](tmp_path / "data")
    data = open_data(source)
    assert data.labels == (("0", "1") if kind == "arrays" else LABELS) and data.channels == 3 and data.skipped == ()
    for ours, expected in zip(seen(data), seen(reference), strict=True):
        assert np.array_equal(ours, expected)
    assert open_data(source).fingerprint == data.fingerprint != reference.fingerprint or kind == "arrays"


@pytest.mark.parametrize("kind", ["records", "table"])
def test_a_training_on_files_is_that_on_arrays(kind, tmp_path):
    recipe = RECIPE.replace(length=Epochs(1), batch=5, augment=("crop",))
    first, history = trained(tmp_path / "a", recipe, open_data(WRITERS[kind](tmp_path / "data")))
    second, again = trained(tmp_path / "b", recipe, open_data(tuple(PARTS.values())))
    assert history[0]["loss"] == again[0]["loss"] and history[0]["val_loss"] == again[0]["val_loss"]
    assert all(np.array_equal(*pair) for pair in zip(weights(first), weights(second), strict=True))


def test_every_way_in_is_taken_by_one_source(tmp_path):
    """No source is known by two ways where the order of the table would have to decide, but folders and patterns."""
    for kind in ("table", "arrays"):
        source = WRITERS[kind](tmp_path / kind)
        assert sum(way.knows(source) for way in WAYS) == 1, kind
    assert sum(way.knows("digits") for way in WAYS) == 1 and sum(way.knows("tfds:mnist") for way in WAYS) == 1
    assert not any(way.knows(tmp_path / "nothing") for way in WAYS)


# TensorFlow Datasets by name


@pytest.fixture
def tfds(tmp_path, monkeypatch):
    """The package, keeping its data in the test's folder."""
    package = pytest.importorskip("tensorflow_datasets")
    write_tfds(tmp_path / "prepared")
    real = package.builder
    monkeypatch.setattr(package, "builder", lambda name: real(name, data_dir=tmp_path / "prepared"))
    return package


def test_tfds_by_name(tfds, tmp_path):
    data, lying = open_data("tfds:blues_and_reds"), open_data(tmp_path / "prepared" / "blues_and_reds" / "1.0.0")
    assert data.labels == LABELS and data.found == "16 train, 6 validation, 4 test images"
    assert data.fingerprint == lying.fingerprint
    assert open_data("tfds:blues_and_reds:1.0.0").fingerprint == data.fingerprint


def test_tfds_refuses_what_it_does_not_know(tfds, monkeypatch):
    with pytest.raises(ValueError, match=r"no 'cifra10': Dataset cifra10 not found.*'cifar10'"):
        open_data("tfds:cifra10")
    with pytest.raises(ValueError, match=r"no 'cifar10:9.9.9': .*only: 3"):
        open_data("tfds:cifar10:9.9.9")
    monkeypatch.setattr(blues_and_reds(), "download_and_prepare", lambda self: (_ for _ in ()).throw(OSError("no net")))
    with pytest.raises(ValueError, match="cannot prepare 'blues_and_reds': no net"):
        open_data("tfds:blues_and_reds")


def test_tfds_without_one_class_for_each_image(tfds, monkeypatch):
    monkeypatch.setattr(blues_and_reds(), "download_and_prepare", lambda self: None)
    builder = tfds.builder("blues_and_reds")
    monkeypatch.setattr(type(builder.info), "supervised_keys", property(lambda self: None))
    with pytest.raises(ValueError, match="no data set of pictures with one class each: its records hold image, label"):
        open_data("tfds:blues_and_reds")


def test_tfds_prepared_in_a_format_without_records(tfds, monkeypatch):
    builder = tfds.builder("blues_and_reds")
    monkeypatch.setattr(type(builder.info), "file_format", property(lambda self: tfds.core.FileFormat.ARRAY_RECORD))
    with pytest.raises(ValueError, match="is in the format array_record; records are read from tfrecord"):
        open_data("tfds:blues_and_reds")


def test_tfds_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"'tensorflow_datasets'.*pip install 'kerascnn\[tfds\]'"):
        open_data("tfds:cifar10")


# Records


def bytes_of(file: Path) -> bytearray:
    return bytearray(file.read_bytes())


def flip(file: Path, byte: int) -> None:
    """Change one bit of a file."""
    contents = bytes_of(file)
    contents[byte] ^= 16
    file.write_bytes(contents)


def test_checksum_of_lengths_is_tensorflows(tmp_path):
    file = write_records(tmp_path / "some.tfrecord", [bytes(length) for length in (0, 1, 255, 256, 70_000)])
    contents = file.read_bytes()
    found = list(spans(file))
    assert [span.length for span in found] == [0, 1, 255, 256, 70_000] and not any(span.problem for span in found)
    for span in found:
        header = contents[span.offset : span.offset + 12]
        assert struct.unpack("<QI", header) == (span.length, masked_crc32c(header[:8]))
        assert span.checksum == masked_crc32c(bytes(span.length))


def test_any_record_is_read_by_its_place(tmp_path):
    """Every third record, from the last to the first: the bytes that TensorFlow reads in line."""
    data = open_data(write_shards(tmp_path / "data"))
    files = tf.data.Dataset.from_tensor_slices(sorted(map(str, tmp_path.glob("data/train-*"))))
    in_line = [
        tf.io.parse_single_example(r, {"image/encoded": tf.io.FixedLenFeature([], tf.string)})
        for r in files.flat_map(tf.data.TFRecordDataset)
    ]
    for place in range(TRAIN - 1, -1, -3):
        assert data.train.store.read(tf.constant(data.train.images[place])).numpy() == in_line[place]["image/encoded"]


def test_batches_of_records_do_not_depend_on_threads(tmp_path):
    split = open_data(write_shards(tmp_path / "data")).train
    how = dict(augment=("crop",), seed=3, epoch=2, shuffle=True)
    passes = [collected(batches(split, PHOTO, 5, parallel=n, **how)) for n in (1, 8)]
    assert all(np.array_equal(*pair) for pair in zip(*passes, strict=True))


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("names", [(), LABELS])
def test_labels_from_0_and_from_1_are_the_same_classes(tmp_path, first, names):
    data = open_data(write_shards(tmp_path / "data", first=first, names=names))
    assert data.labels == (names or (str(first), str(first + 1)))
    assert (
        data.train.annotations["label"].tolist() == PARTS["train"][1].tolist()
        and data.train.annotations["label"].dtype == np.int32
    )
    assert data.note == f"2 labels from {first} to {first + 1}, as classes 0 to 1"


def test_parts_by_folder_by_pattern_and_none(tmp_path):
    root = write_shards(tmp_path / "data")
    for part in ("train", "validation"):  # as the shards for TPUs lie
        (tmp_path / "sorted" / part).mkdir(parents=True)
        for file in root.glob(f"{part}-*"):
            os.link(file, tmp_path / "sorted" / part / file.name)
    assert len(open_data(tmp_path / "sorted").train) == TRAIN
    some = open_data(f"{root}/*-0000[12]-of-00003")
    assert (len(some.train), len(some.validation), len(some.test)) == (10, 4, 2)
    alone = open_data(f"{root}/validation-*")
    assert len(alone.train) + len(alone.validation) == VALIDATION and alone.test is None
    assert len(open_source(f"{root}/validation-*").whole()) == VALIDATION
    (root / "extra-00000-of-00001").write_bytes((root / "train-00000-of-00003").read_bytes())
    with pytest.raises(ValueError, match="extra-00000-of-00001"):
        open_data(root)


def test_a_single_file_is_split(tmp_path):
    pixels, targets = PARTS["train"]
    file = write_records(
        tmp_path / "all.tfrecord", [imagenet(encoded(i), t) for i, t in zip(pixels, targets, strict=True)]
    )
    data, whole = open_data(file), open_source(file).whole()
    assert len(data.train) + len(data.validation) == len(whole) == TRAIN
    assert open_data(tmp_path).fingerprint == data.fingerprint


def test_shards_that_are_missing_are_named(tmp_path):
    root = write_shards(tmp_path / "data")
    (root / "train-00001-of-00003").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 shards of .* are missing:\n  train-00001-of-00003\n"):
        open_data(root)
    with pytest.raises(FileNotFoundError, match="No file matches"):
        open_data(f"{root}/trian-*")


def spoil(root: Path) -> dict[str, str]:
    """Damage records of three shards; what is said of each."""
    second = list(spans(root / "train-00000-of-00003"))[2].offset
    flip(root / "train-00000-of-00003", second + 12 + 40)
    last = list(spans(root / "train-00001-of-00003"))[-1]
    (root / "train-00001-of-00003").write_bytes(bytes_of(root / "train-00001-of-00003")[:-9])
    third = list(spans(root / "train-00002-of-00003"))[3]
    size = (root / "train-00002-of-00003").stat().st_size
    flip(root / "train-00002-of-00003", third.offset + 1)
    return {
        f"{root}/train-00000-of-00003, record 2 at byte {second}": "its checksum does not fit",
        f"{root}/train-00001-of-00003, record 4 at byte {last.offset}": "the file ends within the record",
        f"{root}/train-00002-of-00003, record 3 at byte {third.offset}": f"the {size - third.offset} bytes from there",
    }


def test_damaged_records_are_named_and_counted(tmp_path):
    said = spoil(write_shards(tmp_path / "data"))
    with pytest.raises(ValueError, match=r"^3 records of") as caught:
        open_data(tmp_path / "data")
    for record, problem in said.items():
        assert re.search(f"{re.escape(record)}: .*{problem}", str(caught.value))


def test_damaged_records_are_skipped_on_demand(tmp_path):
    said = spoil(write_shards(tmp_path / "data"))
    data = open_data(tmp_path / "data", on_corrupt="skip")
    assert data.skipped == tuple(said) and len(data.validation) == VALIDATION
    assert len(data.train) == TRAIN - 1 - 1 - 2  # of the last shard's five, two lie behind the damage
    collected(batches(data.train, PHOTO, 4))


def test_records_that_hold_no_image_or_no_class(tmp_path):
    good = [imagenet(encoded(image), 1 + target) for image, target in zip(*PARTS["train"], strict=True)]
    wrong = [
        imagenet(b"GIF89a", 1),
        imagenet(b"", 2),
        imagenet(encoded(PARTS["train"][0][0])[:60], 2),
        imagenet(encoded(PARTS["train"][0][0]), -3),
        example(image__encoded=encoded(PARTS["train"][0][0])),
        example(image__class__label=1),
        example(image__encoded=encoded(PARTS["train"][0][0]), image__class__label=np.array([1, 2])),
        b"no example",
    ]
    write_records(tmp_path / "train-00000-of-00001", good + wrong)
    data = open_data(tmp_path, on_corrupt="skip")
    assert len(data.train) + len(data.validation) == TRAIN and len(data.skipped) == len(wrong)
    with pytest.raises(ValueError, match=r"^8 records") as caught:
        open_data(tmp_path)
    for words in (
        "record 19 .*: the label -3 is below 0",
        "record 20 .*image/class/label",
        "record 21 .*image/encoded",
    ):
        assert re.search(words, str(caught.value))


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([example(image_raw=b"", label=1)], "hold image_raw, label. Expected .*image/encoded and image/class/label"),
        ([], "has no record that can be read"),
        ([imagenet(encoded(PARTS["train"][0][0]), 1)] * 3, "has only one class, '1'"),
        ([imagenet(encoded(PARTS["train"][0][0]), n) for n in (1, 1, 2)], "The class '2' has a single image"),
        (
            [imagenet(encoded(PARTS["train"][0][0]), 1, n) for n in "aab"],
            "label 1 is called 'a' in one record and 'b' in another",
        ),
    ],
)
def test_records_that_make_no_data_set(tmp_path, records, message):
    write_records(tmp_path / "train-00000-of-00001", records)
    with pytest.raises(ValueError, match=message):
        open_data(tmp_path)


def test_classes_of_one_name_and_classes_that_are_not_in_train(tmp_path):
    image = encoded(PARTS["train"][0][0])
    write_records(
        tmp_path / "train-00000-of-00001",
        [imagenet(image, n, name) for n, name in ((1, "crane"), (4, "crane"), (7, "owl"))],
    )
    file = write_records(tmp_path / "validation-00000-of-00001", [imagenet(image, 4, "crane")])
    data = open_data(tmp_path)
    assert data.labels == ("crane (1)", "crane (4)", "owl") and data.validation.annotations["label"].tolist() == [1]
    write_records(file, [imagenet(image, 3, "oewl")])
    with pytest.raises(ValueError, match=r"'oewl'.*is in validation but has no image in train. Did you mean 'owl'"):
        open_data(tmp_path)
    write_records(file, [imagenet(image, 7, "crow")])
    with pytest.raises(ValueError, match="label 7 is called"):
        open_data(tmp_path)


def test_classes_that_a_list_beside_the_records_names(tmp_path):
    image = encoded(PARTS["train"][0][0])
    write_records(tmp_path / "some.tfrecord", [example(image=image, label=label) for label in (0, 1, 5, 1, 0)])
    (tmp_path / "label.labels.txt").write_text("blue\nred\n")
    with pytest.raises(ValueError, match=r"record 2 at byte .*: the label 5 is out of range, of 0 to 1"):
        open_data(tmp_path)
    data = open_data(tmp_path, on_corrupt="skip")
    assert data.labels == LABELS and len(data.train) + len(data.validation) == 4 and len(data.skipped) == 1
    (tmp_path / "label.labels.txt").write_text("blue\nred\nteal\ngreen\ngrey\npink\n")
    with pytest.raises(ValueError, match=r"The class 'teal' of .* has no image"):
        open_data(tmp_path)


def test_files_that_are_no_tfrecord_files(tmp_path):
    write_shards(tmp_path / "data")
    (tmp_path / "data" / "train-00001-of-00003").write_text("this is no file of records at all")
    with pytest.raises(
        ValueError, match=r"(?s)^1 record of .*train-00001-of-00003, record 0 at byte 0: this is no TFRecord"
    ):
        open_data(tmp_path / "data")


def packed(root: Path, ending: str) -> Path:
    """The shards of ``root``, compressed, under names with another ending."""
    for file in root.iterdir():
        if not file.name.startswith("."):
            contents = file.read_bytes()
            file.unlink()
            file.with_name(f"{file.name}{ending}").write_bytes(gzip.compress(contents))
    return root


@pytest.mark.parametrize("ending", ["", ".gz", ".tfrecord.gz", ".tfrec"])
def test_compressed_records_are_those_that_were_compressed(tmp_path, cache_folder, ending):
    plain = open_data(write_shards(tmp_path / "plain"))
    data = open_data(packed(write_shards(tmp_path / "data"), ending))
    assert data.found == plain.found and data.labels == plain.labels and data.fingerprint == plain.fingerprint
    assert all(np.array_equal(*pair) for pair in zip(seen(data), seen(plain), strict=True))
    cached = sorted(path.stat().st_ino for path in cache_folder.glob("unpacked/*/[0-9]*"))
    assert len(cached) == 9
    open_data(tmp_path / "data")
    assert sorted(path.stat().st_ino for path in cache_folder.glob("unpacked/*/[0-9]*")) == cached


def test_compressed_records_that_are_damaged_or_written_again(tmp_path, cache_folder):
    file = packed(write_shards(tmp_path / "data", shards=1), ".gz") / "train-00000-of-00001.gz"
    contents = file.read_bytes()
    file.write_bytes(contents[: len(contents) // 2])
    with pytest.raises(ValueError, match=r"train-00000-of-00001\.gz is compressed and damaged"):
        open_data(tmp_path / "data")
    assert not list(cache_folder.glob("unpacked/*/*train*"))
    for _ in range(2):
        file.write_bytes(contents)
        os.utime(file, ns=(_, _))
        assert len(open_data(tmp_path / "data").train) == TRAIN
    assert len(list(cache_folder.glob("unpacked/*/*train*[0-9]"))) == 1
    (tmp_path / "data" / "train-00000-of-00001.gz").rename(tmp_path / "data" / "train-00000-of-00002.gz")
    with pytest.raises(FileNotFoundError, match="train-00001-of-00002"):
        open_data(tmp_path / "data")


def test_a_length_that_begins_as_a_compressed_file_is_a_length(tmp_path):
    picture = encoded(PARTS["train"][0][0])
    records = [imagenet(picture, label) for label in (0, 1, 0, 1)]
    padding = 0x088B1F - len(example(image__encoded=picture, image__class__label=0, more=b"")) - 6
    while len(first := example(image__encoded=picture, image__class__label=0, more=bytes(padding))) != 0x088B1F:
        padding += 0x088B1F - len(first)
    file = write_records(tmp_path / "some.tfrecord", [first, *records])
    assert file.read_bytes().startswith(b"\x1f\x8b\x08") and len(open_source(tmp_path).whole()) == 5


@pytest.mark.parametrize("name", ["class", "target"])
def test_records_of_kaggle(tmp_path, name):
    for part in ("train", "val"):
        records = [example(image=encoded(PARTS["train"][0][0]), **{name: label}) for label in (0, 1, 0, 1)]
        write_records(tmp_path / part / f"00-224x224-{len(records)}.tfrec", records)
    data = open_data(tmp_path)
    assert data.found == "4 train, 4 validation images" and data.labels == ("0", "1")


# The index of records


@pytest.fixture
def makings(monkeypatch):
    """The files of every index that is made."""
    made, makings = index.made, []
    monkeypatch.setattr(index, "made", lambda files, *rest: makings.append(files) or made(files, *rest))
    return makings


def test_index_is_kept_and_made_anew_when_files_change(tmp_path, makings):
    root = write_shards(tmp_path / "data")
    before = open_data(root)
    again = open_data(root)
    assert len(makings) == 3 and before.fingerprint == again.fingerprint  # of every part
    assert np.array_equal(before.train.images, again.train.images) and before.labels == again.labels
    flip(root / "train-00000-of-00003", 200)
    with pytest.raises(ValueError, match="its checksum does not fit"):
        open_data(root)
    with pytest.raises(ValueError, match="its checksum does not fit"):  # kept with its problems
        open_data(root)
    assert len(makings) == 4 and len(list(root.glob(".kerascnn-*.npz"))) == 3
    moved = root.rename(tmp_path / "moved")
    assert open_data(moved, on_corrupt="skip").labels == before.labels and len(makings) == 4


def test_damaged_index_is_made_anew(tmp_path, makings):
    root = write_shards(tmp_path / "data")
    before = open_data(root).fingerprint
    for number, spoilt in enumerate((b"", b"PK no index", None), 1):
        for kept in root.glob(".kerascnn-*.npz"):
            kept.write_bytes(bytes_of(kept)[:-100] if spoilt is None else spoilt)
        with pytest.warns(UserWarning, match=rf"The index {root}/\.kerascnn-.*\.npz is damaged .*; it is made again"):
            assert open_data(root).fingerprint == before
        assert len(makings) == 3 + 3 * number


def test_no_bit_of_an_index_changes_what_is_read(tmp_path):
    """One that is kept is used as it was written, or not at all; np.load believes a damaged header."""
    rows, labels = np.arange(40, dtype=np.int64).reshape(8, 5), np.arange(8)
    whole, place = index.Index(rows, labels, {3: "damaged"}, {0: "cat"}), tmp_path / "index.npz"
    index.save(whole, place, "state")
    contents, rng = place.read_bytes(), np.random.default_rng(0)
    used = 0
    headers = [place for place in range(len(contents)) if contents[place : place + 6] == b"\x93NUMPY"]
    places = {
        *rng.integers(0, len(contents), 300).tolist(),
        *(start + i for start in headers for i in range(0, 128, 3)),
    }
    for byte in sorted(places):
        place.write_bytes(contents[:byte] + bytes([contents[byte] ^ 1 << int(rng.integers(8))]) + contents[byte + 1 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kept = index.load(place, "state")
        if kept is not None:
            used += 1
            assert np.array_equal(kept.rows, rows) and np.array_equal(kept.labels, labels)
            assert (kept.problems, kept.names) == (whole.problems, whole.names)
    assert 0 < used < len(places) / 2  # where zip notes times and the like


@pytest.mark.parametrize("kind", ["folder", "table", "records"])
def test_what_was_written_again_since_is_named(kind, tmp_path):
    data = open_data(WRITERS[kind](tmp_path / "data"))
    assert data.train.changed() == data.validation.changed() == []
    victim = Path(data.train.name(0).partition(", record")[0])
    os.utime(victim, ns=(0, 0))
    count = 6 if kind == "records" else 1  # records of a file stand and fall together
    assert len(data.train.changed()) == count and data.train.changed()[0] == data.train.name(0)
    victim.unlink()
    assert len(data.train.take(np.arange(3)).changed()) == min(count, 3) and data.validation.changed() == []


def test_labels_of_records_may_be_any_integers_from_0(tmp_path):
    records = [imagenet(encoded(image), label) for image, label in zip(X, Y.astype(int) * 2**40 + 7, strict=True)]
    data = open_data(write_records(tmp_path / "big.tfrecord", records))
    assert data.labels == ("7", str(2**40 + 7)) and np.array_equal(np.unique(data.train.annotations["label"]), [0, 1])
    for wrong, message in ((-1, "the label -1 is below 0"), (b"cat", "Data types don't match")):
        bad = [*records, example(image__encoded=encoded(X[0]), image__class__label=wrong)]
        with pytest.raises(ValueError, match=rf"(?s)1 record of .*bad\.tfrecord, record 16.*{message}"):
            open_data(write_records(tmp_path / "bad.tfrecord", bad))


def test_index_of_a_folder_that_cannot_be_written(tmp_path, makings, cache_folder, monkeypatch):
    root, write = write_shards(tmp_path / "data"), index.written_whole

    def refused(path):
        if root in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return write(path)

    monkeypatch.setattr(index, "written_whole", refused)
    before = open_data(root).fingerprint
    assert len(list(cache_folder.rglob("*.npz"))) == 3 and not list(root.glob(".*"))
    assert open_data(root).fingerprint == before and len(makings) == 3


def test_fingerprint_of_records_is_their_content(tmp_path):
    before = open_data(write_shards(tmp_path / "a")).fingerprint
    assert open_data(write_shards(tmp_path / "b", shards=2)).fingerprint == before  # the same records, dealt otherwise
    assert open_data(write_shards(tmp_path / "c", names=("blau", "red"))).fingerprint != before


# Tables


def written_table(root: Path, text: str, encoding: str = "utf-8") -> Path:
    (root / "labels.csv").write_bytes(text.encode(encoding))
    return root / "labels.csv"


GOOD = "path,label\n" + "".join(
    f"train/{label}/{place:02}.png,{label}\n"
    for label, place in zip(("blue",) * 8 + ("red",) * 8, range(16), strict=True)
)


def test_tables_of_every_system_are_read_alike(tmp_path):
    write_files(tmp_path)
    before = open_data(written_table(tmp_path, GOOD))
    assert before.labels == LABELS and len(before.train) + len(before.validation) == 16
    for text, encoding in (
        (GOOD.replace("\n", "\r\n"), "utf-8"),
        (GOOD, "utf-8-sig"),
        (GOOD.replace("blue\n", '"blue"\n').replace("train/red", " train/red"), "utf-8"),
        (GOOD.rstrip() + "\n\n\n", "utf-8"),
        (re.sub(r"(.*),(.*)", r"\2,\1", GOOD), "utf-8"),
    ):
        assert open_data(written_table(tmp_path, text, encoding)).fingerprint == before.fingerprint


def test_labels_with_commas_quotes_and_numbers(tmp_path):
    write_files(tmp_path)
    text = GOOD.replace(",blue\n", ',"tench, ""Tinca tinca"""\n').replace(",red", ",grün")
    assert open_data(written_table(tmp_path, text)).labels == ("grün", 'tench, "Tinca tinca"')
    text = GOOD.replace(",blue\n", ",10\n").replace(",red", ",9")
    assert open_data(written_table(tmp_path, text)).labels == ("9", "10")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'path'"),
        ("path,label\n", "has no image that can be read"),
        (GOOD.replace("path,label", "path,lable"), "unknown column 'lable'. Did you mean 'label'"),
        (GOOD.replace("path,label", "path;label"), "unknown column 'path;label'"),
        (GOOD.replace("path,label", "path,split"), "no column 'label'"),
        (GOOD.replace("path,label", "path,path"), "the column 'path' twice"),
        (GOOD.replace("00.png,blue", "00.png"), "1 rows .*\n  line 2: 1 fields, expected 2"),
        (GOOD.replace("00.png,blue", "00.png,a,b"), "line 2: 3 fields, expected 2"),
        (GOOD.replace("00.png,blue", "00.png,"), "line 2: no label"),
        (GOOD.replace("train/blue/00.png,blue", ",blue"), "line 2: no path"),
        (
            GOOD.replace("blue/01", "blue/00").replace("00.png,blue", "00.png,red", 1),
            "line 3: .*00.png is another thing than on line 2",
        ),
        (GOOD.replace(",red", ",blue"), "only one class, 'blue'"),
        (GOOD.replace("00.png,blue", "00.png,green"), "'green' has a single image"),
        (GOOD.replace("blue", "'bl\"ue", 1) + '"', "line 18|unexpected end of data"),
        (
            GOOD.replace("\n", ",train\n").replace("label,train", "label,split").replace("train\n", "tarin\n", 2),
            "the split 'tarin'. Did you mean 'train'",
        ),
        (
            GOOD.replace("\n", ",train\n").replace("label,train", "label,split")[: -len("red,train\n")]
            + "green,test\n",
            "'green' .*is in test but has no image in train",
        ),
    ],
)
def test_tables_that_cannot_be(tmp_path, text, message):
    write_files(tmp_path)
    with pytest.raises(ValueError, match=message):
        open_data(written_table(tmp_path, text))


def test_table_in_another_encoding(tmp_path):
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        open_data(written_table(tmp_path, GOOD, "utf-16"))


def test_files_that_a_table_misses_are_named(tmp_path):
    write_files(tmp_path)
    text = GOOD + "".join(f"train/red/lost{place}.png,red\n" for place in range(25))
    with pytest.raises(FileNotFoundError, match="25 of the 41 files") as caught:
        open_data(written_table(tmp_path, text))
    assert str(caught.value).count("lost") == 20 and "and 5 more" in str(caught.value)


def test_corrupt_files_of_a_table(tmp_path):
    table = write_table(tmp_path)
    (tmp_path / "train" / "red" / "09.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"1 image file of .*\n  train/red/09.png: "):
        open_data(table)
    data = open_data(table, on_corrupt="skip")
    assert len(data.train) == TRAIN - 1 and data.skipped == (str(tmp_path / "train/red/09.png"),)


# Arrays


X, Y = PARTS["train"]


def test_arrays_of_every_allowed_form(tmp_path):
    grey = open_data((X[..., 0], Y[:, None]))  # CIFAR's targets are (N, 1)
    assert grey.channels == 1 and grey.train.images.shape[1:] == (20, 24, 1) and grey.labels == ("0", "1")
    np.savez(tmp_path / "whole.npz", x=X, y=Y)
    np.savez(tmp_path / "train.npz", x_train=X, y_train=Y)
    same = [open_data(source).fingerprint for source in ((X, Y), tmp_path / "whole.npz", str(tmp_path / "train.npz"))]
    assert len(set(same)) == 1
    assert open_data((X, Y.tolist())).fingerprint == same[0]
    three = open_data(((X, Y),) * 3).fingerprint
    for name in ("val", "validation", "Valid", "dev"):
        arrays = {f"{kind}_{part}": of for kind, of in (("x", X), ("y", Y)) for part in ("train", name, "test")}
        np.savez(tmp_path / "parts.npz", **arrays)
        assert open_data(tmp_path / "parts.npz").fingerprint == three


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X / 255, Y, r"x is of float64; expected uint8, values of 0 to 255. .*convert with \(x \* 255\).round"),
        (X.astype("float32"), Y, r"convert with x.round\(\).astype"),
        (X / 127.5 - 1, Y, "undo the normalisation"),
        (X.astype(int) * 3, Y, "Values go from 0 to 6"),
        (np.where(X == 0, np.nan, X), Y, "not finite"),
        (X > 99, Y, r"astype\(\"uint8\"\) \* 255"),
        (X.astype(int), Y, r"convert with x.round\(\).astype"),
        (X.astype(str), Y, "Decode the images"),
        (X.transpose(0, 3, 1, 2), Y, r"x.transpose\(0, 2, 3, 1\)"),
        (np.concatenate([X, X[..., :1]], -1), Y, r"x\[\.\.\., :3\]"),
        (X[0, 0], Y, r"x has the shape \(24, 3\)"),
        (X[:0], Y[:0], "expected images"),
        (X, Y[:-1], "x has 16 images and y 15 targets"),
        (X, np.eye(2, dtype=int)[Y], r"y.argmax\(axis=1\)"),
        (X, Y.astype(float), r"y is of float64; expected integers: y.astype\(\"int32\"\)"),
        (X, Y + 0.5, "y is of float64; expected integers, and there is 0.5"),
        (X, np.where(Y, np.nan, 0.0), "expected integers, and there is nan"),
        (X, Y > 0, r"y holds truth values; expected class numbers: y.astype\(\"int32\"\)"),
        (X, Y.astype(object), "y is of object; expected integers"),
        (X, Y * 2**32, "y holds 4294967296; expected class numbers from 0 on, below 1,000,000. .*return_inverse"),
        (X, Y * 2**31, "y holds 2147483648"),
        (X, Y.astype(np.uint64) * 2**63, "y holds 9223372036854775808"),
        (X, np.array(LABELS)[Y], "np.unique"),
        (X, Y - 1, "y holds -1; expected class numbers from 0"),
        (X, Y * 2, "The class '1' of .* has no image"),
        (X, Y * 0, "only one class, '0'"),
        (X, np.r_[Y[:-1], 2], "The class '2' has a single image"),
    ],
)
def test_arrays_that_cannot_be(x, y, message):
    with pytest.raises(ValueError, match=message):
        open_data((x, y))


def test_parts_of_arrays_that_do_not_go_together():
    with pytest.raises(ValueError, match=r"The class '2' of the data in memory is in test but has no image in train"):
        open_data(((X, Y), (X, Y * 2)))
    with pytest.raises(ValueError, match=r"train images have the shape .* test images have"):
        open_data(((X, Y), (X[..., 0], Y)))
    for wrong in ((X, Y, X), ((X, Y),), ((X, Y),) * 4, ((X, Y, Y), (X, Y))):
        with pytest.raises(ValueError, match="Arrays come as"):
            open_data(wrong)


def test_npz_files_that_cannot_be(tmp_path):
    file = tmp_path / "arrays.npz"
    np.savez(file, x_train=X, y_train=Y, x_test=X)
    with pytest.raises(ValueError, match=r"has the arrays x_test, x_train, y_train. Expected the arrays"):
        open_data(file)
    np.savez(file, x_train=X, y_trian=Y)
    with pytest.raises(ValueError, match="Did you mean 'y_train'"):
        open_data(file)
    np.savez(file, x=np.array([{}]), y=Y)
    with pytest.raises(ValueError, match=r"cannot be read as an .npz file: Object arrays"):
        open_data(file)
    np.savez(file, x=X, y=Y)
    flip(file, 2000)
    with pytest.raises(ValueError, match=r"cannot be read as an .npz file: Bad CRC-32 for file 'x.npy'"):
        open_data(file)
    np.savez(file, x=X, y=Y)
    contents = bytes_of(file)
    shape = contents.index(b"(16, 20, 24, 3)")
    file.write_bytes(contents[:shape] + b"(12, 20, 24, 3)" + contents[shape + 15 :])  # four images fewer
    with pytest.raises(ValueError, match=r"arrays\.npz cannot be read as an .npz file: x.npy goes on behind"):
        open_data(file)
    file.write_bytes(bytes_of(file)[:3000])
    with pytest.raises(ValueError, match=r"cannot be read as an .npz file"):
        open_data(file)
    with open(file, "wb") as single:
        np.save(single, X)
    with pytest.raises(ValueError, match="one array without a name"):
        open_data(file)


# Image files of every kind


SQUARES = np.kron(np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
PICTURE = Image.fromarray(SQUARES)
SIXTEEN = np.random.default_rng(1).integers(0, 2**16, (9, 9, 3)).astype(np.uint16)


def with_alpha(mode: str) -> Image.Image:
    image = PICTURE.convert(mode)
    image.putalpha(PICTURE.convert("L"))
    return image


@pytest.mark.parametrize(
    ("form", "image", "how"),
    [
        *(("JPEG", PICTURE.convert(mode), {"quality": 95, "subsampling": 0}) for mode in ("L", "RGB", "CMYK")),
        *(("PNG", PICTURE.convert(mode), {}) for mode in ("1", "L", "P", "RGB")),
        ("PNG", with_alpha("L"), {}),
        ("PNG", with_alpha("RGB"), {}),
        ("PNG", PICTURE.convert("P"), {"transparency": 3}),
        *(("BMP", image, {}) for image in (PICTURE, PICTURE.convert("L"), with_alpha("RGB"))),
        ("GIF", PICTURE, {}),
        ("GIF", PICTURE, {"save_all": True, "append_images": [PICTURE.rotate(90)]}),
        ("WEBP", PICTURE, {"lossless": True}),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else None,
)
def test_every_mode_is_shown_as_pillow_shows_it(form, image, how):
    buffer = io.BytesIO()
    image.save(buffer, form, **how)
    assert image_problem(buffer.getvalue()) is None
    assert np.array_equal(decode(buffer.getvalue()), Image.open(buffer).convert("RGB"))


def test_of_sixteen_bits_the_upper_eight_count():
    """Pillow does so with colour; greys it cuts off at 255, which would lose most of a photo."""
    colour = tf.io.encode_png(SIXTEEN).numpy()
    assert np.array_equal(decode(colour), SIXTEEN >> 8) and np.array_equal(
        decode(colour), Image.open(io.BytesIO(colour))
    )
    grey = encoded(SIXTEEN[..., 0])
    assert np.array_equal(decode(grey), np.stack([SIXTEEN[..., 0] >> 8] * 3, -1))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(grey)).convert("L")), np.minimum(SIXTEEN[..., 0], 255))


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_of_fewer_bits_the_upper_eight_of_these_count(bits):
    numbers = SIXTEEN[..., 0] >> (16 - bits)
    expected = np.stack([numbers >> (bits - 8)] * 3, -1)
    in_graph = tf.function(lambda contents: part_of(contents, lambda shape: tf.constant([0, 0, 9, 9]), bits)[0])
    for contents in (encoded(numbers), tf.io.encode_png(np.stack([numbers] * 3, -1)).numpy()):
        assert np.array_equal(decode(contents, bits), expected)
        assert np.array_equal(in_graph(tf.constant(contents)), expected)
    brighter = encoded(np.minimum(numbers * 4, 2**16 - 1).astype(np.uint16))
    assert decode(brighter, bits).numpy().max() == 255  # what is beyond is as bright as can be
    assert np.array_equal(decode(encoded(SQUARES), bits), SQUARES)  # files of eight bits are as they are


def test_images_that_use_few_of_sixteen_bits_are_noticed_and_scaled(tmp_path):
    rng = np.random.default_rng(0)
    for place in range(16):
        (tmp_path / "data" / LABELS[place % 2]).mkdir(parents=True, exist_ok=True)
        depth = rng.integers(0, 100, (12, 12)) + 200 * (place % 2)
        depth[0, 0] = 299
        (tmp_path / "data" / LABELS[place % 2] / f"{place}.png").write_bytes(encoded(depth.astype(np.uint16)))
    for _ in range(2):  # what is remembered of the files says it too
        data = open_data(tmp_path / "data")
        expected = (
            "16 images have 16 bits and use the lowest 9 of them, which are seen as 0 to 1 of 255; set Input(bits=9)"
        )
        assert data.note.startswith(expected)
    recipe = RECIPE.replace(length=Epochs(1), batch=4)
    how = resolved(recipe.replace({"input.bits": 9}), data, tiny).preprocess
    images, labels = collected(batches(data.train, replace(how, mean=(0.0,) * 3, std=(1.0,) * 3), 16))
    bright = images.mean(axis=(1, 2, 3))
    assert bright[labels == 0].max() < 0.25 < 0.35 < bright[labels == 1].min()
    plain = resolved(recipe, data, tiny).preprocess
    assert np.ptp(collected(batches(data.train, replace(plain, mean=(0.0,) * 3, std=(1.0,) * 3), 16))[0]) < 0.01
    trained(tmp_path / "out", recipe.replace({"input.bits": 9}), data)
    card = Card.read(tmp_path / "out" / "model.keras")
    assert card.preprocess.bits == 9
    path = tmp_path / "data" / "red" / "1.png"
    assert load_image(path, card.preprocess).mean() > load_image(path, replace(card.preprocess, bits=16)).mean() + 1


def test_photos_that_use_their_sixteen_bits_are_not_mentioned(tmp_path):
    for place in range(4):
        (tmp_path / LABELS[place % 2]).mkdir(exist_ok=True)
        (tmp_path / LABELS[place % 2] / f"{place}.png").write_bytes(encoded(SIXTEEN[..., 0]))
    assert open_data(tmp_path).note == ""


@pytest.mark.parametrize("mode", ["1", "P"])
def test_bitmaps_with_a_table_of_colours_are_refused(mode, tmp_path):
    buffer = io.BytesIO()
    PICTURE.convert(mode).save(buffer, "BMP")
    contents = buffer.getvalue()
    assert "BMP file whose colours are numbers of a table" in image_problem(contents)
    (tmp_path / "cat.bmp").write_bytes(contents)
    with pytest.raises(ValueError, match=r"cat\.bmp is not a .* Save it as PNG"):
        load_image(tmp_path / "cat.bmp", PHOTO)


def test_files_that_no_folder_should_have(tmp_path, monkeypatch):
    root = write_files(tmp_path / "data") / "train" / "red"
    os.symlink(tmp_path / "nowhere.png", root / "dangling.png")
    os.symlink("loop.png", root / "loop.png")
    os.symlink(root / "08.png", root / "fine.png")
    (root / "jpeg.png").write_bytes(encoded(SQUARES, "JPEG"))  # goes by what it is
    (root / "text.jpg").write_text("no image")
    (root / "film.tiff").write_bytes(encoded(SQUARES, "TIFF"))
    (root / "zero.webp").touch()
    PICTURE.convert("P").save(root / "table.bmp")
    (root / "secret.png").write_bytes(encoded(SQUARES))
    read = Path.read_bytes

    def refused(path):  # whoever runs the tests may be allowed to read everything
        if path.name == "secret.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(ValueError, match=r"^7 image files") as caught:
        open_data(tmp_path / "data")
    for line in (
        "train/red/dangling.png: No such file or directory",
        "train/red/loop.png: Too many levels of symbolic links",
        "train/red/secret.png: Permission denied",
        "train/red/text.jpg: Unknown image file format",
        "train/red/film.tiff: Unknown image file format",
        "train/red/zero.webp: ",
        "train/red/table.bmp: A BMP file whose colours",
    ):
        assert f"\n  {line}" in str(caught.value)
    assert len(open_data(tmp_path / "data", on_corrupt="skip").train) == TRAIN + 2


def test_sources_are_suggested(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written_table(tmp_path, GOOD)
    with pytest.raises(FileNotFoundError, match=r"'labels\.csv'"):
        open_data("label.csv")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(TypeError, match="source must be a string or a path or a tuple"):
        open_data([X, Y])
    with pytest.raises(FileNotFoundError, match=r"notes.txt is a file, .* in none of .csv, .json, .npz, .tfrecord"):
        open_data("notes.txt")
