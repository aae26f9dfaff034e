"""Weights from files: every one finds its place, or nothing is loaded and the error says why."""

import re
from collections import Counter
from pathlib import Path

import h5py
import keras

from kerascnn.errors import suggest
from kerascnn.runtime import load_keras


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Fill ``model`` from a ``.keras`` or ``.weights.h5`` file of the same network.

    A network without its classifier takes what it needs from a file that has one.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is damaged or holds the weights of another network or number of classes.
    """
    path = Path(path)
    check(model, path)
    try:
        if path.name.endswith(".keras"):
            copy_weights(load_keras(path), model)
        else:
            model.load_weights(path)
    except Mismatch as error:
        raise ValueError(refusal(model, path, str(error))) from error
    except (OSError, KeyError) as error:
        raise ValueError(f"{path} is damaged, or is no file of weights: {error}. Copy or write it again.") from error
    except ValueError as error:
        if path.name.endswith(".keras"):
            raise
        raise ValueError(refusal(model, path, h5_difference(model, path) or str(error))) from error


class Mismatch(ValueError):
    """The weights of a file and of a model do not fit."""


def refusal(model: keras.Model, path: Path, difference: str) -> str:
    way = (
        "Pass the number of classes that the file was written with, or include_top=False to leave them out."
        if "head-" in difference
        else "Draw the network that the file was written from, with the same arguments."
    )
    return f"{path} does not hold the weights of {model.name}: {difference}. {way}"


def check(model: keras.Model, path: Path) -> None:
    known = path.name.endswith((".keras", ".weights.h5"))
    if path.is_file():
        if not known:
            raise ValueError(f"weights must be a .keras or .weights.h5 file, got {path}.")
    elif known or len(path.parts) > 1:
        raise FileNotFoundError(f"There is no file {path}. {suggest(path.name, siblings(path))}".rstrip())
    else:
        raise ValueError(
            f"{model.name} has no published weights {str(path)!r}. "
            f"weights must be None, or the path of a .keras or .weights.h5 file."
        )


def siblings(path: Path) -> list[str]:
    return [p.name for p in path.parent.glob("*") if p.is_file()] if path.parent.is_dir() else []


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy every weight of ``target`` from the weight of the same path in ``source``.

    Raises
    ------
    Mismatch
        When a path is missing or a shape differs, or when ``source`` has weights that only a classifier explains
        and ``target`` has a classifier too; with both lists.
    """
    theirs = {w.path: w for w in source.weights}
    ours = {w.path: w for w in target.weights}
    missing = [p for p in ours if p not in theirs]
    unused = [p for p in theirs if p not in ours and not (p.startswith("head-") and not any_head(ours))]
    unequal = [
        f"{p} is {tuple(theirs[p].shape)}, expected {tuple(w.shape)}"
        for p, w in ours.items()
        if p in theirs and tuple(theirs[p].shape) != tuple(w.shape)
    ]
    if missing or unused or unequal:
        parts = [f"missing {some(missing)}", f"left over {some(unused)}", f"of another shape {some(unequal)}"]
        raise Mismatch("; ".join(p for p, found in zip(parts, (missing, unused, unequal), strict=True) if found))
    for path, w in ours.items():
        w.assign(theirs[path])


def any_head(paths) -> bool:
    return any(p.startswith("head-") for p in paths)


def some(items: list[str], most: int = 4) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def h5_difference(model: keras.Model, path: Path) -> str:
    """What sets a ``.weights.h5`` file apart from the model, in the words of the network; empty when nothing does."""
    kinds: Counter[str] = Counter()
    unequal = []
    with h5py.File(path) as file:
        for layer in model.layers:  # Keras files a layer under its class and its place among that class's layers
            kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", layer.__class__.__name__).lower()
            place = f"layers/{kind}_{kinds[kind]}" if kinds[kind] else f"layers/{kind}"
            kinds[kind] += 1
            for i, w in enumerate(layer.weights):
                held = getattr(file.get(f"{place}/vars/{i}"), "shape", None)
                if held is None:
                    unequal.append(f"{w.path} is missing")
                elif held != tuple(w.shape):
                    unequal.append(f"{w.path} is {held}, expected {tuple(w.shape)}")
    return some(unequal)
