"""Why a file computes something else than its model: the two, layer by layer.

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

from kerascnn.deploy.function import check_model, in_float32
from kerascnn.deploy.images import spread_out, stacked
from kerascnn.deploy.inside import Inside, as_layer, open_inside, single_outputs
from kerascnn.runtime import load_keras

if TYPE_CHECKING:
    import keras

SOUND = {"float32": 60.0, "float16": 30.0, "int16x8": 30.0, "dynamic": 12.0, "int8": 12.0}  # own SNR in dB, at least
SHARE = 10  # one layer of so many may be kept in float, and one at least


@dataclass(frozen=True, kw_only=True)
class Row:
    """One layer.

    Parameters
    ----------
    layer
        The layer whose output is compared.
    merged
        All layers that are one operator with it in the file, in the order of the network.
    snr, own_snr
        In decibels; infinite where both are equal to the bit. See the head of this file.
    cosine
        Of the angle between both outputs.
    """

    layer: str
    merged: tuple[str, ...]
    snr: float
    own_snr: float
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A model and a file of it, layer by layer.

    Parameters
    ----------
    file, precision
        The file, and what it computes in: "float32", "float16", "dynamic", "int8" or "int16x8".
    samples
        Number of images.
    rows
        One for each output of a layer that the file holds, in the order of the network, the image first.
    left_out
        Layers whose output no tensor of the file holds.
    """

    file: str
    precision: str
    samples: int
    rows: tuple[Row, ...]
    left_out: tuple[str, ...]

    @property
    def worst(self) -> list[Row]:
        """Layers by what they themselves get wrong, the worst first."""
        return sorted(self.rows[1:], key=lambda row: row.own_snr)

    @property
    def first_broken(self) -> Row | None:
        """The first layer that gets more wrong than its precision excuses."""
        return next((row for row in self.rows if row.own_snr < SOUND[self.precision]), None)

    def float_layers(self, count: int | None = None) -> tuple[str, ...]:
        """Layers to keep in float: those that add most noise, ``count`` of them; by default a tenth of all.

        They are what ``export(..., float_layers=...)`` takes. None of a file that computes in floats.
        """
        if self.precision.startswith("float"):
            return ()
        noisy = [row.layer for row in self.worst if row.own_snr != float("inf")]
        return tuple(noisy[: max(1, len(self.rows) // SHARE) if count is None else count])

    def as_dict(self) -> dict[str, Any]:
        """The difference as JSON can hold it; an infinite SNR is None."""
        broken = self.first_broken
        return {
            "file": self.file,
            "precision": self.precision,
            "samples": self.samples,
            "rows": [
                {name: None if value == float("inf") else value for name, value in vars(row).items()}
                for row in self.rows
            ],
            "left_out": list(self.left_out),
            "first_broken": broken.layer if broken else None,
            "worst": [row.layer for row in self.worst[:SHARE]],
            "float_layers": list(self.float_layers()),
        }


def why_different(
    model: "keras.Model | str | os.PathLike", file: str | os.PathLike, images: np.ndarray | Iterable[Any]
) -> Difference:
    """Compare a model and an exported file of it, layer by layer.

    Parameters
    ----------
    model
        A Keras model of one image input, or the path of a ``.keras`` file.
    file
        A ``.tflite`` or ``.onnx`` file that was made of it, by ``export`` or otherwise; its tensors must still be
        named after the layers.
    images
        As for ``export``: preprocessed float32, (N, H, W, C) or one by one. Up to 64 are taken; 8 say enough.

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
        model = load_keras(model)
    check_model(model)
    model = in_float32(model)
    images = spread_out(stacked(images, tuple(model.inputs[0].shape[1:])))
    inside = open_inside(file, model)
    sums = _sums(model, inside, images)
    rows = [
        Row(
            layer=layer,
            merged=merged,
            snr=_decibels(sums[layer][0], sums[layer][1]),
            own_snr=_decibels(sums[layer][0], sums[layer][2]),
            cosine=float(sums[layer][3] / np.sqrt(max(sums[layer][0] * sums[layer][4], 1e-30))),
        )
        for layer, merged in inside.layers.items()
    ]
    place = {layer: number for number, layer in enumerate(single_outputs(model))}
    compared = {layer for row in rows for layer in row.merged}
    return Difference(
        file=str(Path(file)),
        precision=inside.precision,
        samples=len(images),
        rows=tuple(sorted(rows, key=lambda row: place[row.layer])),
        left_out=tuple(layer for layer in place if layer not in compared),
    )


def _decibels(signal: float, noise: float) -> float:
    return float(10 * np.log10(max(signal, 1e-30) / noise)) if noise else float("inf")


def _sums(model: "keras.Model", inside: Inside, images: np.ndarray) -> dict[str, np.ndarray]:
    """By layer, summed over all images: energy of Keras, of the difference, of the own one; product; energy of the file."""
    import tensorflow as tf

    clean, held = (tf.function(each) for each in both(model, list(inside.layers)))
    sums = {layer: np.zeros(5) for layer in inside.layers}
    for image in images:
        want = clean(image[None])
        values = {layer: as_layer(value, want[layer].numpy()) for layer, value in inside.run(image[None]).items()}
        from_file = held(values)
        for layer, value in values.items():
            got, true, own = (np.asarray(v, np.float64).ravel() for v in (value, want[layer], from_file[layer]))
            sums[layer] += [true @ true, np.sum((got - true) ** 2), np.sum((got - own) ** 2), true @ got, got @ got]
    return sums


def both(model: "keras.Model", layers: list[str]) -> tuple[Any, Any]:
    """Two models of the outputs of some layers, the image's first: one from the image, and one that starts anew at each.

    The second takes a value for each of these layers, by name, and gives what Keras makes of the values before it.
    """
    import keras

    source = keras.Model(model.inputs, model.outputs)
    image, *others = layers
    clean = {layer: _output(source, layer) for layer in layers}
    given = {image: keras.Input(batch_shape=source.inputs[0].shape, name=image)}
    fresh = {}

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        out = layer(*args, **kwargs)
        if layer.name not in others:
            return out
        fresh[layer.name] = out
        given[layer.name] = keras.Input(batch_shape=out.shape, name=layer.name)
        return given[layer.name]

    keras.models.clone_model(source, [given[image]], lambda layer: layer, call)
    start = keras.Model(source.inputs, clean)
    anew = keras.Model(given, {image: given[image], **fresh})
    return (lambda x: start(x, training=False)), (lambda x: anew(x, training=False))


def _output(model: "keras.Model", layer: str) -> Any:
    return next(operation.output for operation in model.operations if operation.name == layer)
