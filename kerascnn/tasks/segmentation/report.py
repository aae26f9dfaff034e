"""What a report shows of a network that segments: classes, confusion, and its best and worst masks."""

from typing import TYPE_CHECKING

import numpy as np

from kerascnn.report import Panel, Picture, Section
from kerascnn.report.text import count, percent
from kerascnn.tasks.decisions import class_section, confusion_section, images_seen
from kerascnn.tasks.drawing import legend, palette
from kerascnn.tasks.segmentation.drawing import side_by_side

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess
    from kerascnn.tasks.segmentation.evaluation import MaskEvaluation

SHOWN = 12  # images of the best, and of the worst


def sections(found: "MaskEvaluation", split: "Split", preprocess: "Preprocess") -> list[Section]:
    """The sections of a report; images are taken from the split that was evaluated."""
    of_images = found.of_images
    order = np.argsort(of_images, kind="stable")[: np.isfinite(of_images).sum()]  # NaN comes last
    worst, best = order[:SHOWN], order[::-1][: min(SHOWN, len(order) - SHOWN)] if len(order) > SHOWN else order[:0]
    shown = [masks("Worst masks", found, worst, split, preprocess), masks("Best masks", found, best, split, preprocess)]
    return [classes(found), confusion(found), *(section for section in shown if section.pictures)]


def classes(found: "MaskEvaluation") -> Section:
    columns = {
        "Pixels": ("count", found.support),
        "IoU": ("bar", found.iou),
        "Recall": ("bar", found.recall),
        "Precision": ("bar", found.precision),
    }
    return class_section(found.labels, columns, width=0.6)


def confusion(found: "MaskEvaluation") -> Section:
    return confusion_section(
        found,
        "Each row is a true class, each column what the network made of its pixels; the stronger the colour, the "
        "larger the fraction of the row.",
        f"Confusion matrix of {count(int(found.confusion.sum()))} pixels and {len(found.labels)} classes",
        width=0.4,
    )


def masks(title: str, found: "MaskEvaluation", places: np.ndarray, split: "Split", preprocess: "Preprocess") -> Section:
    """Images at some places, each with its true mask and the network's."""
    images = images_seen(split.take(places), preprocess) if len(places) else []
    pictures = [
        Picture(
            image=side_by_side(image, found.targets[i], found.predictions[i]),
            caption=f"mean IoU {percent(float(found.of_images[i]), 1)}",
            details=[split.name(i)],
            alt=f"{split.name(i)}, its true classes and those that the network gives",
        )
        for i, image in zip(places.tolist(), images, strict=True)
    ]
    key = Panel(drawing=legend(found.labels, palette()), label="Colours of the classes")
    text = "The image, its true classes, and the network's. White has no class; the background is left as it is."
    return Section(title=title, text=text, panels=[key], pictures=pictures)
