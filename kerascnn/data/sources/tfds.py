"""TensorFlow Datasets by name, such as ``tfds:cifar10``: it downloads and prepares, and its records are read here."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.data.dataset import Source
from kerascnn.data.sources.index import Layout
from kerascnn.data.sources.records import from_records
from kerascnn.data.splitting import ALL, Opening, by_role
from kerascnn.errors import need, suggest

PREFIX = "tfds:"


def from_tfds(source: str, opening: Opening) -> Source:
    """The data set that a name of TensorFlow Datasets stands for, with ``/config`` and ``:version`` if need be.

    It is stored where TensorFlow Datasets keeps it, in ``TFDS_DATA_DIR`` or ``~/tensorflow_datasets``.

    Raises
    ------
    ImportError
        When tensorflow-datasets is not installed.
    ValueError
        When there is no such data set, it cannot be prepared, or it is not one of images with one class each.
    """
    builder = prepared(source.removeprefix(PREFIX))
    layout = layout_of(builder, source)
    splits = {name: [Path(path) for path in split.filepaths] for name, split in builder.info.splits.items()}
    names = by_role(splits, source) or {ALL: min(splits)}
    left = sorted(set(splits) - set(names.values()))
    if left and ALL in names:
        raise ValueError(f"{source} has the parts {', '.join(sorted(splits))}, none of which is called train.")
    found = from_records({role: splits[name] for role, name in names.items()}, source, opening, [layout])
    return replace(
        found,
        channels=1 if builder.info.features[layout.image].shape[-1] == 1 else 3,
        note=found.note + f"; not used: {', '.join(left)}" * bool(left),
    )


def prepared(name: str) -> Any:
    """A builder of TensorFlow Datasets, whose records are on this machine."""
    tfds = need("tensorflow_datasets", "tfds", f'The data set "{PREFIX}{name}"')
    try:
        builder = tfds.builder(name)
    except Exception as error:  # of many types, none of them documented
        near = suggest(name.split("/")[0].split(":")[0], tfds.list_builders())
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"TensorFlow Datasets has no {name!r}: {reason} {near}".rstrip()) from error
    try:
        builder.download_and_prepare()
    except Exception as error:
        raise ValueError(f"TensorFlow Datasets cannot prepare {name!r}: {error}") from error
    if builder.info.file_format.name != "TFRECORD":
        raise ValueError(
            f"{builder.data_dir} is in the format {builder.info.file_format.value}; records are read from tfrecord. "
            f"Remove it, so that it is prepared again."
        )
    return builder


def layout_of(builder: Any, source: str) -> Layout:
    """Where a record has its image and its class. Raises ``ValueError`` when it is not such a data set."""
    features = need("tensorflow_datasets", "tfds", source).features
    has, keys = builder.info.features, list(builder.info.supervised_keys or [])
    kinds = tuple(type(has[key]) for key in keys if isinstance(key, str) and key in has)
    if kinds != (features.Image, features.ClassLabel) or has[keys[0]].np_dtype != np.uint8:
        raise ValueError(f"{source} is no data set of pictures with one class each: its records hold {', '.join(has)}.")
    return Layout(*keys)
