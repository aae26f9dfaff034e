"""Files of weights, of this package and of others, read into dictionaries of NumPy arrays. No code is executed."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from math import prod
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import h5py
import keras
import numpy as np

from kerascnn.runtime import load_keras
from kerascnn.runtime.containers import Unsound, archive, need_plain
from kerascnn.weights.torch_files import read_torch, widened

KERAS_3 = (".keras", ".weights.h5")
KERAS = (*KERAS_3, ".h5", ".hdf5")
TORCH = (".safetensors", ".pth", ".pth.tar", ".pt", ".bin", ".ckpt")
KNOWN = KERAS + TORCH
# What training scripts call the weights in their checkpoints, and their averages; the first of them is taken.
RAW = ("state_dict", "model", "model_state_dict", "model_state", "net", "network", "module", "weights", "params")
AVERAGED = ("state_dict_ema", "model_ema", "ema", "ema_state_dict", "model_ema_state_dict", "params_ema")
OTHER = ("optimizer", "optimizer_state_dict", "optimizers", "scaler", "scheduler", "lr_scheduler")
LONGEST = 100_000_000  # bytes that the list of a .safetensors file may have, as its format says
SAFETENSORS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
PARTS = {  # variables of Keras' layers, in the order in which its files number them
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "separable_conv2d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "normalization": ("mean", "variance", "count"),
    "layer_normalization": ("gamma", "beta"),
    "layer_scale": ("variable",),
}
OLD_PARTS = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}  # of Keras 1


@dataclass
class Held:
    """What a file holds."""

    values: dict[str, np.ndarray]  # by the names of modules or layers down to the value, as in ``base/conv1/kernel``
    torch: bool
    kinds: dict[str, str] = field(default_factory=dict)  # of the layers whose values have numbers for names
    ordered: bool = False  # whether the values stand in the order in which the network computes
    name: str = ""  # of the network, where a training wrote it down
    notes: list[str] = field(default_factory=list)


def read_file(path: Path) -> Held:
    """All arrays of a file of a known format."""
    if path.name.endswith(KERAS_3):
        return read_keras_3(path)
    if path.name.endswith(KERAS):
        return read_keras_h5(path)
    if path.name.endswith(".safetensors"):
        return Held(read_safetensors(path), torch=True)
    content = read_torch(path)
    values, notes = weights_in(content)
    name = content.get("arch")  # where timm's training says it
    return Held(values, torch=True, name=name if isinstance(name, str) else "", notes=notes)


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if not 2 <= size <= min(LONGEST, path.stat().st_size - 8):
            raise UnpicklingError("it does not begin with the length of its list of tensors")
        header, content = json.loads(file.read(size)), memoryview(file.read())
    header.pop("__metadata__", None)
    ends = sorted(about["data_offsets"] for about in header.values())
    if [begin for begin, _ in ends] != [0, *(end for _, end in ends)][: len(ends)]:
        raise UnpicklingError("its tensors do not follow one another")
    if max((end for _, end in ends), default=0) != len(content):
        raise UnpicklingError(f"its tensors do not end where it does, after {size + 8 + len(content):,} bytes")
    found = {}
    for key, about in header.items():
        if about["dtype"] not in SAFETENSORS:
            raise UnpicklingError(f"{key} is in {about['dtype']}, which NumPy does not have")
        begin, end = about["data_offsets"]
        value = np.frombuffer(content[begin:end], SAFETENSORS[about["dtype"]])
        if min(about["shape"], default=0) < 0 or value.size != prod(about["shape"]):
            raise UnpicklingError(f"{key} has {value.size} numbers and the shape {about['shape']!r:.100}")
        value = value.reshape(about["shape"])
        found[key] = widened(value) if about["dtype"] == "BF16" else value
    return found


def weights_in(checkpoint: Any) -> tuple[dict[str, np.ndarray], list[str]]:
    """The tensors of one network in what a training saved, and what has to be said about the choice."""
    if not isinstance(checkpoint, Mapping):
        raise UnpicklingError("it holds no dictionary of tensors")
    tensors = {key: v for key, v in checkpoint.items() if isinstance(key, str) and isinstance(v, np.ndarray)}
    inner = {key: v for key, v in checkpoint.items() if isinstance(v, Mapping) and key not in OTHER and has_tensors(v)}
    averaged = next((name for name in AVERAGED if name in inner), None)
    raw = next((name for name in RAW if name in inner), None)
    name = averaged or raw or (next(iter(inner)) if len(inner) == 1 and not tensors else None)
    if name:
        values, notes = weights_in(inner[name])
        chosen = f"it has weights and their averages, and the averages are taken, {name} rather than {raw}"
        return values, [*notes, *([chosen] if averaged and raw else [])]
    if tensors:
        return tensors, []
    several = f"several dictionaries of tensors, {', '.join(map(str, inner))}; save one of them alone"
    raise UnpicklingError(f"it holds {several if inner else 'no tensors'}")


def has_tensors(value: Any) -> bool:
    """Whether something is a tensor, or a dictionary of which this is true; each is looked into once."""
    left, seen = [value], set()
    while left:
        item = left.pop()
        if isinstance(item, np.ndarray):
            return True
        if isinstance(item, Mapping) and id(item) not in seen:
            seen.add(id(item))
            left += item.values()
    return False


def read_keras_3(path: Path) -> Held:
    """A ``.keras`` or ``.weights.h5`` file, whose layers have names and their variables numbers: ``conv1/0``."""
    if path.name.endswith(".weights.h5"):
        with hdf5(path, path.stat().st_size) as file:
            return numbered(file, ())
    with archive(path) as opened:
        content = opened.read("model.weights.h5")
        with hdf5(io.BytesIO(content), len(content)) as file:
            try:
                return numbered(file, tuple(names_in(json.loads(opened.read("config.json"))["config"])))
            except NoNames:  # of the first versions of Keras 3, whose models know them
                return Held({w.path: np.asarray(w) for w in load_keras(path).weights}, torch=False, ordered=True)


@contextmanager
def hdf5(file: Path | io.BytesIO, size: int) -> Iterator[h5py.File]:
    """Open an HDF5 file of ``size`` bytes that holds all it says."""
    with h5py.File(file) as opened:
        need_plain(opened, size)
        yield opened


class NoNames(ValueError):
    """The file numbers its layers."""


def names_in(config: dict[str, Any], place: str = "") -> Iterator[str]:
    """Names of a model's layers in the order of its configuration, those of an inner model after a slash."""
    for layer in config.get("layers", ()):
        name = f"{place}{layer['config'].get('name')}"
        yield name
        yield from names_in(layer["config"], f"{name}/")


