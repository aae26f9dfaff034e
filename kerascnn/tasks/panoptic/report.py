"""What a report shows of a network that makes segments: classes, and its best and worst images."""

from typing import TYPE_CHECKING

import numpy as np

from kerascnn.report import Panel, Picture, Section
from kerascnn.report.text import percent
from kerascnn.tasks.decisions import class_section, images_seen
from kerascnn.tasks.detection.drawing import colours
from kerascnn.tasks.drawing import beside, legend
from kerascnn.tasks.instance.prediction import drawn_masks

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess
    from kerascnn.tasks.panoptic.evaluation import PanopticEvaluation

SHOWN = 12  # images of the best, and of the worst


def sections(found: "PanopticEvaluation", split: "Split", preprocess: "Preprocess") -> list[Section]:
    """The sections of a report; images are taken from the split that was evaluated."""
    of_images = found.of_images
    order = np.argsort(of_images, kind="stable")[: np.isfinite(of_images).sum()]  # NaN comes last
    worst, best = order[:SHOWN], order[::-1][: min(SHOWN, len(order) - SHOWN)] if len(order) > SHOWN else order[:0]
    shown = [
        segments(title, found, places, split, preprocess)
        for title, places in (("Worst images", worst), ("Best images", best))
    ]
    return [classes(found), *(section for section in shown if section.pictures)]


def classes(found: "PanopticEvaluation") -> Section:
    pq, sq, rq = found.of_classes.T
    columns = {"Segments": ("count", found.support), "PQ": ("bar", pq), "SQ": ("bar", sq), "RQ": ("bar", rq)}
    return class_section(found.labels, columns, width=0.6)


def segments(
    title: str, found: "PanopticEvaluation", places: np.ndarray, split: "Split", preprocess: "Preprocess"
) -> Section:
    """Images at some places, each under its true segments and beside it under the network's."""
    images = images_seen(split.take(places), preprocess) if len(places) else []
    pictures = [
        Picture(
            image=beside(
                drawn_masks(image, found.targets[i].classes, found.targets[i].masks),
                found.predictions[i].picture(image),
            ),
            caption=f"PQ {percent(float(found.of_images[i]), 1)}",
            details=[split.name(i)],
            alt=f"{split.name(i)}, its segments and those that the network makes",
        )
        for i, image in zip(places.tolist(), images, strict=True)
    ]
    key = Panel(drawing=legend(found.labels, colours(len(found.labels))), label="Colours of the classes")
    text = "The segments of the image, and those that the network makes; what is of none is left as it is."
    return Section(title=title, text=text, panels=[key], pictures=pictures)
