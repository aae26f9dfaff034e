"""From a file's values to a model's variables: each by its name, or none at all."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerascnn.weights.layouts import KERAS_PARTS, TORCH_PARTS, fit, to_keras
from kerascnn.weights.tables import Section, Theirs


class Mismatch(ValueError):
    """The values of a file and the variables of a model do not fit."""


@dataclass(frozen=True)
class Bond:
    """A variable of ours, the key of its value in the file, and how to read that value as ours."""

    variable: Any
    key: str
    bias: str = ""  # the key of the bias beside this kernel, which ours may not have
    read: Callable[[np.ndarray], np.ndarray] = lambda value: value


@dataclass
class Plan:
    """What is about to be done to a model; nothing is done before all of it is known to work."""

    values: dict[str, np.ndarray] = field(default_factory=dict)  # by path of the variable
    fresh: list[str] = field(default_factory=list)  # variables that keep their random values: a new classifier
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)


def bond_ours(model: keras.Model) -> list[Bond]:
    """A file of ours calls every variable as the model does."""
    return [Bond(w, w.path) for w in model.weights]


def bond_theirs(model: keras.Model, section: Section, torch: bool, held: Collection[str]) -> list[Bond]:
    """Where each variable stands among the keys ``held`` by a file of others, by the table of their names.

    Raises
    ------
    Mismatch
        When the table lacks a layer.
    """
    places = section.translate(w.path for w in model.weights)
    if nowhere := [path for path, theirs in places.items() if theirs is None]:
        raise Mismatch(f"the table of their names lacks {some(nowhere)}")
    layers = {layer.name: layer for layer in model.layers}
    bonds = []
    for w in model.weights:
        theirs: Any = places[w.path]
        part = w.path.rpartition("/")[2]
        read = reader(model, layers[w.path.partition("/")[0]], w, part, theirs, torch)
        if theirs.whole or (not torch and "/" in theirs.name):
            bonds.append(Bond(w, theirs.name, read=read))
            continue
        stem = theirs.name + ("." if torch else "/")
        keys = [stem + name for name in (TORCH_PARTS if torch else KERAS_PARTS).get(part, (part,))]
        bias = stem + "bias" if part == "kernel" else ""
        bonds.append(Bond(w, next((key for key in keys if key in held), keys[0]), bias, read))
    return bonds


def reader(
    model: keras.Model, layer: Any, w: Any, part: str, theirs: Theirs, torch: bool
) -> Callable[[np.ndarray], np.ndarray]:
    shape = tuple(w.shape)
    if not torch or (part != "kernel" and not theirs.part):
        return lambda value: fit(value, shape)
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    flattened = flattened_map(model, layer) if theirs.chw else None
    return lambda value: to_keras(value, shape, depthwise=depthwise, part=theirs.part, flattened=flattened)


def producers(model: keras.Model) -> dict[int, Any]:
    """The layer behind each tensor of the model."""
    return {id(x): layer for layer in model.layers for x in keras.tree.flatten(layer.output)}


def flattened_map(model: keras.Model, layer: Any) -> tuple[int, int, int]:
    """Shape of the map whose flattened values a dense layer reads."""
    behind = producers(model)
    while layer.__class__.__name__ != "Flatten":
        layer = behind[id(layer.input)]
    return tuple(layer.input.shape[1:])


def classifiers(model: keras.Model, behind: Mapping[int, Any]) -> set[str]:
    """Names of the layers that give the logits: the last with a kernel before each output, and a norm behind it."""
    found = set()
    for x in keras.tree.flatten(model.output):
        layer = behind[id(x)]
        while not hasattr(layer, "kernel") and not isinstance(layer.input, list):
            found |= {layer.name} if layer.weights else set()
            layer = behind[id(layer.input)]
        found.add(layer.name)
    return {name for name in found if name.startswith(("head-", "auxiliary"))}


def plan(model: keras.Model, held: Mapping[str, np.ndarray], bonds: list[Bond], bgr: bool = False) -> Plan:
    """What each variable would get; ``bgr`` where the file's network sees blue first, and ours red."""
    made = Plan()
    behind = producers(model)
    last = classifiers(model, behind)
    first = {layer.name for layer in model.layers if layer.weights and reads_the_image(layer, behind)}
    for bond in bonds:
        path, key = bond.variable.path, bond.key
        layer = model.get_layer(path.partition("/")[0])
        if key in held:
            value = bond.read(held[key])
            value = value[:, :, ::-1] if bgr and layer.name in first and value.ndim == 4 else value
            settle(made, bond, value, layer, layer.name in first, layer.name in last)
        elif path.endswith("/gamma") and key.removesuffix("gamma") + "beta" in held:
            made.values[path] = np.ones(bond.variable.shape, "float32")  # Keras may leave a scale to the next layer
        else:
            made.missing.append(f"{path} ({key})" if key != path else path)
    return made


def settle(made: Plan, bond: Bond, value: np.ndarray, layer: Any, first: bool, last: bool) -> None:
    """Say what becomes of a value: taken as it is, adapted, left out for a new classifier, or refused."""
    path, shape = bond.variable.path, tuple(bond.variable.shape)
    if value.shape == shape:
        made.values[path] = value
    elif last and value.shape[:-1] == shape[:-1]:
        if not any(other.startswith(f"{layer.name}/") for other in made.fresh):
            made.notes.append(f"{layer.name} is new, for {shape[-1]} classes; the file has {value.shape[-1]}")
        made.fresh.append(path)
    elif first and without(value.shape, 2) == without(shape, 2):
        made.values[path] = adapt_channels(value, shape[2])
        made.notes.append(f"{layer.name} is adapted from {value.shape[2]} to {shape[2]} channels")
    elif hasattr(layer, "resized"):
        made.values[path] = layer.resized(value)
        made.notes.append(f"{layer.name} is resized from {value.shape[1]} to {shape[1]} positions")
    else:
        made.unequal.append(f"{path} is {value.shape}, expected {shape}")


def reads_the_image(layer: Any, behind: Mapping[int, Any]) -> bool:
    while not isinstance(layer.input, list):
        layer = behind[id(layer.input)]
        if layer.weights:
            return False
        if isinstance(layer, keras.layers.InputLayer):
            return True
    return False


def without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def adapt_channels(kernel: np.ndarray, channels: int) -> np.ndarray:
    """A first kernel ``(H, W, theirs, O)`` for another number of channels, at the same strength.

    Theirs are dealt to ours in turn, and scaled by theirs / ours; a single channel gets the sum of theirs, which is
    what a grey image in every channel would have given.
    """
    theirs = kernel.shape[2]
    if channels == 1:
        return kernel.sum(axis=2, keepdims=True)
    return kernel[:, :, np.arange(channels) % theirs] * (theirs / channels)


def absorb_biases(model: keras.Model, made: Plan, held: Mapping[str, np.ndarray], bonds: list[Bond]) -> Iterator[str]:
    """Take biases before batch norm, which we do not have, off its moving mean; yields the keys it used."""
    norms: dict[int, Any] = {
        id(layer.input): layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
    }
    read = {bond.key for bond in bonds}
    for bond in bonds:
        if bond.bias in held and bond.bias not in read:
            layer = model.get_layer(bond.variable.path.partition("/")[0])
            if norm := norms.get(id(layer.output)):
                mean = norm.moving_mean.path
                made.values[mean] = made.values[mean] - held[bond.bias]
                yield bond.bias


def pour(model: keras.Model, made: Plan) -> None:
    for w in model.weights:
        if w.path in made.values:
            w.assign(made.values[w.path])


def some(items: list[str], most: int = 4) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
