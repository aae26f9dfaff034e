"""Images per second of the input pipeline and of others', side by side: one process, one core, 224 pixels.

    python tools/bench/data.py --seconds 5 --rounds 5

RandAugment's rows are given decoded images in memory, (224, 224, 3) float32, and end in the same. The rows of files
are given JPEGs of 500 x 375 pixels and end in 224 x 224, cropped and flipped, not normalised: once a window of that
size, which shows what decoding no more than is seen is worth, and once a recipe's "crop", which is resized too; this
also normalised, as a network takes it, and of JPEGs of 2000 x 1500 pixels, as cameras write them. The same JPEGs as
records of a TFRecord file show what reading by the index costs.

Rows take turns, round by round, so that whatever else the machine does meets all alike; a row's number is its median,
and its ratio the median of the rounds' ratios of ours to it: above 1, ours is faster. Writes ``tools/bench/data.csv``,
a table at a time. Needs the extra ``parity``; a row whose package does not run is left out, with its error.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "OMP_NUM_THREADS": "1"}
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])  # before TensorFlow counts the cores

import numpy as np
import tensorflow as tf
from PIL import Image
from side_by_side import Measures, compare, keep, load, ratios, spread, versions

from kerascnn.data import images
from kerascnn.data.dataset import InFiles, Split
from kerascnn.data.sources.index import indexed
from kerascnn.data.sources.records import LAYOUTS, InRecords
from kerascnn.data.transforms.registry import parse
from kerascnn.spec import Preprocess

FILE = Path(__file__).with_suffix(".csv")
SIZE, PHOTOS, SEED = 224, 64, 0
Endless = Callable[[], Iterator[object]]  # starts a pipeline that gives one image after another


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="for each row in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, default=FILE, help="the CSV that is written")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        small = write_photos(Path(folder) / "small", 1)
        large = write_photos(Path(folder) / "large", 4)
        for files, stretch, normal, title in (
            (small, False, False, "decode JPEG, random window, flip"),
            (small, True, False, "decode JPEG, random crop, resize, flip"),
            (small, True, True, "decode JPEG, random crop, resize, flip, normalise"),
            (large, True, False, "decode JPEG of 2000 x 1500 pixels, random crop, resize, flip"),
        ):
            records = write_records(Path(folder) / "photos.tfrecord", files)
            rows = {
                "kerascnn": crop_and_flip(in_files(files), stretch, normal),
                "kerascnn, TFRecord": crop_and_flip(records, stretch, normal),
                "torchvision, Pillow": crop_and_flip_of_torchvision(files, stretch, normal),
            }
            tabled(title, rows, options)
        photos = [np.asarray(Image.open(path).resize((SIZE, SIZE)), np.float32) for path in small]
    rows = {
        "kerascnn": randaugment(photos),
        "keras.layers": randaugment_of_keras(photos),
        "keras_cv.layers": randaugment_of_keras_cv(photos),
        "torchvision, Pillow": randaugment_of_torchvision(photos),
    }
    tabled("RandAugment, 2 operations, magnitude 9 of 10", rows, options)


def write_photos(folder: Path, times: int) -> list[str]:
    """JPEGs of smooth noise, about as many bytes as photos of that size have; so many times 500 x 375 pixels large."""
    folder.mkdir()
    rng = np.random.default_rng(SEED)
    paths = [str(folder / f"{number:03}.jpg") for number in range(PHOTOS)]
    size = 500 * times, 375 * times
    for path in paths:
        coarse = Image.fromarray(rng.integers(0, 256, (38, 50, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        grain = np.asarray(coarse, np.int16) + rng.normal(0, 8, (*size[::-1], 1)).astype(np.int16)
        Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)).save(path, quality=90)
    return paths


def in_files(files: list[str]) -> Split:
    return Split(np.array(files), {"label": np.zeros(len(files), np.int32)}, InFiles())


def write_records(path: Path, files: list[str]) -> Split:
    """The same JPEGs as records of one TFRecord file, in ImageNet's layout, opened by their index."""
    layout = LAYOUTS[0]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for file in files:
            image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[Path(file).read_bytes()]))
            label = tf.train.Feature(int64_list=tf.train.Int64List(value=[1]))
            features = tf.train.Features(feature={layout.image: image, layout.label: label})
            writer.write(tf.train.Example(features=features).SerializeToString())
    index = indexed([path], layout, progress=False)
    return Split(index.rows, {"label": index.labels}, InRecords((str(path),), layout.image))