def numbered(file: Any, order: tuple[str, ...]) -> Held:
    """Values in the ``order`` of layers, where that is known, and the kind of each layer."""
    layers = {place: (kind, values) for place, kind, values in layers_of(file)}
    known = {place: i for i, place in enumerate(order)}
    places = sorted(layers, key=lambda place: known.get(place, known.get(place.rpartition("/")[0], len(known))))
    values = {f"{place}/{i}": value for place in places for i, value in enumerate(layers[place][1])}
    return Held(values, torch=False, kinds={place: layers[place][0] for place in layers}, ordered=bool(order))


def layers_of(group: Any, place: str = "") -> Iterator[tuple[str, str, list[np.ndarray]]]:
    """Each layer of a file by its names, inner ones after a slash, with its kind and the values of its variables."""
    for key, child in group.items():
        if not isinstance(child, h5py.Group) or key in ("vars", "optimizer", "seed_generator"):
            continue
        here, held = place, child.get("vars")
        if isinstance(held, h5py.Group):
            if "name" not in held.attrs:
                raise NoNames(
                    "its layers have no names, only numbers, as the first versions of Keras 3 wrote them. Write the "
                    "whole model with model.save('model.keras')"
                )
            here = f"{place}{held.attrs['name']}/"
            if len(held):
                yield here[:-1], re.sub(r"_\d+$", "", key), [number(held[str(i)]) for i in range(len(held))]
        yield from layers_of(child, here)


