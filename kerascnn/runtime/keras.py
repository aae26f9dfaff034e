"""Keras models, from a ``.keras`` file or in memory."""

import io
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn import layers
from kerascnn.arguments import checked
from kerascnn.runtime.backend import need_tensorflow
from kerascnn.runtime.containers import archive, need_plain, need_whole
from kerascnn.runtime.gradients import gradients_of_graphs
from kerascnn.runtime.making import draw, undrawn, weights_within
from kerascnn.runtime.recursion import deep_graphs
from kerascnn.runtime.runner import Runner, count_of, existing, image_shape, inputs_of, named, reading, typed

if TYPE_CHECKING:
    import keras


@checked
@deep_graphs()
def load_keras(path: str | os.PathLike) -> "keras.Model":
    """Read a ``.keras`` file, without its optimizer.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is not a Keras model, or holds a layer that Keras does not know, or a Lambda.
    """
    import keras

    for name in layers.__all__:  # a file names the package's layers, and Keras knows those that are imported
        getattr(layers, name)
    path = existing(path)
    if path.suffix in (".tflite", ".onnx") or path.is_dir():
        raise ValueError(f"Expected a .keras file, got {path}.")
    try:
        with reading(path, "a Keras model"):
            need_sound(path)
            with weights_within(path.stat().st_size), undrawn() as waiting:
                model: Any = keras.models.load_model(path, compile=False)
    except ValueError as error:
        if unknown := unknown_in(str(error.__cause__)):
            raise ValueError(f"{path} {unknown}") from error
        raise
    filled = {id(variable) for variable in model.variables}
    draw(each for each in waiting if id(each[0]) not in filled)  # of layers that Keras does not see
    return model


def need_sound(path: Path) -> None:
    """Refuse a file that is damaged or points into other files, of which Keras reads whatever it can."""
    import h5py

    if not zipfile.is_zipfile(path):  # the older layout, or no model at all
        with h5py.File(path) as file:
            return need_plain(file, path.stat().st_size)
    with archive(path) as opened:
        need_whole(opened)
        for name in opened.namelist():
            if name.endswith(".h5"):
                content = opened.read(name)
                with h5py.File(io.BytesIO(content)) as file:
                    need_plain(file, len(content))


def unknown_in(reason: str) -> str:
    """What a file holds that Keras does not make of it, as Keras says; empty where it says something else."""
    if "Lambda" in reason and "safe_mode" in reason:
        return (
            "holds a Lambda layer, whose code would run as it is read. If you trust it, read it yourself, by "
            "keras.models.load_model(path, safe_mode=False), and pass the model; or draw it with keras.ops."
        )
    if found := re.search(r"Could not locate (class|function) '([^']+)'", reason):
        kind, name = found.groups()
        return (
            f"holds the {kind} {name!r}, which is not known here: first import the module that defines it, "
            "with @keras.saving.register_keras_serializable() above the definition."
        )
    if found := re.search(r"Error when deserializing class '([^']+)'[^\n]*\n+Exception encountered: (.*)", reason):
        name, error = found.groups()
        return (
            f"holds the class {name!r} with other arguments than it has here, so another version of its module has "
            f"saved it: {error}. Read it with that version and save its weights, which model.load_weights takes here."
        )
    return ""


def open_keras(path: str | os.PathLike) -> Runner:
    """Run a ``.keras`` file; errors are those of :func:`load_keras`, and ``ValueError`` on another backend."""
    need_tensorflow("Running a Keras model")
    return keras_runner(load_keras(path), path)


def keras_runner(model: "keras.Model", path: str | os.PathLike) -> Runner:
    """Run a model that is in memory, in inference mode, as if it had been read from ``path``.

    One of integers is given the nearest, as by every other runner; Keras alone would cut fractions off.
    """
    import tensorflow as tf

    need_tensorflow("Running a Keras model")
    with reading(path, "a model of images"):
        image, *beside = inputs_of((x.name, x) for x in model.inputs)
        batch, shape = image_shape(image.shape)
        count = count_of([tuple(x.shape) for x in beside])
        output_names(model)
    dtype = image.dtype if "int" in image.dtype else "float32"
    signature = [tf.TensorSpec((batch, *shape), dtype), *(tf.TensorSpec((batch, count, 4)) for _ in beside)]
    with deep_graphs(), gradients_of_graphs():
        graph = tf.function(
            lambda *given: outputs_by_name(model, model(as_inputs(given), training=False)), input_signature=signature
        ).get_concrete_function()

    def infer(images: np.ndarray, *proposals: np.ndarray) -> dict[str, np.ndarray]:
        given = map(tf.constant, (typed(images, dtype), *proposals))
        return {name: np.asarray(values, np.float32) for name, values in graph(*given).items()}

    return Runner(Path(path), "keras", shape, batch, infer, types=(dtype, "float32"), proposals=count)


def as_inputs(given: Sequence[Any]) -> Any:
    """What a model is called with: a tensor of images, or a list of it and of proposals."""
    return [*given] if len(given) > 1 else given[0]


def output_names(model: "keras.Model") -> list[str]:
    """What a model's outputs are called: the keys of its dictionary of outputs, or else the layers that give them.

    Raises
    ------
    ValueError
        When two have the same name, or outputs lie in lists or dictionaries of each other.
    """
    outputs: Any = getattr(model, "_outputs_struct", None)  # of a functional model, in the structure that a call gives
    if isinstance(outputs, Mapping):
        nested = [name for name, output in outputs.items() if not hasattr(output, "shape")]
        if nested:
            raise ValueError(f"its output {nested[0]!r} is not one array.")
        return named(list(outputs))
    return named([output._keras_history.operation.name for output in model.outputs])


def outputs_by_name(model: "keras.Model", outputs: Any) -> dict[str, Any]:
    """What a call of a model gave, by the names of its outputs."""
    names = output_names(model)
    if isinstance(outputs, Mapping):
        return dict(outputs) if len(names) > 1 else dict(zip(names, outputs.values(), strict=True))
    return dict(zip(names, outputs if isinstance(outputs, list | tuple) else [outputs], strict=True))
