"""Which layers of an int8 file are worth keeping in float: each is tried, and the file that it makes is measured."""

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.deploy.float_layers import quantiser
from kerascnn.deploy.images import spread_out, stacked
from kerascnn.deploy.layer_comparison import LayerComparison, decibels, through
from kerascnn.deploy.layer_comparison.activations import as_layer, open_activations
from kerascnn.deploy.request import ExportRequest
from kerascnn.deploy.targets import TARGETS
from kerascnn.deploy.tflite import int8_converter
from kerascnn.deploy.verification import ExportError
from kerascnn.graph.fake_quantised import is_fake_quantised
from kerascnn.graph.rewrite import in_float32
from kerascnn.progress import track
from kerascnn.runtime import deep_graphs, load_keras, quiet

if TYPE_CHECKING:
    import keras

CANDIDATES = 4  # layers that are tried, each alone, with those that take its output, and with those that give its input
GAIN = 0.5  # dB by which the output has to come nearer


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Layers that are worth keeping in float, as it was measured.

    Parameters
    ----------
    layers
        As ``export(..., float_layers=...)`` takes them, those that gain most first; none where none helps.
    gains
        By layer, how much nearer the output came at best, in dB, with it or its neighbours too in float; also of those
        that did not help.
    file, plain, snr
        SNR of the output, in dB: of the file that was compared, of one that is exported anew with all layers in int8,
        and of one with ``layers`` in float.
    """

    layers: tuple[str, ...]
    gains: dict[str, float]
    file: float
    plain: float
    snr: float

    @property
    def helps(self) -> bool:
        """Whether a file that is exported so is better than the one that was compared."""
        return self.snr > self.file + GAIN

    def as_dict(self) -> dict[str, Any]:
        """The proposal as JSON can hold it; what is infinite is None."""
        gains = {layer: gain if np.isfinite(gain) else None for layer, gain in self.gains.items()}
        numbers = {name: getattr(self, name) for name in ("file", "plain", "snr")}
        numbers = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
        return {"layers": list(self.layers), "gains": gains, **numbers}


@deep_graphs()
def propose(
    model: "keras.Model | str | os.PathLike",
    found: LayerComparison,
    calibration: np.ndarray | Iterable[Any],
    images: np.ndarray,
) -> Proposal:
    """Try out which layers of an int8 file to keep in float.

    Parameters
    ----------
    model, images
        As for :func:`.compare_layers`, which gave ``found``.
    calibration
        Images as ``export`` takes them; they are measured once, whatever the number of layers that are tried.

    Raises
    ------
    ValueError
        When the file is none of int8.
    """
    if found.precision != "int8":
        raise ValueError(f"Layers stay in float in an int8 file; {found.file} is {found.precision}.")
    model = in_float32(load_keras(model) if isinstance(model, str | os.PathLike) else model)
    before = found.rows[-1].snr
    if is_fake_quantised(model):  # it has learned its ranges, and all of it is of integers
        return Proposal(layers=(), gains={}, file=before, plain=before, snr=before)
    shape = tuple(model.inputs[0].shape[1:])
    last, rows = found.rows[-1].layer, {row.layer: row for row in found.rows}
    request = ExportRequest(model=model, images=stacked(calibration, shape), types=("int8", "int8"))
    lowered = TARGETS["tflite-int8"].lowered(request)
    with quiet():
        quantised = quantiser(int8_converter(lowered), lowered)
    measured = measure_of(model, last, spread_out(images))
    plain = measured(quantised(()))
    tries: dict[tuple[str, ...], str] = {}  # layers to the one for whose sake they are tried
    for layer in found.suspects()[:CANDIDATES]:
        takers = [row.layer for row in found.rows if layer in row.starts]
        givers = [name for name in rows[layer].starts if rows[name].starts]  # the image is no layer to keep
        for layers in ((layer,), (layer, *takers), (*givers, layer)):
            tries.setdefault(tuple(layers), layer)

    def snr(layers: Iterable[str]) -> float:
        try:
            with quiet():
                return measured(quantised(frozenset(layers)))
        except ExportError:  # no operator comes of these layers
            return -np.inf

    alone = {layers: snr(layers) for layers in track(tries, "trying layers in float")}
    gains: dict[str, float] = {}
    chosen: tuple[str, ...] = ()
    best = plain
    for layers in sorted(alone, key=lambda each: (-alone[each], len(each))):
        gains.setdefault(tries[layers], alone[layers] - plain)
        if alone[layers] <= plain + GAIN or set(layers) <= set(chosen):
            continue
        joint = tuple(dict.fromkeys((*chosen, *layers)))
        reached = snr(joint) if chosen else alone[layers]
        if reached > best + GAIN:
            chosen, best = joint, reached
    return Proposal(layers=chosen, gains=gains, file=before, plain=plain, snr=best)


def measure_of(model: "keras.Model", layer: str, images: np.ndarray) -> Callable[[bytes], float]:
    """A function from the bytes of a file to the SNR of a layer of it, against Keras on the same images."""
    want = [through(model, image[None], (layer,))[layer] for image in images]

    def measured(content: bytes) -> float:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "tried.tflite")
            path.write_bytes(content)
            file = open_activations(path, model, None)
            got = [as_layer(file.run(image[None])[layer], true) for image, true in zip(images, want, strict=True)]
        true, off = np.stack(want).astype(np.float64), np.stack(got) - np.stack(want)
        return decibels(float(np.sum(true**2)), float(np.sum(off**2)))

    return measured
