"""Measure a model file on labelled images, and write what was found: a page with plots, and its numbers as JSON."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.card import Card
from kerascnn.data.transforms.corruptions import SEVERITIES, check, corrupt
from kerascnn.errors import need
from kerascnn.evaluation import Robustness, robustness
from kerascnn.report import Report, write_report
from kerascnn.report import robustness as corruptions
from kerascnn.runtime import Runner, open_model
from kerascnn.tasks import Evaluation, Task
from kerascnn.workflows.common import BATCH, evaluated, labelled, size_of, task_of

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess

CALLED = {"train": "training images", "validation": "validation images", "test": "test images"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a model file is measured.

    Parameters
    ----------
    split
        "train", "validation" or, where the source has one, "test".
    crops
        1, 5 or 10 views of each image, whose probabilities are averaged. Corrupted images have one.
    kinds, severities
        Corruptions to measure, one at a time.
    on_corrupt
        What to do about images that cannot be decoded, as :func:`kerascnn.data.open_data` takes it.
    seed
        Decides which half of the images a temperature is found on, and what corruptions draw.
    """

    split: str = "validation"
    crops: int = 1
    kinds: tuple[str, ...] = ()
    severities: tuple[int, ...] = SEVERITIES
    on_corrupt: str = "refuse"
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Assessment:
    """What was found of a model file; ``robustness`` is None when not asked for."""

    evaluation: Evaluation
    robustness: Robustness | None
    metric: str

    @property
    def text(self) -> str:
        """All numbers as lines for a terminal."""
        return self.evaluation.text() + (f"\n\n{self.robustness.text(self.metric)}" if self.robustness else "")


def assess(model: Path, source: str, plan: Plan, page: Path, command: str = "") -> Assessment:
    """Run a model file over labelled images as ``plan`` says, and write ``page`` with its numbers as JSON beside it.

    Parameters
    ----------
    model
        A ``.keras``, ``.tflite`` or ``.onnx`` file, or the folder of a SavedModel, with its card beside it.
    source
        The images, as :func:`kerascnn.data.open_data` takes them; their classes must be those of the card.
    page
        What to write, ending in ``.html``; an earlier page is replaced.
    command
        The command line, for the page.

    Raises
    ------
    ValueError, OSError, ImportError
        When the plan, the model or the data is not as it should be; before any image is seen where that can be known.
    """
    card = Card.read(model)
    prepare(plan)
    task, runner = task_of(card), open_model(model)
    views, preprocess = task.views(runner, card.preprocess, plan.crops)
    data = labelled(source, plan.on_corrupt, model, card)
    images = getattr(data, plan.split)
    if images is None:
        raise ValueError(f"{source} has no test part. Measure its validation part: --split validation.")

    found = Assessment(
        evaluation=evaluated(views, images, preprocess, task, max(1, BATCH // plan.crops)),
        robustness=under_corruption(runner, images, card.preprocess, task, plan) if plan.kinds else None,
        metric=task.title,
    )
    facts = {
        "command": command,
        "file": f"{runner.path}, {size_of(runner.path):,} bytes",
        "network": f"{card.model}, images {card.preprocess.size} x {card.preprocess.size} x {card.preprocess.channels}",
        "data": f"{source}, {len(images)} {CALLED[plan.split]}, {data.fingerprint}",
        "views of an image": f"{plan.crops}" + (", probabilities averaged" if plan.crops > 1 else ""),
        "seed": f"{plan.seed}",
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }
    evaluation, under = found.evaluation, found.robustness
    report = Report(
        title=f"{card.model}: {runner.path.name}",
        subtitle=f"{len(images)} {CALLED[plan.split]} of {len(card.labels)} classes",
        metric=(task.metric, task.title),
        facts=facts,
        headlines=[*evaluation.headlines(), *([corruptions.headline(under)] if under else [])],
        sections=[
            *evaluation.sections(images, card.preprocess),
            *([corruptions.section(under, task.title)] if under else []),
        ],
        numbers=evaluation.as_dict(),
    )
    write_report(page, report, overwrite=True)
    return found


def prepare(plan: Plan) -> None:
    """Find out at once what would stop the work later."""
    check(plan.kinds, plan.severities)
    need("matplotlib", "report", "The page of an evaluation")
    need("jinja2", "report", "The page of an evaluation")
    for kind in plan.kinds:
        corrupt(np.zeros((1, 1, 1), np.uint8), kind, 1)  # some need packages of their own


def under_corruption(runner: Runner, images: "Split", preprocess: "Preprocess", task: Task, plan: Plan) -> Robustness:
    """Corrupt what a network sees of each image, before it is normalised, as ImageNet-C does."""
    import tensorflow as tf

    from kerascnn.data.images import normalised
    from kerascnn.data.pipeline import batches

    channels = preprocess.channels
    as_pixels = replace(preprocess, mean=(0.0,) * channels, std=(1 / 255,) * channels)
    return robustness(
        lambda pixels: runner(normalised(tf.cast(pixels, tf.float32), preprocess).numpy()),
        batches(images, as_pixels, BATCH, encode=task.encode),
        task.evaluator,
        plan.kinds,
        plan.severities,
        plan.seed,
    )
