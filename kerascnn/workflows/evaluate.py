"""Measure a model file on annotated images, and write what was found: a page with plots, and its numbers as JSON."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.arguments import checked
from kerascnn.card import Card
from kerascnn.data import Data, Source, open_source
from kerascnn.data.dataset import FRACTION
from kerascnn.data.splitting import divided
from kerascnn.data.transforms.corruptions import SEVERITIES, check, corrupt
from kerascnn.errors import need
from kerascnn.evaluation import Robustness, robustness
from kerascnn.files import clear_drafts
from kerascnn.report import Report, write_report
from kerascnn.report import robustness as corruption_report
from kerascnn.runtime import Runner
from kerascnn.tasks import Evaluation, Task, task_of
from kerascnn.workflows.common import BATCH, evaluated, network_of, opened_for_many, size_of

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess

SPLITS = ("all", "train", "validation", "test")


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """What was measured of a model file."""

    evaluation: Evaluation  # the task's numbers: headline, as_dict(), text()
    robustness: Robustness | None  # the headline metric under corruption; None when not asked for
    images: str  # which images were measured, in words
    comparison: str  # how they relate to those that the model was trained on, in words
    metric: str  # what the headline metric is called
    note: str = ""  # what of the source was not measured, or is to be known of its images

    def text(self) -> str:
        """All numbers as lines for a terminal."""
        corruptions = f"\n\n{self.robustness.text(self.metric)}" if self.robustness else ""
        lines = filter(None, (self.images, self.note, self.comparison, self.evaluation.text()))
        return "\n".join(lines) + corruptions


@checked
def evaluate(
    model: str | os.PathLike[str],
    source: Any,
    *,
    split: str | None = None,
    crops: int = 1,
    corruptions: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    on_corrupt: str = "refuse",
    report: str | os.PathLike[str] | None = None,
    command: str = "",
) -> Measured:
    """Run a model file over annotated images.

    Parameters
    ----------
    model
        A ``.keras``, ``.tflite`` or ``.onnx`` file, or the folder of a SavedModel, with its card beside it.
    source
        The images, as :func:`kerascnn.open_data` takes them. Classes are matched by name; it need not have all.
    split
        ``"train"``, ``"validation"``, ``"test"`` or ``"all"`` images. None: the test images, where the source has
        some, else its validation images; a source of one part is measured whole, unless the model was trained on this
        very source: then the images that validated that training.
    crops
        1, 5 or 10 views of each image, whose probabilities are averaged. Corrupted images have one.
    corruptions, severities
        Kinds of ImageNet-C to measure as well, one at a time: names from
        :data:`kerascnn.data.transforms.corruptions.CORRUPTIONS`, and numbers of 1 to 5.
    on_corrupt
        What to do about images that cannot be decoded: ``"refuse"`` the source or ``"skip"`` them.
    report
        A page to write, ending in ``.html``, with the numbers as JSON beside it; an earlier page is replaced.
    command
        The command line, for the page.

    Raises
    ------
    ValueError, OSError, ImportError
        When an argument, the model or the data is not as it should be; before any image is seen where that can be
        known.
    """
    model = Path(model)
    card = Card.read(model)
    if report is not None:
        clear_drafts(Path(report).parent)
    check_needs(corruptions, severities, report is not None)
    task, runner = task_of(card), opened_for_many(model)
    predict, preprocess = task.views(runner, card.preprocess, crops)
    found = open_source(source, on_corrupt=on_corrupt, proposals=runner.proposals > 0)
    own = as_trained(found, card)
    role, images = chosen(found, own, card, source, split)
    images = task.renumbered(images, found.labels)
    measured = Measured(
        evaluation=evaluated(predict, images, preprocess, task, max(1, BATCH // crops)),
        robustness=under_corruption(runner, images, card.preprocess, task, corruptions, severities)
        if corruptions
        else None,
        images=f"all {len(images):,} images of {source}"
        if role == "all"
        else f"{len(images):,} {role} images of {source}, which has {found.found}",
        comparison=comparison(own, card, role),
        metric=task.title,
        note=noted(found),
    )
    if report is not None:
        facts = {
            "command": command,
            "file": f"{runner.path}, {size_of(runner.path):,} bytes",
            "network": network_of(card),
            "images": "; ".join(filter(None, (measured.images, measured.note))),
            "training": measured.comparison,
            "views of an image": f"{crops}" + (", probabilities averaged" if crops > 1 else ""),
            "date": time.strftime("%Y-%m-%d %H:%M"),
        }
        write_report(report, page(measured, task, card, images, f"{card.model}: {model.name}", facts), overwrite=True)
    return measured


def check_needs(corruptions: Sequence[str], severities: Sequence[int], report: bool) -> None:
    """Find out at once what would stop the work later."""
    check(corruptions, severities)
    for package in ("matplotlib", "jinja2") if report else ():
        need(package, "report", "The page of an evaluation")
    for kind in corruptions:
        corrupt(np.zeros((1, 1, 1), np.uint8), kind, 1)  # some need packages of their own


def as_trained(found: Source, card: Card) -> Data | None:
    """The source as the training split it, when it is the very source that the model was trained on."""
    trained = card.facts.get("data")
    if not isinstance(trained, dict) or "fingerprint" not in trained:
        return None
    try:
        data = divided(found, "", trained.get("validation_fraction", FRACTION), trained.get("seed", 0))
    except ValueError:  # it has no images to train on
        return None
    return data if data.fingerprint == trained["fingerprint"] else None


def chosen(found: Source, own: Data | None, card: Card, source: Any, split: str | None) -> tuple[str, "Split"]:
    """The part to measure, and its role."""
    parts = found.parts
    if split is None:
        split = next((role for role in ("test", "validation") if role in parts), "validation" if own else "all")
    if split == "all":
        return "all", found.whole()
    if split in parts:
        return split, parts[split]
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    if own and split != "test":
        return split, getattr(own, split)
    if split != "test" and not card.facts.get("data"):
        return split, getattr(divided(found, source), split)
    raise ValueError(f"{source} has no {split} images: it has {found.found}. Measure it whole: --split all.")


def comparison(own: Data | None, card: Card, role: str) -> str:
    """How the images that were measured relate to those of the training."""
    trained = card.facts.get("data")
    if not isinstance(trained, dict):
        return "nothing is known of the images that the model was trained on"
    if own is None:
        return f"not the images that the model was trained on: those were {trained.get('source')}, as they were then"
    said = {
        "all": "the model was trained on most of them",
        "train": "the model was trained on them",
        "validation": "they validated its training, which chose the best epoch by them",
        "test": "its training did not touch them",
    }
    return f"the source that the model was trained on; {said[role]}"


def noted(found: Source) -> str:
    """How a source was understood, and which of its images were left out."""
    more = ", ..." if len(found.skipped) > 20 else ""
    skipped = f"{len(found.skipped)} skipped: {', '.join(found.skipped[:20])}{more}" if found.skipped else ""
    return "; ".join(filter(None, (found.note, skipped)))


def under_corruption(
    runner: Runner,
    images: "Split",
    preprocess: "Preprocess",
    task: Task,
    kinds: Sequence[str],
    severities: Sequence[int],
) -> Robustness:
    """Corrupt what a network sees of each image, before it is normalised, as ImageNet-C does."""
    import tensorflow as tf

    from kerascnn.data.images import normalised
    from kerascnn.data.pipeline import batches

    channels = preprocess.channels
    as_pixels = replace(preprocess, mean=(0.0,) * channels, std=(1 / 255,) * channels)
    return robustness(
        lambda pixels, *beside: runner(normalised(tf.cast(pixels, tf.float32), preprocess).numpy(), *beside),
        batches(images, as_pixels, BATCH, encode=task.encode),
        task.evaluator,
        kinds,
        severities,
    )


def page(measured: Measured, task: Task, card: Card, images: "Split", title: str, facts: dict[str, str]) -> Report:
    evaluation, under = measured.evaluation, measured.robustness
    return Report(
        title=title,
        subtitle=measured.images,
        metric=(task.metric, task.title),
        facts=facts,
        headlines=[*evaluation.headlines(), *([corruption_report.headline(under)] if under else [])],
        sections=[
            *evaluation.sections(images, card.preprocess),
            *([corruption_report.section(under, task.title)] if under else []),
        ],
        numbers=evaluation.as_dict(),
    )
