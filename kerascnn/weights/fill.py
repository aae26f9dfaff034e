"""From the values in a file to the variables of a model: every value is placed by name, or none is."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerascnn.graph.graph import Graph
from kerascnn.weights.coco import in_use
from kerascnn.weights.layouts import KERAS_PARTS, TORCH_PARTS, fit, to_keras
from kerascnn.weights.tables import Section, SourceKey


@dataclass(frozen=True)
class KeyMapping:
    """A variable of the model, the key of its value in the file, and how the value is converted to its layout."""

    variable: Any
    key: str
    bias: str = ""  # the key of the bias beside this kernel, which the model may lack
    convert: Callable[[np.ndarray], np.ndarray] = lambda value: value


@dataclass
class Plan:
    """What is about to be done to a model; nothing is done before all of it is known to work."""

    values: dict[str, np.ndarray] = field(default_factory=dict)  # by path of the variable
    fresh: list[str] = field(default_factory=list)  # variables that keep their random values: a new classifier
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)


def map_foreign(model: keras.Model, section: Section, torch: bool, keys: Collection[str]) -> list[KeyMapping]:
    """Which of another implementation's ``keys`` holds each variable of the model, by the table of names.

    A table that lacks a layer is refused.
    """
    sources = section.translate(w.path for w in model.weights)
    if missing := [path for path, source in sources.items() if source is None]:
        raise ValueError(f"the table of names lacks {some(missing)}")
    graph, mappings = Graph(model), []
    for w in model.weights:
        source: Any = sources[w.path]
        part = w.path.rpartition("/")[2]
        convert = converter(graph, layer_of(model, w), w, part, source, torch)
        if source.whole:
            mappings.append(KeyMapping(w, source.name, convert=convert))
            continue
        stems = [name + ("." if torch else "/") for name in (source.name, source.other) if name]
        parts = (TORCH_PARTS if torch else KERAS_PARTS).get(part, (part,))
        names = [stem + name for stem in stems for name in parts]
        bias = stems[0] + "bias" if part == "kernel" else ""
        mappings.append(KeyMapping(w, next((name for name in names if name in keys), names[0]), bias, convert))
    return mappings


def converter(
    graph: Graph, layer: Any, w: Any, part: str, source: SourceKey, torch: bool
) -> Callable[[np.ndarray], np.ndarray]:
    shape = tuple(w.shape)
    if source.coco:
        return lambda value: to_keras(in_use(value, shape[-1], source.coco), shape)
    if not torch or (part != "kernel" and not source.part):
        return lambda value: fit(value, shape)
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    flattened = flattened_map(graph, layer) if source.chw else None
    return lambda value: to_keras(value, shape, depthwise=depthwise, part=source.part, flattened=flattened)


def flattened_map(graph: Graph, layer: Any) -> tuple[int, int, int]:
    """Shape of the map whose flattened values a dense layer reads, of an image or of each of several regions."""
    kinds = keras.layers.Flatten, keras.layers.Reshape
    flatten: Any = next(each for each in before(graph, layer) if isinstance(each, kinds))
    return tuple(flatten.input.shape[-3:])


def classifiers(graph: Graph) -> set[str]:
    """Names of the layers that give the logits: the last with a kernel before each output, and a norm behind it.

    Where several are added up there are as many; kernels that are not trained, which interpolate, are passed.
    """
    names, todo, seen = set(), list(graph.model.outputs), set()
    while todo:
        call = graph.producer(todo.pop())
        if id(call) in seen:
            continue
        seen.add(id(call))
        layer = call.operation
        names |= {layer.name} if getattr(layer, "weights", ()) else set()
        if not (hasattr(layer, "kernel") and layer.trainable):
            todo += call.inputs
    return {name for name in names if name.startswith(("head-", "auxiliary"))}


def before(graph: Graph, layer: Any) -> Iterator[Any]:
    """The layers that lead to ``layer``, backwards from it, as long as each takes one tensor."""
    while not isinstance(layer, keras.layers.InputLayer) and not isinstance(layer.input, list):
        yield (layer := graph.producer(layer.input).operation)


def make_plan(
    model: keras.Model,
    values: Mapping[str, np.ndarray],
    mappings: list[KeyMapping],
    bgr: bool = False,
    headless: bool = False,
) -> Plan:
    """What each variable would get.

    ``bgr`` where the file's network takes blue first, and the model red; ``headless`` where the file has no classifier.
    """
    plan, graph = Plan(), Graph(model)
    last = classifiers(graph)
    scored = {x.shape[-1] for x in graph.model.outputs}
    first = {layer.name for layer in model.layers if layer.weights and reads_the_image(graph, layer)}
    for mapping in mappings:
        path, key, layer = mapping.variable.path, mapping.key, layer_of(model, mapping.variable)
        if key in values:
            value = mapping.convert(values[key])
            value = value[:, :, ::-1] if bgr and layer.name in first and value.ndim == 4 else value
            unit = "classes" if mapping.variable.shape[-1] in scored else "outputs"  # those of several boxes at a place
            place(plan, mapping, value, layer, layer.name in first, layer.name in last and unit)
        elif path.endswith("/gamma") and key.removesuffix("gamma") + "beta" in values:
            plan.values[path] = np.ones(mapping.variable.shape, "float32")  # Keras may leave a scale to the next layer
        elif headless and path.startswith("head-"):
            plan.fresh.append(path)
        else:
            plan.missing.append(f"{path} ({key})" if key != path else path)
    if headless and plan.fresh:
        new = dict.fromkeys(path.partition("/")[0] for path in plan.fresh)
        plan.notes.append(f"it has no classifier, so {', '.join(new)} is new")
    return plan


def place(plan: Plan, mapping: KeyMapping, value: np.ndarray, layer: Any, first: bool, last: str | bool) -> None:
    """Plan what becomes of a value: taken as it is, adapted, left out for a new classifier, or refused.

    ``last`` is what a classifier has as many of as outputs; False of any other layer.
    """
    path, shape = mapping.variable.path, tuple(mapping.variable.shape)
    if value.shape == shape:
        plan.values[path] = value
    elif last and (value.shape[:-1] == shape[:-1] or not layer.trainable):
        if not any(other.startswith(f"{layer.name}/") for other in plan.fresh):
            plan.notes.append(f"{layer.name} is new, for {shape[-1]} {last}; the file has {value.shape[-1]}")
        plan.fresh.append(path)
    elif first and value.ndim == 4 and value.shape[:2] + value.shape[3:] == shape[:2] + shape[3:]:
        plan.values[path] = adapt_channels(value, shape[2])
        plan.notes.append(f"{layer.name} is adapted from {value.shape[2]} to {shape[2]} channels")
    elif hasattr(layer, "resized"):
        plan.values[path] = layer.resized(value)
        plan.notes.append(f"{layer.name} is resized from {value.shape[1]} to {shape[1]} positions")
    else:
        plan.unequal.append(f"{path} is {value.shape}, expected {shape}")


def reads_the_image(graph: Graph, layer: Any) -> bool:
    """Whether no layer with weights stands between the image and ``layer``."""
    for each in before(graph, layer):
        weights = getattr(each, "weights", [])  # an operation such as keras.ops.add has none
        if weights or isinstance(each, keras.layers.InputLayer):
            return not weights
    return False


def layer_of(model: keras.Model, variable: Any) -> Any:
    return model.get_layer(variable.path.partition("/")[0])


def adapt_channels(kernel: np.ndarray, channels: int) -> np.ndarray:
    """A first kernel, ``(H, W, source channels, O)``, for another number of channels, at the same strength.

    The source's channels are repeated in turn, and scaled by source / target; a single channel gets their sum, which
    is what a grey image in every channel would have given.
    """
    source = kernel.shape[2]
    if channels == 1:
        return kernel.sum(axis=2, keepdims=True)
    return kernel[:, :, np.arange(channels) % source] * (source / channels)


def absorb_biases(
    model: keras.Model, plan: Plan, values: Mapping[str, np.ndarray], mappings: list[KeyMapping]
) -> Iterator[str]:
    """Subtract biases before batch norm, which the model lacks, from its moving mean; yields the keys it used."""
    graph, mapped = Graph(model), {mapping.key for mapping in mappings}
    for mapping in mappings:
        if mapping.bias in values and mapping.bias not in mapped:
            for call in graph.consumers(layer_of(model, mapping.variable).output):
                if hasattr(call.operation, "moving_mean"):
                    mean = call.operation.moving_mean.path
                    plan.values[mean] = plan.values[mean] - values[mapping.bias]
                    yield mapping.bias


def some(items: list[str], most: int = 4) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
