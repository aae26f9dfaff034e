"""What a network's segments are worth: panoptic quality, as COCO counts it.

Kirillov et al. 2018, https://arxiv.org/abs/1801.00868, section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.data.segments import coco_masks, encoded, in_array
from kerascnn.errors import need
from kerascnn.report.records import Headline, Section
from kerascnn.report.text import count, percent
from kerascnn.tasks.decisions import or_none, table
from kerascnn.tasks.instance.prediction import MASKS
from kerascnn.tasks.panoptic import report
from kerascnn.tasks.panoptic.prediction import PanopticPrediction, segments_in
from kerascnn.tasks.task import Arrays

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess

HIT = 0.5  # IoU above which a segment is found: of segments that share no pixel, one pair at most can have it
GROUPS = ("All", "Things", "Stuff")
NUMBERS = ("pq", "sq", "rq")  # panoptic, segmentation and recognition quality


@dataclass(frozen=True, eq=False)
class Segments:
    """The true segments of one image, in its pixels as the network sees it."""

    masks: np.ndarray  # (n,) runs
    classes: np.ndarray  # (n,) int32
    crowd: np.ndarray  # (n,) bool
    size: tuple[int, int]  # height and width


@dataclass(frozen=True, eq=False)
class PanopticEvaluation:
    """What a network made of images whose segments are known; pixels of none count for nothing."""

    predictions: tuple[PanopticPrediction, ...]
    targets: tuple[Segments, ...]
    labels: tuple[str, ...]
    things: int  # how many of the labels are things, the first

    @property
    def samples(self) -> int:
        return len(self.targets)

    @property
    def headline(self) -> float:
        return self.pq

    @cached_property
    def measured(self) -> dict[str, Any]:
        """What COCO's measures are, of all, of things, of stuff, and of each class that occurs."""
        coco, panoptic = (
            need(module, "detection", "Measuring panoptic quality") for module in ("hotcoco", "hotcoco.panoptic")
        )
        categories = [
            {"id": number, "name": label, "isthing": int(number < self.things)}
            for number, label in enumerate(self.labels)
        ]
        images = [
            {"id": number, "height": known.size[0], "width": known.size[1]} for number, known in enumerate(self.targets)
        ]
        truth, found = (
            coco.COCO({"images": images, "annotations": listed(segments), "categories": categories})
            for segments in (self.targets, self.predictions)
        )
        of_coco = panoptic.PanopticEval(truth, found)
        of_coco.evaluate()
        return of_coco.results()

    def quality(self, group: str = "All", number: str = "pq") -> float:
        """One of ``NUMBERS``, its mean over the classes of one of ``GROUPS`` that occur; NaN where none does."""
        found = self.measured[group]
        return float(found[number]) if found["n"] else float("nan")

    @property
    def pq(self) -> float:
        """Panoptic quality, the mean over the classes that occur in truth or prediction."""
        return self.quality()

    @property
    def of_classes(self) -> np.ndarray:
        """(classes, 3) ``NUMBERS`` of each; NaN for those that occur in neither truth nor prediction."""
        rows = np.full((len(self.labels), len(NUMBERS)), np.nan)
        for number, found in self.measured["per_class"].items():
            if found["tp"] + found["fp"] + found["fn"]:
                rows[int(number)] = [found[each] for each in NUMBERS]
        return rows

    @property
    def support(self) -> np.ndarray:
        """(classes,) number of segments; crowds are none."""
        numbers = [known.classes[~known.crowd] for known in self.targets]
        return np.bincount(np.concatenate(numbers), minlength=len(self.labels))

    @property
    def of_images(self) -> np.ndarray:
        """(N,) panoptic quality of each image, of all its segments together; NaN where there is none."""
        pairs = zip(self.predictions, self.targets, strict=True)
        return np.array([quality_of_pair(found, known) for found, known in pairs])

    def agreement(self, other: "PanopticEvaluation") -> float:
        """Panoptic quality of one model's segments by the other's, the mean over images; 1 where neither has any.

        Raises ``ValueError`` when the two did not see the same images in the same order, or name other classes.
        """
        if self.labels != other.labels:
            raise ValueError("The two evaluations have different labels. Compare models of the same classes.")
        if self.samples != other.samples or any(
            [*a.masks] != [*b.masks] for a, b in zip(self.targets, other.targets, strict=True)
        ):
            raise ValueError(
                f"The two evaluations saw different images ({self.samples} and {other.samples}, or the same number in "
                "another order or size). Evaluate both on the same batches, without shuffling."
            )
        pairs = zip(self.predictions, other.predictions, strict=True)
        return float(np.nan_to_num([quality_of_pair(a, b) for a, b in pairs], nan=1.0).mean())

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON can hold it; None stands for what is not defined."""
        groups = {
            f"{number}_{group.lower()}" if group != "All" else number: or_none(self.quality(group, number))
            for group in GROUPS
            for number in NUMBERS
        }
        rows = zip(self.labels, self.support.tolist(), self.of_classes.tolist(), strict=True)
        classes = [
            {"label": label, "thing": number < self.things, "segments": segments}
            | {name: or_none(value) for name, value in zip(NUMBERS, values, strict=True)}
            for number, (label, segments, values) in enumerate(rows)
        ]
        return {"samples": self.samples, **groups, "classes": classes}

    def text(self) -> str:
        """Panoptic quality of all, things and stuff, and a table of the classes."""
        head = ", ".join(f"{group.lower()} {percent(self.quality(group))}" for group in GROUPS[1:])
        rest = f"SQ {percent(self.quality(number='sq'))}, RQ {percent(self.quality(number='rq'))}"
        columns = {"segments": [*map(count, self.support.tolist())]}
        columns |= {
            name.upper(): [*map(percent, values)] for name, values in zip(NUMBERS, self.of_classes.T, strict=True)
        }
        return "\n".join([f"PQ {percent(self.pq)}, {rest}; {head}", "", *table(self.labels, columns)])

    def headlines(self) -> Sequence[Headline]:
        segments = f"of {count(int(self.support.sum()))} segments on {count(self.samples)} images"
        return [
            Headline("PQ", percent(self.pq), segments),
            *(Headline(f"PQ {group.lower()}", percent(self.quality(group)), "") for group in GROUPS[1:]),
        ]

    def sections(self, split: "Split", preprocess: "Preprocess") -> Sequence[Section]:
        return report.sections(self, split, preprocess)


@dataclass(eq=False)
class Segmenter:
    """Makes segments of every batch, and keeps their runs; see :class:`kerascnn.evaluation.loop.Evaluator`."""

    labels: tuple[str, ...]
    things: int = 0  # of the outputs
    found: list[PanopticPrediction] = field(default_factory=list)
    known: list[Segments] = field(default_factory=list)

    def add(self, outputs: Arrays, targets: Arrays) -> None:
        side = np.asarray(targets[MASKS]).shape[2]
        predictions = segments_in(outputs, self.labels, (side, side))
        self.things = predictions[0].things if predictions else self.things
        self.found.extend(predictions)
        for place, valid in enumerate(np.asarray(targets["valid"])):
            classes, crowd = (np.asarray(targets[name])[place][valid] for name in ("classes", "crowd"))
            bitmaps = np.unpackbits(np.asarray(targets[MASKS])[place][valid], axis=-1)[..., :side]
            runs = in_array([encoded(bitmap) for bitmap in bitmaps])
            self.known.append(Segments(runs, classes, crowd, (side, side)))

    def result(self) -> PanopticEvaluation:
        if not self.known:
            raise ValueError("There is nothing to evaluate: the batches hold no image. Check the split and its folder.")
        return PanopticEvaluation(tuple(self.found), tuple(self.known), self.labels, self.things)


def listed(images: Sequence[Segments | PanopticPrediction]) -> list[dict[str, Any]]:
    """The segments of some images as COCO's JSON has objects."""
    rows = [
        {"image_id": number, "category_id": kind, "segmentation": mask, "iscrowd": int(crowd)}
        for number, image in enumerate(images)
        for mask, kind, crowd in zip(image.masks, image.classes.tolist(), crowds(image), strict=True)
    ]
    return [
        {"id": number, "area": int(coco_masks().area(each["segmentation"])), **each}
        for number, each in enumerate(rows, 1)
    ]


def crowds(image: Segments | PanopticPrediction) -> np.ndarray:
    return image.crowd if isinstance(image, Segments) else np.zeros(len(image.masks), bool)


def quality_of_pair(found: PanopticPrediction, known: Segments | PanopticPrediction) -> float:
    """Panoptic quality of some segments by others, all classes together; NaN where there is none. Equation 1."""
    there = ~crowds(known)
    others = known.masks[there]
    if not len(found.masks) or not len(others):
        return float("nan") if len(found.masks) == len(others) else 0.0
    iou = coco_masks().iou([*found.masks], [*others], [False] * len(others))
    hits = iou[(iou > HIT) & (found.classes[:, None] == known.classes[there])]
    return float(hits.sum() / (len(hits) + (len(found.masks) + len(others) - 2 * len(hits)) / 2))
