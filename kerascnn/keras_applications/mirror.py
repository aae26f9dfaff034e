"""Builders that take what those of keras.applications take, and give the same layers under the same names."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import Parameter, Signature
from types import SimpleNamespace
from typing import Any

import keras

from kerascnn.keras_applications.imagenet_utils import obtain_input_shape
from kerascnn.ledger import entries
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.build import build
from kerascnn.networks.renaming import rename
from kerascnn.weights.cache import fetch
from kerascnn.weights.load import find_weights
from kerascnn.weights.records import all_records
from kerascnn.weights.tables import section

SOURCE = "keras.applications"
ARGUMENTS = {  # in Keras' order, with its defaults; the name is each builder's own
    "include_top": True,
    "weights": "imagenet",
    "input_tensor": None,
    "input_shape": None,
    "pooling": None,
    "classes": 1000,
    "classifier_activation": "softmax",
}
# Layers that Keras names by counting all of their kind, from "conv2d" and "conv2d_1" on; the tables count from 1.
COUNTED = re.compile(
    r"(activation|add|batch_normalization|concatenate|conv2d|dropout|global_(?:average|max)_pooling2d"
    r"|layer_normalization|max_pooling2d|normalization|rescaling|zero_padding2d)_(\d+)"
)
BEFORE = "preprocess-"  # begins the names of layers before the network, until they have Keras' own
# What stands behind the last map where there is no classifier: some builders name it, others leave that to Keras.
NAMED_POOLS = {"head-avg_pool": "avg_pool", "head-max_pool": "max_pool"}
COUNTED_POOLS = {"head-avg_pool": "global_average_pooling2d_1", "head-max_pool": "global_max_pooling2d_1"}

Prepare = Callable[[Any, str | None, str], Any]  # of the image, weights and the model's name


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What Keras' builder of a network does otherwise than the catalogue's row."""

    # Makes another row of the row and those arguments that only this builder has.
    change: Callable[..., Architecture] | None = None
    # From pixels and ``weights`` to what the network takes, where Keras has this inside the model. Where its builder
    # has the argument ``include_preprocessing``, that decides.
    prepare: Prepare | None = None
    dropout: bool = False  # whether Keras has the paper's dropout before the classifier
    fused: bool = False  # whether Keras' layers with a bias apply the activation behind them
    apart: bool = False  # whether Keras' last activation is a layer of its own
    fixed: bool = True  # whether images have a fixed size by default where there is a classifier
    headless: Mapping[str, str] = field(default_factory=lambda: COUNTED_POOLS)  # names where there is no classifier


def builder(
    identifier: str, row: Architecture, name: str, arguments: Mapping[str, Any] = ARGUMENTS, traits: Traits = Traits()
) -> Callable[..., keras.Model]:
    """A function that builds ``row`` as ``keras.applications`` does.

    Parameters
    ----------
    identifier
        Its name there: ``"ResNet50"``.
    row
        The network of the catalogue.
    name
        The model's default name in Keras; what stands in its braces depends on the arguments and the image's size.
    arguments
        Its arguments there, with their defaults.
    traits
        What is otherwise there than in the row.
    """
    parameters = {**arguments, "name": None if "{" in name else name}
    kind = Parameter.POSITIONAL_OR_KEYWORD
    signature = Signature([Parameter(each, kind, default=default) for each, default in parameters.items()])
    style = next((e.style for e in entries() if (e.name, e.source) == (row.name, SOURCE)), {})
    styled = row.replace(style=replace(row.style, **style, fused=traits.fused))

    def call(*args: Any, **kwargs: Any) -> keras.Model:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{identifier}(): {error}. Its arguments are {', '.join(parameters)}.") from None
        given.apply_defaults()
        own = {each: value for each, value in given.arguments.items() if each not in (*ARGUMENTS, "name")}
        a = SimpleNamespace(**given.arguments)
        inside = own.pop("include_preprocessing", True)
        network = traits.change(styled, **own) if traits.change else styled
        a.name = a.name or name.format(size=(a.input_shape or (None,))[0] or row.size, **own)
        network = network if traits.dropout else network.replace(dropout=0.0)
        return draw(network, traits if inside else replace(traits, prepare=None), a)

    call.__name__ = call.__qualname__ = identifier
    call.__module__ = __package__  # where pickle finds it by its name
    call.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    call.__doc__ = f"As ``keras.applications.{identifier}``, of kerascnn's layers under Keras' names."
    return call


