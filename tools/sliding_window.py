"""What is found without a detector: by a colour, by templates, and by a classifier in a window that slides.

    python tools/sliding_window.py                                     # 12 minutes on 2 cores
    python tools/sliding_window.py --detector saved_models/shape_boxes/model.keras
    python tools/sliding_window.py --methods colour-threshold templates --images 40

On the validation images of ``--data shape_boxes``, measured as detectors are, and from training images alone. Writes
``tools/sliding_window.csv``; lines of methods that are not run stay as they are. ``--detector`` adds the line of a
model file, such as ``kerascnn train recipes/shape_boxes.py`` leaves: after its 40 epochs 75.6 % AP50.

Templates and the classifier choose among the same squares of eight sizes, which lie so near to each other that 99 of
100 objects have one with an IoU of 0.5. No other setting was sought.
"""

import argparse
import csv
import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import tensorflow as tf
from rich.progress import track

from kerascnn.applications.resnet import ResNetCIFAR
from kerascnn.card import Card
from kerascnn.data import Data, Split, open_data
from kerascnn.detection.boxes import iou
from kerascnn.errors import need
from kerascnn.files import write_text
from kerascnn.runtime import open_model
from kerascnn.tasks import Detection
from kerascnn.tasks.detection.evaluation import BoxEvaluation
from kerascnn.training import AdamW, Cosine, Epochs, Input, Model, Recipe, open_strategy
from kerascnn.workflows.common import evaluated

FILE = Path(__file__).with_name("sliding_window.csv")
COLUMNS = ("method", "ap50", "ap", "ap50_of_any_class", "training_seconds", "seconds_an_image", "images")
SIDES = tuple(round(10 * 1.3**k) for k in range(8))  # of windows, in pixels: 10 to 63
STEP = 0.33  # of a side, from one window to the next
CROP = 24  # pixels that a window becomes
HIT, APART = 0.6, 0.45  # IoU from which a window shows an object, and below which it shows the ground
OF_IMAGE, OF_OBJECT = 24, 8  # windows of a training image that show the ground, and that show each of its objects
GROUND = "ground"

Outputs = dict[str, np.ndarray]  # "boxes", (1, A, 4), and "scores", (1, A, classes), as a detector gives them


@dataclass(frozen=True)
class Small(ResNetCIFAR):
    """ResNet for CIFAR, for smaller images."""

    min_size = 8


