"""The network that is trained, and the one that is left, where the two are not drawn alike."""

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerascnn.training.precision import computing_in
from kerascnn.training.resolve import Resolved


def draw_trained(resolved: Resolved, precision: str) -> keras.Model:
    """The network that is trained: of one size where training and evaluation see one, else of any; or a refusal."""
    size, channels, classes = resolved.preprocess.size, resolved.preprocess.channels, len(resolved.task.labels)
    sides = {resolved.stage(epoch).size for epoch in range(resolved.epochs)}
    with computing_in(precision):
        if sides == {size}:
            return resolved.make((size, size, channels), classes)
        try:
            model = resolved.make((None, None, channels), classes)
        except ValueError as error:
            raise ValueError(
                f"{resolved.name} cannot be trained on images of {', '.join(map(str, sorted(sides)))} pixels and "
                f"evaluated on {size}, because it takes images of one size only. {error}"
            ) from error
    for side in sides:  # one may be smaller than the network can take
        try:
            model.compute_output_shape((1, side, side, channels))
        except ValueError as error:
            raise ValueError(f"{model.name} cannot be trained on images of {side} x {side} pixels: {error}") from error
    return model


def draw_inference(resolved: Resolved, trained: keras.Model, precision: str) -> keras.Model:
    """The network that is left, of one size and in float32; the one that is trained, when that is both."""
    if precision == "float32" and None not in trained.input_shape[1:]:
        return trained
    size, channels = resolved.preprocess.size, resolved.preprocess.channels
    with computing_in("float32"):
        return resolved.make((size, size, channels), len(resolved.task.labels))


def configuration(model: keras.Model) -> str:
    """In a few words how a network is made, so that one that was changed is known: all but the names of its layers.

    Keras counts those up in a process. Of layers that are not Keras' or the package's own, the settings that are plain
    values and the source count too, because a configuration need not say what they do.
    """
    layers = [model, *model._flatten_layers(include_self=False)]
    places: dict[str, str] = {}
    for place, layer in enumerate(layers):
        places.setdefault(layer.name, f"layer {place}")
    try:
        graph = model.get_config()
    except (NotImplementedError, TypeError, ValueError):  # of a layer that cannot be saved
        graph = None
    own = [[type(layer).__name__, plain(layer), source(subject)] for layer in layers for subject in written_for(layer)]
    text = json.dumps(unnamed([graph, len(layers), own], places), sort_keys=True, default=lambda of: type(of).__name__)
    return f"{len(layers) - 1} layers, made as {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def written_for(layer: Any) -> list[Any]:
    """What a layer computes by, where that is neither Keras' nor the package's: its class, or a Lambda's function."""
    if isinstance(layer, keras.layers.Lambda):
        return [layer.function]
    return [type(layer)] if type(layer).__module__.partition(".")[0] not in ("keras", "kerascnn") else []


def plain(layer: Any) -> dict[str, Any]:
    """The settings of a layer that are numbers or texts."""
    return {
        name: value
        for name, value in vars(layer).items()
        if isinstance(value, bool | int | float | str) and not name.startswith("_")
    }


def source(subject: Any) -> str:
    """The source of a class or function but for its layout and comments; where there is none, its name."""
    try:
        text = textwrap.dedent(inspect.getsource(subject))
    except (OSError, TypeError):  # typed into an interpreter, or part of a program that is compiled
        return getattr(subject, "__name__", type(subject).__name__)
    try:
        return ast.unparse(ast.parse(text))
    except SyntaxError:  # a lambda in the midst of a statement
        return text


def unnamed(value: Any, places: Mapping[str, str], is_name: bool = False) -> Any:
    """A configuration without the names of layers, of modules and of files; where code is kept, only its source counts.

    A layer is called by its place in the network, by its ``"name"`` and in what stands for a tensor: the layer, and the
    numbers of its call and of its output. The same word elsewhere is none: Keras calls the first layer ``Softmax`` as
    ``Activation`` calls its function.
    """
    if isinstance(value, Mapping):
        if value.get("class_name") == "__lambda__":
            return None
        return {str(name): unnamed(of, places, name == "name") for name, of in value.items() if name != "module"}
    if isinstance(value, str):
        return places.get(value, value) if is_name else value
    if not isinstance(value, Sequence):
        return value
    tensor = [type(one) for one in value] == [str, int, int]
    return [unnamed(one, places, tensor) for one in value]
