"""What a report shows of a detector: classes, precision against recall, errors, and its best and worst images."""

from typing import TYPE_CHECKING

import numpy as np

from kerascnn.report import Panel, Picture, Section, plots
from kerascnn.report.text import percent
from kerascnn.tasks.decisions import class_section, images_seen
from kerascnn.tasks.detection.drawing import colours
from kerascnn.tasks.detection.errors import KINDS, RECALL
from kerascnn.tasks.detection.prediction import SURE
from kerascnn.tasks.drawing import beside, legend

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess
    from kerascnn.tasks.detection.evaluation import BoxEvaluation

SHOWN = 12  # images of the best, and of the worst


def sections(found: "BoxEvaluation", split: "Split", preprocess: "Preprocess") -> list[Section]:
    """The sections of a report; images are taken from the split that was evaluated."""
    of_images = found.of_images
    order = np.argsort(of_images, kind="stable")[: np.isfinite(of_images).sum()]  # NaN comes last
    worst, best = order[:SHOWN], order[::-1][: min(SHOWN, len(order) - SHOWN)] if len(order) > SHOWN else order[:0]
    shown = [
        boxes("Worst images", found, worst, split, preprocess),
        boxes("Best images", found, best, split, preprocess),
    ]
    return [classes(found), curves(found), errors(found), *(section for section in shown if section.pictures)]


def classes(found: "BoxEvaluation") -> Section:
    ap, ap50 = found.of_classes.T
    columns = {"Objects": ("count", found.support), "AP": ("bar", ap), "AP50": ("bar", ap50)}
    return class_section(found.labels, columns, width=0.6)


def curves(found: "BoxEvaluation") -> Section:
    """Precision against recall, of all classes together."""
    of_iou = {f"IoU {0.5 + place / 20:.2g}": mean_over_classes(found.precision[place, :, :, 0]) for place in (0, 5)}
    panel = Panel(
        note="The mean over the classes: of what the network finds the fraction that is right, for every fraction of "
        "the objects that it finds.",
        drawing=plots.precision_recall(RECALL, of_iou, name="precision"),
        label="Precision against recall at two IoU",
    )
    numbers = {"recall": RECALL, **{f"precision at {name}": values for name, values in of_iou.items()}}
    return Section(title="Precision and recall", panels=[panel], numbers={"precision_recall": numbers}, width=0.4)


def errors(found: "BoxEvaluation") -> Section:
    """How many errors of each kind there are, and what they cost."""
    panel = Panel(
        columns={"Kind": "name", "A detection that": "text", "All": "count", "Sure": "count", "AP50 lost": "bar"},
        rows=[(each.kind, KINDS[each.kind], each.count, each.sure, each.cost) for each in found.errors],
        label="Errors by kind",
    )
    text = (
        f"Of all detections, and of those with a score of {percent(SURE, 0)} or more; and by how much AP50 would be "
        "larger if nothing went wrong in that way alone (Bolya et al. 2020)."
    )
    return Section(title="Errors", text=text, panels=[panel])


def mean_over_classes(precision: np.ndarray) -> np.ndarray:
    """(101,) of (101, classes), over those that have objects; 0 where none has."""
    known = ~np.isnan(precision).all(axis=0)
    return precision[:, known].mean(axis=1) if known.any() else np.zeros(len(precision))


def boxes(title: str, found: "BoxEvaluation", places: np.ndarray, split: "Split", preprocess: "Preprocess") -> Section:
    """Images at some places, each with its true boxes and beside it with the network's."""
    images = images_seen(split.take(places), preprocess) if len(places) else []
    pictures = [
        Picture(
            image=beside(found.targets[i].picture(image), found.predictions[i].picture(image)),
            caption=f"{percent(float(found.of_images[i]), 1)} alike",
            details=[split.name(i)],
            alt=f"{split.name(i)}, its objects and those that the network finds",
        )
        for i, image in zip(places.tolist(), images, strict=True)
    ]
    key = Panel(drawing=legend(found.labels, colours(len(found.labels))), label="Colours of the classes")
    text = f"The objects of the image, and what the network finds with a score of {percent(SURE, 0)} or more."
    return Section(title=title, text=text, panels=[key], pictures=pictures)
