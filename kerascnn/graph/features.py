"""Feature maps of any model, by stride."""

from typing import Any

import keras

from kerascnn import layers as L
from kerascnn.graph.graph import Graph, functional
from kerascnn.runtime import deep_graphs


@deep_graphs()
def features(model: keras.Model) -> keras.Model:
    """A model that shares all weights and returns the last feature map at each stride, ``{4: ..., 8: ..., 16: ...}``.

    Layers are named by their place, ``stage2-block1-conv``, and only the maps that leave a place count: the widened
    map inside the next stage's first block does not. A model whose names have no dashes offers every map it has.

    Returns
    -------
    keras.Model
        The same input; a dictionary from stride to ``(batch, height / stride, width / stride, channels)``, strides
        rising.

    Raises
    ------
    ValueError
        When the model makes no feature map.
    """
    model = functional(model)
    maps = {stride: operation.output for stride, operation in layers_by_stride(model).items()}
    if not maps:
        raise ValueError(f"{model.name} makes no feature map (batch, height, width, channels).")
    return keras.Model(model.input, maps, name=f"{model.name}_features")


def layers_by_stride(model: keras.Model) -> dict[int, Any]:
    """The layer that makes the feature map at each stride, strides rising."""
    strides = strides_of(model)
    leaving = {}  # the last operation of each place that makes a map
    for operation in functional(model).operations:
        if operation.name in strides and not isinstance(operation, L.InputLayer):
            leaving[operation.name.partition("-")[0]] = operation
    return dict(sorted({strides[operation.name]: operation for operation in leaving.values()}.items()))


def first_block(model: keras.Model, stride: int) -> Any:
    """The last operation of the first block whose map has a stride, or of all where names tell no blocks.

    Layers of a block are named ``stage2-block1-conv``.
    """
    strides = strides_of(model)
    there = [operation for operation in functional(model).operations if strides.get(operation.name) == stride]
    blocks = ["-".join(operation.name.split("-")[:2]) for operation in there]
    first = next((block for block in blocks if "-block" in block and block.endswith("1")), None)
    return layers_by_stride(model)[stride] if first is None else there[len(blocks) - 1 - blocks[::-1].index(first)]


def strides_of(model: keras.Model) -> dict[str, int]:
    """Pixels of the image between neighbours of each operation's map, by the operation's name."""
    strides: dict[str, int] = {}
    graph = Graph(model)
    for call in graph.calls:
        operation = call.operation
        # a map pooled to one vector has no neighbours, and what it weighs takes the stride of the map it weighs
        if len(call.outputs) != 1 or len(call.outputs[0].shape) != 4 or type(operation).__name__.startswith("Global"):
            continue
        sources = call.inputs[1:] if isinstance(operation, L.ResizeLike) else call.inputs
        before = [strides[name] for x in sources if (name := graph.producer(x).operation.name) in strides]
        if before or isinstance(operation, L.InputLayer):
            strides[operation.name] = step(operation, max(before, default=1))
    return strides


def step(operation, before: int) -> int:
    """The stride after an operation, from the one before."""
    if isinstance(operation, L.Conv2DTranspose):
        return before // operation.strides[0]
    if isinstance(operation, L.UpSampling2D):
        return before // operation.size[0]
    return before * getattr(operation, "strides", (1,))[0]
