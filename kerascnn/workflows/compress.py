"""Compress a trained model file on its data, and measure what that cost and what it saved."""

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerascnn.card import Card
from kerascnn.compression.clustering import Clustering, cluster
from kerascnn.compression.filters import Filters, remove_filters
from kerascnn.compression.pruning import Pruning, prunable, prune, sparsities
from kerascnn.compression.quantization import quantize_aware
from kerascnn.compression.sizes import Footprint, footprints, verdict
from kerascnn.compression.tuning import DEFAULT, Tuning, tuned
from kerascnn.deploy import export
from kerascnn.files import written_whole
from kerascnn.graph.cost import cost
from kerascnn.graph.fake_quantised import is_fake_quantised, refuse_fake_quantised
from kerascnn.runtime import keras_runner, load_keras
from kerascnn.workflows.common import evaluated, labelled, need_free, some_images, task_of

if TYPE_CHECKING:
    from kerascnn.data import Data


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done to a network, in this order; what is None is not done. Each step tunes the network anew."""

    filters: Filters | None = None
    pruning: Pruning | None = None
    clustering: Clustering | None = None
    int8: bool = False
    tuning: Tuning = DEFAULT

    def __post_init__(self) -> None:
        if self.filters is self.pruning is self.clustering is None and not self.int8:
            raise ValueError("Nothing is to be done: say what share of weights to prune, or filters, clusters or int8.")


@dataclass(frozen=True, kw_only=True)
class Side:
    """What a network is worth and what it costs.

    Parameters
    ----------
    zeros
        The share of them in the kernels that were to be pruned; None where none were.
    """

    headline: float
    parameters: int
    macs: int
    zeros: float | None
    footprint: Footprint


@dataclass(frozen=True, kw_only=True)
class Slimmed:
    """The network before and after, and in a sentence what was saved."""

    before: Side
    after: Side
    verdict: str


def slim(model: Path, source: str, plan: Plan, out: Path, *, overwrite: bool = False) -> Slimmed:
    """Compress a ``.keras`` file with its card beside it, and write the result with a card of its own.

    Both networks are then measured on the held-out images, and as ``.tflite`` files side by side, of float32 or, once
    tuned for it, of int8; the card is written once more, with what was found.

    Parameters
    ----------
    model
        The file.
    source
        The images, as :func:`kerascnn.data.open_data` takes them; their classes must be those of the card.
    out
        What to write, ending in ``.keras``.

    Raises
    ------
    FileExistsError
        When something is already there and ``overwrite`` is not set.
    ValueError, OSError, ImportError
        When the model or the data is not as it should be.
    RuntimeError
        When the networks cannot be measured. The result is there all the same, with a card without figures.
    """
    need_free(out, overwrite)
    card, network = Card.read(model), load_keras(model)
    refuse_fake_quantised(network)
    pruned = set(sparsities(network, plan.pruning)) if plan.pruning else set()
    data = labelled(source, "refuse", model, card)
    small = steps(network, training(data, card, plan.tuning), plan)
    facts = {"from": model.name, "plan": asdict(plan)}

    def write_card() -> None:
        replace(card, facts={**card.facts, "compression": facts}).write(out)

    with written_whole(out) as draft:
        small.save(draft)
    write_card()
    try:
        found = compared([network, small], data, card, pruned)
    except Exception as error:
        raise RuntimeError(f"{out} and its card are written, but measuring them failed: {error}") from error
    facts |= {task_of(card).metric: found.after.headline, "verdict": found.verdict}
    write_card()
    return found


def training(data: "Data", card: Card, tuning: Tuning) -> Any:
    """The training images as batches: all epochs one after the other, each in its own order over all images."""
    from kerascnn.data.pipeline import batches

    places = range(tuning.epochs * len(data.train))
    return batches(data.train, card.preprocess, tuning.batch, seed=tuning.seed, shuffle=True, places=places)


def steps(network: keras.Model, train: Any, plan: Plan) -> keras.Model:
    """The network after each step of a plan; ``train`` holds all epochs of a tuning."""
    once = replace(plan.tuning, epochs=1)
    if plan.filters:
        network = tuned(remove_filters(network, plan.filters).model, train, once)
    if plan.pruning:
        network = prune(network, train, plan.pruning, once)
    if plan.clustering:
        network = cluster(network, train, plan.clustering, once)
    if plan.int8:
        network = quantize_aware(network, train, once).simulation
    return network


def compared(networks: list[keras.Model], data: "Data", card: Card, pruned: set[str]) -> Slimmed:
    """Two networks on the held-out images, and side by side as files; zeros are counted in some layers' kernels."""
    seen, _ = some_images(data.validation, card.preprocess, 64)
    with tempfile.TemporaryDirectory() as folder:
        formats = ["tflite-int8" if is_fake_quantised(network) else "tflite" for network in networks]
        files = [
            export(network, Path(folder) / f"{i}.tflite", format, calibration=seen).path
            for i, (network, format) in enumerate(zip(networks, formats, strict=True))
        ]
        sizes = footprints(files)
    sides = []
    for network, size in zip(networks, sizes, strict=True):
        runner = keras_runner(network, network.name)
        counted, kernels = cost(network), [k for name, k in prunable(network).items() if name in pruned]
        sides.append(
            Side(
                headline=evaluated(runner, data.validation, card.preprocess, task_of(card)).headline,
                parameters=counted.parameters,
                macs=counted.macs,
                zeros=sum(int(np.sum(k == 0)) for k in kernels) / sum(k.size for k in kernels) if kernels else None,
                footprint=size,
            )
        )
    before, after = sides
    return Slimmed(before=before, after=after, verdict=verdict(before.footprint, after.footprint))
