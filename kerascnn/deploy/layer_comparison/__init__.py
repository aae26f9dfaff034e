"""Where a file computes something else than its model: the two, layer by layer.

Two numbers tell of each layer, as signal-to-noise ratios in decibels. *SNR* compares what the file computed with what
Keras computes from the same image: all that went wrong so far. *Own SNR* compares it with what Keras computes from the
very values that the file had before this layer: what went wrong here. A layer whose own SNR is low is where to look;
one whose SNR is low and whose own is high passes on what it was given.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.arguments import checked
from kerascnn.card import Card
from kerascnn.deploy.images import spread_out, stacked
from kerascnn.deploy.layer_comparison.activations import Activations, as_layer, open_activations
from kerascnn.deploy.request import check_model
from kerascnn.graph.graph import Graph
from kerascnn.graph.rewrite import in_float32
from kerascnn.progress import track
from kerascnn.runtime import deep_graphs, load_keras

if TYPE_CHECKING:
    import keras

__all__ = ["LayerComparison", "Row", "compare_layers"]

SOUND = {"float32": 60.0, "float16": 30.0, "int16x8": 30.0, "dynamic": 12.0, "int8": 12.0}  # own SNR in dB, at least
EXACT = 150.0  # dB: equal but for the last bit
OUTLYING = 10.0  # dB
FRACTION = 10  # one layer of so many may be suspected, and one at least


@dataclass(frozen=True, kw_only=True)
class Row:
    """One layer.

    Parameters
    ----------
    layer
        The layer whose output is compared.
    starts
        The compared layers whose outputs it was computed from.
    covers
        The layers between the values that are compared before and this one, itself the last: those that the file
        computes at once with it, and those whose output it does not hold.
    snr, own_snr
        In decibels; infinite where both are equal to the bit. See the head of this file.
    cosine
        Of the angle between both outputs.
    """

    layer: str
    starts: tuple[str, ...]
    covers: tuple[str, ...]
    snr: float
    own_snr: float
    cosine: float


@dataclass(frozen=True, kw_only=True)
class LayerComparison:
    """A model and a file of it, layer by layer.

    Parameters
    ----------
    file, precision
        The file, and what it computes in: "float32", "float16", "dynamic", "int8" or "int16x8".
    samples
        Number of images.
    rows
        One for each output of a layer that the file holds, in the order of the network, the image first.
    """

    file: str
    precision: str
    samples: int
    rows: tuple[Row, ...]

    @property
    def worst(self) -> list[Row]:
        """Layers by how far they themselves bring the SNR down, the worst first.

        That is from the SNR of what a layer was given to its own SNR. What comes after a fault is out of the ranges
        that were measured, and errs too; but it was given nothing better. An SNR above that of most layers, as of the
        image itself, which is exact, counts as that of most.
        """
        snr = {row.layer: min(row.snr, self.usual) for row in self.rows}
        return sorted(self.rows[1:], key=lambda row: row.own_snr - min(snr[start] for start in row.starts))

    @property
    def first_broken(self) -> Row | None:
        """The first layer that gets more wrong than its precision excuses."""
        return next((row for row in self.rows if row.own_snr < SOUND[self.precision]), None)

    def suspects(self) -> tuple[str, ...]:
        """Layers that an int8 file may be better with in float, the worst first; :func:`.proposals.propose` tries them.

        They are those whose own SNR is ``OUTLYING`` below that of most, a tenth of all layers at most. Where all err
        alike there are none, for then no few of them would help.
        """
        if self.precision != "int8":
            return ()
        outlying = [row.layer for row in self.worst if row.own_snr < self.usual - OUTLYING]
        return tuple(outlying[: max(1, len(self.rows) // FRACTION)])

    @property
    def usual(self) -> float:
        return min(float(np.median([row.own_snr for row in self.rows[1:]])), EXACT)

    def as_dict(self) -> dict[str, Any]:
        """The comparison as JSON can hold it; an infinite SNR is None."""
        broken = self.first_broken
        return {
            "file": self.file,
            "precision": self.precision,
            "samples": self.samples,
            "rows": [
                {name: None if value == float("inf") else value for name, value in vars(row).items()}
                for row in self.rows
            ],
            "first_broken": broken.layer if broken else None,
            "worst": [row.layer for row in self.worst[:FRACTION]],
            "suspects": list(self.suspects()),
        }


@checked
@deep_graphs()
def compare_layers(
    model: "keras.Model | str | os.PathLike",
    file: str | os.PathLike,
    images: np.ndarray | Iterable[Any],
    *,
    card: Card | None = None,
) -> LayerComparison:
    """Compare a model and an exported file of it, layer by layer.

    Parameters
    ----------
    model
        A Keras model of one image input, or the path of a ``.keras`` file.
    file
        A ``.tflite`` or ``.onnx`` file that was made of it, by ``export`` or otherwise; its tensors must still be
        named after the layers.
    images
        As for ``export``: preprocessed float32, (N, H, W, C) or one by one. Up to 64 are taken; 8 say enough. Of a
        file of pixels both sides see the nearest pixels.
    card
        The model's card, which says how a file of pixels normalises them. None: the card beside ``model``, where that
        is a path and has one; without a card the model takes pixels too.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is of another kind or of another model, or the images are not what the model takes.
    ImportError
        When the runtime of the file is not installed.
    """
    if isinstance(model, str | os.PathLike):
        card = card or Card.beside(Path(model))
        model = load_keras(model)
    check_model(model)
    model = in_float32(model)
    given = spread_out(stacked(images, tuple(model.inputs[0].shape[1:])))
    found = open_activations(Path(file), model, card.preprocess if card else None)
    images = found.seen(given)
    layers = truly_computed(model, found, images[:1])
    sums, spans = sums_of(model, found, layers, images), between(model, layers)
    rows = [row(layer, *spans[layer], *sums[layer]) for layer in layers]
    if min(rows[0].snr, decibels(np.sum(given**2), np.sum((given - images) ** 2))) < SOUND["int8"]:
        way_on = "Were they prepared for it?"
        if found.pixels and card is None:
            way_on = "It takes plain pixels: pass card=, the model's, if it normalises them."
        raise ValueError(f"{file} takes other images than these: they are far beyond its range. {way_on}")
    return LayerComparison(file=str(Path(file)), precision=found.precision, samples=len(images), rows=tuple(rows))


def truly_computed(model: "keras.Model", file: Activations, images: np.ndarray) -> tuple[str, ...]:
    """The layers of a file whose tensors are what these layers compute, and not merely named after them.

    A converter may move a factor from one layer to the next: then the first one's tensor is off by it. Whatever follows
    is right from the image on, and seems wrong from that tensor on; what is right cannot have come of what is wrong.
    """
    layers, sound = file.layers, SOUND[file.precision]
    while True:
        sums, spans = sums_of(model, file, layers, images), between(model, layers)
        rows = {layer: row(layer, *spans[layer], *sums[layer]) for layer in layers}
        seeming = [row for row in rows.values() if row.own_snr < sound <= row.snr]
        false = {name for row in seeming for name in row.starts if rows[name].snr < sound} - {layers[0]}
        if not false:
            return layers
        layers = tuple(layer for layer in layers if layer not in false)


def between(model: "keras.Model", layers: Iterable[str]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """By layer: which of ``layers`` it starts from, and all that is computed from there to it, itself the last."""
    wanted, found = set(layers), {}
    pending: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {}  # the same, of each tensor
    for call in Graph(model).calls:
        name, before = call.operation.name, [pending[id(x)] for x in call.inputs]
        starts = tuple(dict.fromkeys(start for each in before for start in each[0]))
        covers = (*dict.fromkeys(cover for each in before for cover in each[1]), name)
        if name in wanted:
            found[name], starts, covers = (starts, covers), (name,), ()
        pending |= {id(x): (starts, covers) for x in call.outputs}
    return found


def row(layer: str, starts: tuple[str, ...], covers: tuple[str, ...], *sums: float) -> Row:
    true, off, own, product, got = sums
    return Row(
        layer=layer,
        starts=starts,
        covers=covers,
        snr=decibels(true, off),
        own_snr=decibels(true, own),
        cosine=float(product / np.sqrt(max(true * got, 1e-30))),
    )


def decibels(signal: float, noise: float) -> float:
    return float(10 * np.log10(max(signal, 1e-30) / noise)) if noise else float("inf")


def sums_of(
    model: "keras.Model", file: Activations, layers: tuple[str, ...], images: np.ndarray
) -> dict[str, np.ndarray]:
    """By layer, summed over images: energy of Keras, of the difference, of the layer's own; product; of the file."""
    import keras

    source = keras.Model(model.inputs, model.outputs)
    sums = {layer: np.zeros(5) for layer in layers}
    for image in track(images, "comparing layers"):
        want = through(source, image[None], layers)
        computed = file.run(image[None])
        values = {layer: as_layer(computed[layer], want[layer]) for layer in layers}
        own = through(source, values[layers[0]], layers, values)
        for layer in layers:
            got, true, fresh = (np.asarray(each[layer], np.float64).ravel() for each in (values, want, own))
            sums[layer] += [true @ true, np.sum((got - true) ** 2), np.sum((got - fresh) ** 2), true @ got, got @ got]
    return sums


def through(
    model: "keras.Model", image: Any, layers: Iterable[str], given: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Run a functional model in inference mode and keep the outputs of some layers.

    Parameters
    ----------
    image
        (N, H, W, C).
    given
        By layer, what those after it are to see instead of its output. None: its output.

    Returns
    -------
    dict
        What each of ``layers`` gives, of what it was given to see.
    """
    kept = dict.fromkeys(layers, image)  # the image's own layer computes nothing, and so is not called below

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(operation, "_call_has_training_arg", False):  # of some the default is to train: random flips
            kwargs["training"] = False
        out = operation(*args, **kwargs)
        if operation.name not in kept:
            return out
        kept[operation.name] = np.asarray(out)
        return given[operation.name] if given else out

    graph: Any = model
    graph._run_through_graph(image, operation_fn=lambda operation: operation, call_fn=call)
    return kept