EPOCHS = 8
CLASSIFIER = Small("resnet8", 1, (16, 32, 64))
RECIPE = Recipe(
    model=Model("resnet8"),
    data="crops",
    length=Epochs(EPOCHS),
    batch=128,
    input=Input(size=CROP, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip", "jitter:0.3:0.3:0.3:0.1"),
    optimizer=AdamW(lr=0.003, weight_decay=0.01),
    schedule=Cosine(warmup=1.0),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=[*METHODS], help="which to run; none: nothing")
    parser.add_argument("--detector", nargs="*", type=Path, default=[], help="model files of detectors to measure too")
    parser.add_argument("--images", type=int, help="how many of the validation images; all by default")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the classifier")
    options = parser.parse_args()
    open_strategy("one")
    data = open_data("shape_boxes")
    images = data.validation if options.images is None else data.validation.take(np.arange(options.images))
    for name in options.methods:
        begun = time.perf_counter()
        predict = METHODS[name](data, options.epochs)
        trained = time.perf_counter() - begun
        report(name, trained, *timed(predict, images, data.labels))
    for file in options.detector:
        card = Card.read(file)
        begun = time.perf_counter()
        found = evaluated(open_model(file), images, card.preprocess, Detection(labels=card.labels))
        each = (time.perf_counter() - begun) / len(images)
        assert isinstance(found, BoxEvaluation)
        history = card.facts.get("history", [])
        report(f"{card.model}, {len(history)} epochs", sum(epoch["seconds"] for epoch in history), found, each)


# What each method gives for an image


def by_colour(data: Data, epochs: int) -> Callable[[np.ndarray], Outputs]:
    """Blobs of pixels that are far from the most frequent colour of their image.

    How far, and how much of its box each class fills, which is what tells them apart, is taken from training images.
    """
    some = data.train.take(np.arange(200))
    fills = [[] for _ in data.labels]
    for pixels, boxes, classes in objects_of(some):
        far = distance(pixels)
        for (left, top, right, bottom), kind in zip(boxes.round().astype(int), classes, strict=True):
            fills[kind].append((far[top:bottom, left:right] > 0.25).mean())
    usual = np.array([np.mean(of_class) for of_class in fills])
    levels = np.linspace(0.1, 0.5, 9)
    best = max(levels, key=lambda level: as_one(measure(lambda x: blobs(x, level, usual), some, data.labels)).ap50)
    return lambda pixels: blobs(pixels, best, usual)


def distance(pixels: np.ndarray) -> np.ndarray:
    """(H, W) how far the colour of each pixel is from the median of the image, 0 to 1 in the channel that says most."""
    colours = pixels / 255.0
    return abs(colours - np.median(colours, axis=(0, 1))).max(-1)


def blobs(pixels: np.ndarray, level: float, usual: np.ndarray) -> Outputs:
    """The boxes round pixels that are far away and touch, sure by how far they are."""
    measured = need("scipy.ndimage", "report", "Finding blobs")
    far = distance(pixels)
    marked, _ = measured.label(far > level)
    boxes, scores = [], []
    for number, (rows, columns) in enumerate(measured.find_objects(marked), 1):
        own = marked[rows, columns] == number
        if own.sum() < 16:
            continue
        boxes.append([columns.start, rows.start, columns.stop, rows.stop])
        kind = np.eye(len(usual))[abs(usual - own.mean()).argmin()]
        scores.append(kind * far[rows, columns][own].mean())
    return outputs(np.reshape(boxes, (-1, 4)), np.reshape(scores, (-1, len(usual))))


def by_templates(data: Data, epochs: int) -> Callable[[np.ndarray], Outputs]:
    """The windows that correlate most, in grey, with one of 64 objects of each class, light on dark or the reverse."""
    rng = np.random.default_rng(0)
    crops, classes = labelled(data.train, data.labels, rng)
    chosen = [rng.permutation(np.flatnonzero(classes == kind))[:64] for kind in range(len(data.labels))]
    templates = np.stack([standardised(crops[places]) for places in chosen])  # (classes, 64, pixels)

    def predict(pixels: np.ndarray) -> Outputs:
        boxes = windows(*pixels.shape[:2])
        seen = standardised(cropped(pixels, boxes))
        return outputs(boxes, np.stack([abs(seen @ of_class.T).max(-1) for of_class in templates], -1))

    return predict


def standardised(crops: np.ndarray) -> np.ndarray:
    """(N, pixels) grey crops of mean 0 and length 1, so that their products are correlations."""
    grey = crops.mean(-1).reshape(len(crops), -1)
    grey = grey - grey.mean(-1, keepdims=True)
    return grey / np.maximum(np.linalg.norm(grey, axis=-1, keepdims=True), 1e-6)


def by_windows(data: Data, epochs: int) -> Callable[[np.ndarray], Outputs]:
    """What a classifier of crops, with a class for the ground, says of every window."""
    from kerascnn.training.loop import train

    rng = np.random.default_rng(0)
    parts = [Split(*as_data(labelled(part, data.labels, rng))) for part in halves(data.train)]
    crops = Data(train=parts[0], validation=parts[1], labels=(*data.labels, GROUND), channels=3)
    with tempfile.TemporaryDirectory() as out:
        make = lambda shape, classes: CLASSIFIER(input_shape=shape, classes=classes)  # noqa: E731
        model, _ = train(RECIPE.replace(length=Epochs(epochs)), crops, out, make_model=make)
    answer = tf.function(lambda images: model(images, training=False), reduce_retracing=True)

    def predict(pixels: np.ndarray) -> Outputs:
        boxes = windows(*pixels.shape[:2])
        seen = (cropped(pixels, boxes) / 255 - 0.5) / 0.25
        return outputs(boxes, np.asarray(answer(tf.constant(seen, tf.float32)))[:, :-1])

    return predict


METHODS = {
    "colour-threshold": by_colour,
    "templates": by_templates,
    "sliding-window": by_windows,
}


# Windows and crops


@cache
def windows(height: int, width: int) -> np.ndarray:
    """(A, 4) squares of all sides, in rows and columns."""
    found = []
    for side in SIDES:
        step = max(2, round(STEP * side))
        tops, lefts = (np.unique([*range(0, room - side, step), room - side]) for room in (height, width))
        top, left = (each.ravel() for each in np.meshgrid(tops, lefts, indexing="ij"))
        found.append(np.stack([left, top, left + side, top + side], -1))
    return np.concatenate(found).astype(np.float32)


def cropped(pixels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N, CROP, CROP, 3) float32: parts of an image, all at one size."""
    height, width = pixels.shape[:2]
    places = boxes[:, [1, 0, 3, 2]] / np.array([height - 1, width - 1] * 2)
    image = tf.constant(pixels[None], tf.float32)
    return tf.image.crop_and_resize(image, places, np.zeros(len(boxes), int), (CROP, CROP)).numpy()


def labelled(split: Split, labels: tuple[str, ...], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Windows of images as crops, (N, CROP, CROP, 3) uint8, and what they show: a class, or behind these the ground."""
    crops, classes = [], []
    for pixels, boxes, kinds in objects_of(split):
        every = windows(*pixels.shape[:2])
        overlap = iou(every, boxes).numpy() if len(boxes) else np.zeros((len(every), 1))
        kinds = kinds if len(boxes) else np.zeros(1, int)
        best = overlap.max(1)
        near, ground = (np.flatnonzero(where) for where in ((best > 0.1) & (best < APART), best <= 0.1))
        chosen = [rng.permutation(each)[: OF_IMAGE // 2] for each in (near, ground)]
        chosen += [
            rng.permutation(np.flatnonzero((overlap[:, i] >= HIT) & (overlap.argmax(1) == i)))[:OF_OBJECT]
            for i in range(len(boxes))
        ]
        places = np.concatenate(chosen)
        crops.append(cropped(pixels, every[places]).round().astype(np.uint8))
        classes.append(np.where(best[places] >= HIT, kinds[overlap[places].argmax(1)], len(labels)))
    return np.concatenate(crops), np.concatenate(classes).astype(np.int32)


def as_data(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return pair[0], {"label": pair[1]}


def halves(split: Split) -> tuple[Split, Split]:
    """Nine tenths to train a classifier on, and the rest to watch it by."""
    places = np.arange(len(split))
    return split.take(places % 10 > 0), split.take(places % 10 == 0)


def objects_of(split: Split):
    """Of each image its pixels, and the boxes and classes of its objects."""
    rows = zip(split.images, *(split.annotations[name] for name in ("boxes", "classes", "valid")), strict=True)
    return ((pixels, boxes[valid], classes[valid]) for pixels, boxes, classes, valid in rows)


# What it is worth


def outputs(boxes: np.ndarray, scores: np.ndarray) -> Outputs:
    return {"boxes": boxes[None].astype(np.float32), "scores": scores[None].astype(np.float32)}


def measure(predict: Callable[[np.ndarray], Outputs], split: Split, labels: tuple[str, ...]) -> BoxEvaluation:
    """Detections are chosen as those of a detector are, and measured so."""
    evaluator = Detection(labels=labels).evaluator()
    for place, pixels in enumerate(track(split.images, "measuring", transient=True)):
        targets = {name: rows[place : place + 1] for name, rows in split.annotations.items()}
        evaluator.add(filled(predict(pixels), len(labels)), {**targets, "scale": np.ones(1, np.float32)})
    return evaluator.result()


def filled(found: Outputs, classes: int) -> Outputs:
    """With boxes of no score up to a round number, so that few shapes are met."""
    missing = -found["boxes"].shape[1] % 64 or 64
    return {name: np.pad(values, [(0, 0), (0, missing), (0, 0)]) for name, values in found.items()}


def timed(predict, split: Split, labels: tuple[str, ...]) -> tuple[BoxEvaluation, float]:
    begun = time.perf_counter()
    found = measure(predict, split, labels)
    return found, (time.perf_counter() - begun) / len(split)


def as_one(found: BoxEvaluation) -> BoxEvaluation:
    """The same, of objects and not of classes."""
    targets = tuple(replace(each, classes=0 * each.classes) for each in found.targets)
    predictions = tuple(replace(each, classes=0 * each.classes, labels=("object",)) for each in found.predictions)
    return BoxEvaluation(predictions, targets, ("object",))


def report(name: str, trained: float, found: BoxEvaluation, each: float) -> None:
    """Print the line of a method, and put it into the file."""
    row = [name, found.ap50, found.ap, as_one(found).ap50, trained, each, found.samples]
    print(f"{name:34}AP50 {found.ap50:.1%}, AP {found.ap:.1%}, of any class {row[3]:.1%}, {each:.3f} s an image")
    kept = [*csv.reader(FILE.open(encoding="utf-8"))][1:] if FILE.exists() else []
    lines = {line[0]: line for line in kept} | {name: [f"{x:.4g}" if isinstance(x, float) else x for x in row]}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *lines.values()])
    write_text(FILE, text.getvalue())


if __name__ == "__main__":
    main()
