"""Files of weights, of this package and of others, read into dictionaries of NumPy arrays. No code is executed."""

import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import h5py
import keras
import numpy as np

from kerascnn.errors import need
from kerascnn.runtime import load_keras

NATIVE = (".keras", ".weights.h5")
TORCH = (".safetensors", ".pth", ".pt")
KERAS = (".h5", ".hdf5")
KNOWN = NATIVE + TORCH + KERAS
COUNTED = ("conv2d", "batch_normalization", "depthwise_conv2d", "separable_conv2d", "dense", "layer_normalization")


def read_native(path: Path, model: keras.Model) -> dict[str, np.ndarray]:
    """A ``.keras`` or ``.weights.h5`` file: values by the path of their variable, such as ``stem-conv/kernel``."""
    if path.name.endswith(".keras"):
        return {w.path: np.asarray(w) for w in load_keras(path).weights}
    parts: dict[str, list[str]] = {}
    for w in model.weights:  # the file numbers the variables of a layer
        place, _, part = w.path.rpartition("/")
        parts.setdefault(place, []).append(part)
    found = {}
    with h5py.File(path) as file:
        for place, values in layers_of(file["layers"]):
            for i, value in enumerate(values):
                known = parts.get(place, [])
                found[f"{place}/{known[i] if i < len(known) else i}"] = value
    return found


def layers_of(group: Any, place: str = ""):
    """Each layer of a ``.weights.h5`` file by name, inner layers after a slash, with the values of its variables."""
    for child in group.values():
        if not isinstance(child, h5py.Group) or "vars" not in child:
            continue
        values: Any = child["vars"]
        here = place + str(values.attrs["name"])
        if len(values):
            yield here, [values[str(i)][()] for i in range(len(values))]
        yield from layers_of(child, f"{here}/")


def read_foreign(path: Path) -> dict[str, np.ndarray]:
    """A PyTorch state dictionary, or a Keras file of whole models or of weights in its older layout."""
    if path.name.endswith(KERAS):
        return read_keras(path)
    if path.name.endswith(".safetensors"):
        return need("safetensors.numpy", "weights", "reading .safetensors files").load_file(path)
    return read_pickle(path)


def read_pickle(path: Path) -> dict[str, np.ndarray]:
    torch = need("torch", "torch", "reading .pth files")
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch's own message tells how to run what is in it
        raise OSError("it is torn, or holds something else than tensors, which is not read for safety") from error
    while isinstance(values, dict) and (inner := values.get("state_dict", values.get("model"))) is not None:
        values = inner
    return {key: value.numpy() for key, value in values.items() if isinstance(value, torch.Tensor)}


def read_keras(path: Path) -> dict[str, np.ndarray]:
    """Values by layer and part, ``conv1/kernel``; names that Keras counted are counted from 1."""
    with h5py.File(path) as file:
        root: Any = file.get("model_weights", file)
        names = [text(name) for name in root.attrs["layer_names"]]
        counted = recount(names)
        return {
            f"{counted[name]}/{part_of(text(key))}": root[name][text(key)][()]
            for name in names
            for key in root[name].attrs["weight_names"]
        }


def part_of(key: str) -> str:
    """``kernel`` of ``conv1/kernel:0``; ``variable`` where there is no name: Keras 3 counts these, Keras 2 writes V."""
    part = key.partition(":")[0].rpartition("/")[2]
    return "variable" if re.fullmatch(r"[Vv]ariable(_\d+)?", part) else part


def text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def recount(names: list[str]) -> dict[str, str]:
    """``conv2d``, ``conv2d_1`` as ``conv2d_1``, ``conv2d_2``, whatever the session began to count at."""
    kinds: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        for kind in COUNTED:
            tail = name.removeprefix(kind)
            if name.startswith(kind) and re.fullmatch(r"(_\d+)?", tail):
                kinds.setdefault(kind, []).append((int(tail[1:] or 0), name))
    counted = {name: name for name in names}
    for kind, numbered in kinds.items():
        counted |= {name: f"{kind}_{i}" for i, (_, name) in enumerate(sorted(numbered), 1)}
    return counted