def seeded(numbers: Iterable[int]) -> tf.data.Dataset:
    """Numbers without end, on this thread alone."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    return tf.data.Dataset.from_tensor_slices(list(numbers)).repeat().enumerate().with_options(options)


def crop_and_flip(split: Split, stretch: bool, normal: bool) -> Endless:
    """The recipe's "crop" and "flip", normalised or not; or from a window of 224 x 224, which is not stretched."""
    crop, flip = (parse("crop") if stretch else window), parse("flip")
    how = Preprocess(size=SIZE)
    places = tf.constant(split.images)

    @tf.autograph.experimental.do_not_convert
    def sample(count, number):
        seed = tf.stack([SEED, count])
        image, _ = images.part_of(split.store.read(places[number]), lambda shape: crop(shape, seed), least=SIZE)
        image = flip(images.stretched(image, how)[0] if stretch else image, seed)[0]
        return images.normalised(tf.ensure_shape(image, (SIZE, SIZE, 3)), how) if normal else image

    return lambda: iter(seeded(range(len(split))).map(sample))


def window(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """A box of 224 x 224 anywhere in an image."""
    room = tf.cast(shape - SIZE + 1, tf.float32)
    return tf.concat([tf.cast(room * tf.random.stateless_uniform([2], seed), tf.int32), [SIZE, SIZE]], 0)


def crop_and_flip_of_torchvision(files: list[str], stretch: bool, normal: bool) -> Endless:
    transforms, how = torchvision_transforms(), Preprocess(size=SIZE)
    crop = transforms.RandomResizedCrop(SIZE) if stretch else transforms.RandomCrop(SIZE)
    ends = [transforms.ToTensor(), transforms.Normalize(how.mean, how.std)] if normal else [transforms.PILToTensor()]
    change = transforms.Compose([crop, transforms.RandomHorizontalFlip(), *ends])

    def endless():
        while True:
            for path in files:
                with Image.open(path) as image:
                    yield change(image.convert("RGB"))

    return endless


def randaugment(photos: list[np.ndarray]) -> Endless:
    step, pixels = parse("randaugment:2:9"), tf.constant(np.stack(photos))

    @tf.autograph.experimental.do_not_convert
    def sample(count, number):
        return step(pixels[number], tf.stack([SEED, count]))[0]

    return lambda: iter(seeded(range(len(photos))).map(sample))


def randaugment_of_keras(photos: list[np.ndarray]) -> Endless:
    import keras

    layer = keras.layers.RandAugment(value_range=(0, 255), num_ops=2, factor=0.9, seed=SEED)
    pixels = tf.constant(np.stack(photos))
    return lambda: iter(seeded(range(len(photos))).map(lambda _, number: layer(pixels[number])))


def randaugment_of_keras_cv(photos: list[np.ndarray]) -> Endless:
    import keras_cv  # pyright: ignore[reportMissingImports]

    layer = keras_cv.layers.RandAugment(value_range=(0, 255), augmentations_per_image=2, magnitude=0.9, seed=SEED)
    pixels = tf.constant(np.stack(photos))
    return lambda: iter(seeded(range(len(photos))).map(lambda _, number: layer(pixels[number])))


def randaugment_of_torchvision(photos: list[np.ndarray]) -> Endless:
    change = torchvision_transforms().RandAugment(2, 27)  # of 31 magnitudes from 0
    pictures = [Image.fromarray(photo.astype(np.uint8)) for photo in photos]

    def endless():
        while True:
            for picture in pictures:
                yield np.asarray(change(picture), np.float32)

    return endless


def torchvision_transforms():
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    import torch
    from references import import_torchvision

    import_torchvision()
    import torchvision.transforms

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    return torchvision.transforms


def tabled(title: str, rows: dict[str, Endless], options: argparse.Namespace) -> None:
    """Print and write the images per second of every row; rows that do not run are said to, and left out."""
    before, ways = load(), {name: partial(rates, start, options.seconds) for name, start in rows.items()}
    found = compare(ways, options.rounds)
    print(f"\n{title}\n{'':24}{'images/s':>10}{'ours is':>16}")
    lines = []
    for way, these in found.items():
        (low, middle, high), (least, ratio, most) = spread(these.values), ratios(found["kerascnn"], these)
        print(f"{way:24}{middle:10.1f}{ratio:10.2f} times   ({least:.2f} to {most:.2f})", flush=True)
        lines.append(
            {"table": title, "way": way}
            | {"images_per_second": f"{middle:.1f}", "lower": f"{low:.1f}", "upper": f"{high:.1f}"}
            | {"ratio": f"{ratio:.3f}", "ratio_lower": f"{least:.3f}", "ratio_upper": f"{most:.3f}"}
            | {"cores": 1, "rounds": options.rounds, "load": f"{before:.1f}"}
            | {"versions": versions("tensorflow", "keras", "keras-cv", "torchvision", "pillow")}
        )
    keep(options.write, ("table", "way"), lines)


def rates(start: Endless, seconds: float) -> Measures:
    """Images per second, again and again; first of half a second, which traces, and fills the caches."""
    endless = start()
    yield rate(endless, 0.5)
    while True:
        yield rate(endless, seconds)


def rate(endless: Iterator[object], seconds: float) -> float:
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        next(endless)
        count += 1
    return count / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