def number(data: Any) -> np.ndarray:
    value = np.asarray(data[()])
    if data.attrs.get("dtype") == "bfloat16":
        return widened(value.view(np.uint16))
    if value.dtype.kind not in "biuf":
        raise Unsound(f"{data.name} holds no numbers")
    return value


def read_keras_h5(path: Path) -> Held:
    """A Keras file of whole models or of weights in its older layout: values by layer and part, ``conv1/kernel``."""
    found = {}
    with hdf5(path, path.stat().st_size) as file:
        root: Any = file.get("model_weights", file)
        for layer in map(text, listed(root, "layer_names")):
            keys = {text(key): key for key in listed(root[layer], "weight_names")}
            inside = len({key.rpartition("/")[0] for key in keys}) > 1  # a model among the layers
            for key, written in keys.items():
                found[whole_key(layer, key.partition(":")[0], inside)] = number(root[layer][written])
    return Held(found, torch=False, ordered=True)


def listed(group: Any, name: str) -> Iterator[str | bytes]:
    """A list that Keras wrote down of a group; one of more than 64 KB stands in pieces, with their numbers behind."""
    if name in group.attrs:
        yield from group.attrs[name]
    elif f"{name}0" not in group.attrs:
        raise Unsound(f"{group.name} has no list {name}, so no Keras wrote it as weights or as a model")
    for i in range(len(group.attrs)):
        yield from group.attrs.get(f"{name}{i}", ())


def whole_key(layer: str, key: str, inside: bool) -> str:
    """``conv1/kernel``, whichever Keras wrote it; ``base/conv1/kernel`` for a layer inside a layer."""
    if key.startswith(f"{layer}/") and key.count("/") > 1:
        return key
    if inside and "/" in key:
        return f"{layer}/{key}"
    part = key.rpartition("/")[2]
    if old := re.fullmatch(rf"{re.escape(layer)}_([A-Za-z_]+?)(_\d+)?", part):
        part = OLD_PARTS.get(old[1], old[1])
    if re.fullmatch(r"[Vv]ariable(_\d+)?", part):  # nobody named it: Keras 3 counts these, Keras 2 writes a large V
        part = "variable"
    return f"{layer}/{part}"


def text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def with_parts(values: Mapping[str, np.ndarray], kinds: Mapping[str, str]) -> dict[str, np.ndarray]:
    """``conv1/0`` as ``conv1/kernel``, by the kind of the layer."""
    counts: dict[str, int] = {}
    for key in values:
        place = key.rpartition("/")[0]
        counts[place] = counts.get(place, 0) + 1
    found = {}
    for key, value in values.items():
        place, _, i = key.rpartition("/")
        kind = kinds.get(place)
        parts = PARTS.get(kind, ("kernel", "bias")) if kind else ()
        if kind == "batch_normalization":  # where its scale is left to the next layer, it has none
            parts = parts[4 - counts[place] :] if counts[place] < 4 else parts
        found[f"{place}/{parts[int(i)]}" if i.isdecimal() and int(i) < len(parts) else key] = value
    return found


def recounted(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values by layer and part, with the names that Keras counted counted from 1."""
    counted = recount(list(dict.fromkeys(key.partition("/")[0] for key in values)))
    return {counted[key.partition("/")[0]] + key[key.find("/") :]: value for key, value in values.items()}


def recount(names: list[str]) -> dict[str, str]:
    """``conv2d``, ``conv2d_1`` as ``conv2d_1``, ``conv2d_2``, whatever the session began to count at."""
    kinds: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        kind, _, i = name.rpartition("_") if re.search(r"_\d+$", name) else (name, "", "0")
        if kind in counted_kinds():
            kinds.setdefault(kind, []).append((int(i), name))
    counted = {name: name for name in names}
    for kind, numbers in kinds.items():
        counted |= {name: f"{kind}_{i}" for i, (_, name) in enumerate(sorted(numbers), 1)}
    return counted


@cache
def counted_kinds() -> frozenset[str]:
    """What Keras calls layers that nobody named: the names of their classes, in lower case."""
    classes = [name for name in dir(keras.layers) if name[0].isupper()]
    return frozenset(re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", c).lower() for c in classes)
