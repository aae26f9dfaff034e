"""Compress a trained model file on its data, and measure what that cost and what it saved."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerascnn.arguments import checked
from kerascnn.card import Card
from kerascnn.compression.clustering import Clustering, cluster
from kerascnn.compression.filters import Filters, remove_filters
from kerascnn.compression.pruning import Pruning, prunable, prune, sparsities
from kerascnn.compression.quantization import quantize_aware
from kerascnn.compression.sizes import Footprint, footprints, verdict
from kerascnn.compression.tuning import DEFAULT, Loss, Tuning, task_loss, tuned
from kerascnn.data import open_data
from kerascnn.deploy import export
from kerascnn.files import written_together
from kerascnn.graph.cost import cost
from kerascnn.graph.fake_quantised import is_fake_quantised, refuse_fake_quantised
from kerascnn.runtime import keras_runner, load_keras, need_tensorflow
from kerascnn.tasks import task_of
from kerascnn.tasks.heads import check_shares
from kerascnn.workflows.common import BATCH, evaluated, need_free, some_images

if TYPE_CHECKING:
    from kerascnn.data import Data
    from kerascnn.tasks import Task


FALL = 0.01  # of the task's metric, from 0 to 1, beyond which a loss is a fall: one point


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done to a network, in this order; what is None is not done. The network is tuned after each step."""

    filters: Filters | None = None
    pruning: Pruning | None = None
    clustering: Clustering | None = None
    int8: bool = False
    tuning: Tuning = DEFAULT

    @property
    def steps(self) -> tuple[str, ...]:
        """What is done, in this order."""
        return tuple(name for name in ("filters", "pruning", "clustering", "int8") if getattr(self, name))

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError(
                "Nothing is to be done: say what fraction of weights to prune, or filters, clusters or int8."
            )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How well a network does its task, and what it costs."""

    headline: float  # the task's metric on the validation images, from 0 to 1
    parameters: int
    macs: int
    zeros: float | None  # fraction of zeros in the kernels that were to be pruned; None where none were
    footprint: Footprint


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """The network before and after."""

    path: Path  # the compressed file
    metric: str  # what the task calls its headline: "Top-1 accuracy"
    before: Measured
    after: Measured
    verdict: str  # in a sentence, what was saved
    fall: str  # in a sentence, how far the metric fell; empty where it did not, by more than ``FALL``


@checked
def compress(
    model: str | os.PathLike,
    data: str | os.PathLike | tuple,
    plan: Plan,
    out: str | os.PathLike | None = None,
    *,
    overwrite: bool = False,
    log: Callable[[str], Any] = print,
) -> Compressed:
    """Compress a ``.keras`` file with its card beside it, and write the result with a card of its own.

    The task's metric is measured on the validation images before and after each step; a loss of more than ``FALL`` is
    called a fall. Both networks are then measured as ``.tflite`` files side by side, of float32 or, once tuned for it,
    of int8; the card is written once more, with the figures.

    Parameters
    ----------
    model
        The file.
    data
        The images, as :func:`kerascnn.data.open_data` takes them; classes are matched by name with those of the card.
    out
        What to write, ending in ``.keras``. None: ``<model>.compressed.keras``.
    overwrite
        Whether a file that is already there may be replaced.
    log
        Takes a line of text at a time: the metric after each step.

    Raises
    ------
    FileExistsError
        When something is already there and ``overwrite`` is not set.
    ValueError, OSError, ImportError
        When the model or the data is not as it should be.
    RuntimeError
        When the networks cannot be measured. The result is there all the same, with a card without figures.
    """
    need_tensorflow("Compression")
    model = Path(model)
    out = Path(out or model.with_name(f"{model.stem}.compressed.keras"))
    need_free(out, overwrite, "compression")
    card, network = Card.read(model), load_keras(model)
    refuse_fake_quantised(network)
    if len(getattr(network, "inputs", None) or ()) > 1:
        raise ValueError(f"{model} looks at more than images, and compression has nothing else. Export it as it is.")
    pruned = set(sparsities(network, plan.pruning)) if plan.pruning else set()
    images, task = open_data(data), task_of(card)
    task.check_model(network)
    images = as_labelled(images, task)
    batches = training_batches(images, card, task, plan.tuning)
    check_shares(network, lambda: next(iter(batches))[0])

    def scored(network: keras.Model) -> float:
        return evaluated(keras_runner(network, network.name), images.validation, card.preprocess, task).headline

    small, scores = network, [scored(network)]
    log(f"{task.title} {scores[0]:.2%} before")
    for step in plan.steps:
        small = taken(step, plan, small, batches, task)
        if step != plan.steps[-1]:  # the last one is measured when it is safe on disk
            scores.append(scored(small))
            log(said(step, task.title, *scores[-2:]))
    facts = {"from": model.name, "plan": asdict(plan)}

    def write_card(file: Path) -> None:
        network = None if plan.filters else card.network  # without some filters it is no longer what the row says
        replace(card, network=network, facts={**card.facts, "compression": facts}).write(file)

    with written_together(Card.path(out), out) as (_, draft):
        write_card(draft)
        small.save(draft)
    try:
        scores.append(scored(small))
        log(said(plan.steps[-1], task.title, *scores[-2:]))
        before, after = measure([network, small], [scores[0], scores[-1]], images, card, pruned)
    except Exception as error:
        raise RuntimeError(f"{out} and its card are written, but measuring them failed: {error}") from error
    saved = verdict(before.footprint, after.footprint)
    steps = dict(zip(("before", *plan.steps), scores, strict=True))
    facts |= {task.metric: after.headline, "steps": steps, "verdict": saved}
    write_card(out)
    fall = fall_of("In all", task.title, before.headline, after.headline)
    return Compressed(path=out, metric=task.title, before=before, after=after, verdict=saved, fall=fall)


def said(step: str, metric: str, before: float, after: float) -> str:
    """The metric after a step, and whether that is a fall."""
    return " ".join(filter(None, (f"{metric} {after:.2%} after {step}.", fall_of("That", metric, before, after))))


def fall_of(what: str, metric: str, before: float, after: float) -> str:
    """A sentence where the metric fell by more than ``FALL``, else nothing."""
    if before - after <= FALL:
        return ""
    return (
        f"{what} is a fall of {100 * (before - after):.1f} points, from {metric} {before:.2%}: take less away, or tune "
        "longer or at another rate."
    )


def as_labelled(data: "Data", task: "Task") -> "Data":
    """The same data with the classes of a task, matched by name; all of them must be there to train on."""
    if lacking := [label for label in task.labels if label not in data.labels]:
        raise ValueError(
            f"The model knows the classes {', '.join(lacking)}, of which the data has no images; it has "
            f"{', '.join(data.labels)}. Compress it on images of all its classes."
        )
    train, validation = (task.renumbered(part, data.labels) for part in (data.train, data.validation))
    return replace(data, train=train, validation=validation, labels=task.labels)


def training_batches(data: "Data", card: Card, task: "Task", tuning: Tuning) -> Any:
    """The training images as batches: all epochs one after the other, each in its own order over all images."""
    from kerascnn.data.pipeline import batches

    order = {"seed": tuning.seed, "shuffle": True, "places": range(tuning.epochs * len(data.train))}
    return batches(data.train, card.preprocess, tuning.batch, encode=task.encode, **order)


def taken(step: str, plan: Plan, network: keras.Model, train: Any, task: "Task") -> keras.Model:
    """The network after one step of a plan; ``train`` holds all epochs of a tuning."""
    if part := task.part_to_tune(network):
        return part.whole(changed(step, plan, part.model, train, part.loss))
    return changed(step, plan, network, train, task_loss(task, network))


def changed(step: str, plan: Plan, network: keras.Model, train: Any, loss: Loss) -> keras.Model:
    """The same, of a network whose outputs a loss takes."""
    once = replace(plan.tuning, epochs=1)
    if step == "filters":
        return tuned(remove_filters(network, plan.filters or Filters()).model, train, once, loss)
    if step == "pruning":
        return prune(network, train, plan.pruning or Pruning(), once, loss)
    if step == "clustering":
        return cluster(network, train, plan.clustering or Clustering(), once, loss)
    return quantize_aware(network, train, once, loss).simulation


def measure(
    networks: list[keras.Model], headlines: list[float], data: "Data", card: Card, pruned: set[str]
) -> list[Measured]:
    """Networks side by side, as files too; zeros are counted in some layers' kernels."""
    images, _ = some_images(data.validation, card.preprocess, BATCH)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, network in enumerate(networks):
            form = "tflite-int8" if is_fake_quantised(network) else "tflite"
            files.append(export(network, Path(folder) / f"{i}.tflite", form, calibration=images).path)
        sizes = footprints(files)
    found = []
    for network, headline, size in zip(networks, headlines, sizes, strict=True):
        counted, kernels = cost(network), [kernel for name, kernel in prunable(network).items() if name in pruned]
        zeros = sum(int(np.sum(kernel == 0)) for kernel in kernels)
        found.append(
            Measured(
                headline=headline,
                parameters=counted.parameters,
                macs=counted.macs,
                zeros=zeros / sum(kernel.size for kernel in kernels) if kernels else None,
                footprint=size,
            )
        )
    return found