def draw(row: Architecture, traits: Traits, a: Any) -> keras.Model:
    """The network with Keras' ``ARGUMENTS``, and its name, as attributes of ``a``."""
    if a.weights == "imagenet" and a.include_top and a.classes != 1000:
        raise ValueError(
            f"weights='imagenet' are for 1000 classes, got classes={a.classes}. Pass include_top=False and put a "
            f"classifier of your own on it, or weights=None."
        )
    image, shape = a.input_tensor, a.input_shape
    if image is None:
        flat = a.include_top and traits.fixed
        shape = obtain_input_shape(shape, row.size, row.min_size, "channels_last", flat, a.weights)
        image, shape = keras.Input(shape), None
    if traits.prepare:
        image, shape = traits.prepare(image, a.weights, a.name), None
    model = build(row, a.include_top, None, image, shape, a.pooling, a.classes, None, None)
    if a.weights is not None:
        path = published(row.name, a.include_top) if a.weights == "imagenet" else a.weights
        # Keras' images are what its files were trained on: for some networks blue, green, red.
        replace(find_weights(row, path, a.include_top), bgr=False).fill(model, new_classifier=False)
        for layer in model.layers:
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()
    names = layer_names(row, model, {} if a.include_top else traits.headless)
    if a.include_top:
        model = activated(model, traits.apart, a.classifier_activation)
    rename(model, names)
    model.name = a.name
    return model


def published(network: str, include_top: bool) -> str:
    """The file of Keras' own weights, downloaded unless the cache has it."""
    found = [r for r in all_records() if (r.network, r.source) == (network, SOURCE)]
    if not found:
        raise ValueError(f"keras.applications has no published weights of {network}. Pass weights=None or a file.")
    return str(fetch(next((r for r in found if r.top == include_top), found[0])))


def layer_names(row: Architecture, model: keras.Model, otherwise: Mapping[str, str]) -> dict[str, str]:
    """What Keras calls the layers of ``model``; those that it only counts, and that no table has, keep their names."""
    family = type(row).__module__.rpartition(".")[2]
    table = section(family, SOURCE, row.name)
    layers = [layer.name for layer in model.layers]
    places = table.layers(layers) if table else {}
    keys = {name: key.name for name, key in places.items() if key}
    keys |= {name: name.removeprefix(BEFORE) for name in layers if name.startswith(BEFORE)}
    return as_keras_names(keys | {name: otherwise[name] for name in layers if name in otherwise})


def as_keras_names(keys: Mapping[str, str]) -> dict[str, str]:
    """Names of layers from the names in Keras' files.

    Those that Keras counts go on from the last that it gave, as if it had drawn them, so that they are nobody else's.
    """
    found = {key: COUNTED.fullmatch(key.partition("/")[0]) for key in keys.values()}
    numbers = sorted({(kind[1], int(kind[2])) for kind in found.values() if kind})
    counted = {f"{kind}_{i}": f"{kind}_{keras.backend.get_uid(kind) - 1}".removesuffix("_0") for kind, i in numbers}
    names = {}
    for name, key in keys.items():
        layer, _, part = key.partition("/")
        layer = counted.get(layer, layer)
        names[name] = layer if part in ("", "pointwise_kernel") else f"{layer}_{part.removesuffix('_kernel')}"
    return names


def activated(model: keras.Model, apart: bool, activation: Any) -> keras.Model:
    """The model with ``activation`` behind its logits: in the layer that computes them, or in one of its own."""
    last: Any = model.layers[-1]
    activation = keras.activations.get(activation)
    if not apart:
        last.activation = activation
        return model
    outputs = keras.layers.Activation(activation, name="predictions")(model.output)
    return keras.Model(model.inputs, outputs, name=model.name)
