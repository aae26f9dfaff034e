"""Channels followed through a graph: which ones meet, and the network without some of them."""

from collections.abc import Callable
from math import prod
from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.graph.copies import copied
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.rewrite import Rule, redraw

MAKERS = {L.Conv2D: "filters", L.Conv2DTranspose: "filters", L.SeparableConv2D: "filters", L.Dense: "units"}
ALONE = (L.Activation, L.ELU, L.LeakyReLU, L.ReLU)  # what works on each channel alone, or on each pixel
ALONE += (L.AveragePooling2D, L.GlobalAveragePooling2D, L.GlobalMaxPooling2D, L.MaxPooling2D)
ALONE += (L.Dropout, L.GaussianDropout, L.GaussianNoise, L.SpatialDropout2D)
ALONE += (L.Cropping2D, L.Resizing, L.SamePadding2D, L.UpSampling2D, L.ZeroPadding2D, L.LayerScale)
MEETING = (L.Add, L.Average, L.Maximum, L.Minimum, L.Multiply, L.Subtract)


class Channels:
    """Every channel of every tensor of a model, by number; what is tied to what; and what must stay."""

    def __init__(self) -> None:
        self.of: dict[int, np.ndarray] = {}  # by id of a tensor, the numbers of its channels
        self.made: dict[str, np.ndarray] = {}  # by name of a layer that makes channels of its own, their numbers
        self.norms: dict[str, np.ndarray] = {}  # by name of such a layer, the sum of absolute weights of each filter
        # By name of a batch norm, the numbers of its channels and the absolute values of its scales, gamma.
        self.scales: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._least: list[int] = []
        self._stay: set[int] = set()

    def new(self, count: int) -> np.ndarray:
        first = len(self._least)
        self._least += range(first, first + count)
        return np.arange(first, first + count)

    def tie(self, one: np.ndarray, other: np.ndarray) -> None:
        """Let each channel of ``one`` stay or go with that of ``other`` in its place."""
        for a, b in zip(self.roots(one).tolist(), self.roots(other).tolist(), strict=True):
            a, b = self._root(a), self._root(b)
            self._least[max(a, b)] = min(a, b)

    def lock(self, ids: np.ndarray) -> None:
        self._stay |= set(ids.tolist())

    @property
    def locked(self) -> set[int]:
        """Sets of tied channels that must stay, by their least number."""
        return {self._root(i) for i in self._stay}

    def _root(self, i: int) -> int:
        while self._least[i] != i:
            self._least[i] = self._least[self._least[i]]
            i = self._least[i]
        return i

    def roots(self, ids: np.ndarray) -> np.ndarray:
        """The set of tied channels that each channel belongs to, by its least number."""
        return np.array([self._root(i) for i in ids.tolist()], int)

    def sets_of(self, ids: np.ndarray) -> set[int]:
        return set(self.roots(ids).tolist())

    def fixed(self, ids: np.ndarray) -> np.ndarray:
        return np.isin(self.roots(ids), list(self.locked))

    def kept(self, ids: np.ndarray, gone: set[int]) -> np.ndarray:
        """Which channels stay when some sets are gone."""
        return ~np.isin(self.roots(ids), list(gone))


def traced(model: keras.Model) -> Channels:
    """Follow the channels of a model from its inputs to its outputs."""
    channels = Channels()
    graph = Graph(model)
    for call in graph.calls:
        if not call.inputs:
            channels.of[id(call.outputs[0])] = channels.new(call.outputs[0].shape[-1])
            channels.lock(channels.of[id(call.outputs[0])])
            continue
        sources = [channels.of[id(x)] for x in call.inputs]
        ids = through(call, sources, channels) if graph.uses[call.operation] == 1 and len(call.outputs) == 1 else None
        if ids is None:
            for source in sources:
                channels.lock(source)
            for y in call.outputs:
                channels.of[id(y)] = channels.new(y.shape[-1] if len(y.shape) > 1 else 1)
                channels.lock(channels.of[id(y)])
        else:
            channels.of[id(call.outputs[0])] = ids
    for y in graph.model.outputs:
        channels.lock(channels.of[id(y)])
    return channels


def through(call: Call, sources: list[np.ndarray], channels: Channels) -> np.ndarray | None:
    """The channels that come out of a layer; None where there is no rule, or channels are mixed beyond it."""
    layer, x, y = call.operation, call.inputs[0], call.outputs[0]
    kind, ids = type(layer), sources[0]
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return None
    if kind in MAKERS:
        made = made_by(layer, ids, channels)
        if is_softmax(layer):  # mixes what the layer makes, not what it takes
            channels.lock(made)
        return made
    if is_softmax(layer):
        return None
    if kind is L.DepthwiseConv2D:
        return np.repeat(ids, layer.depth_multiplier)
    if kind in (*ALONE, L.CropLike, L.ResizeLike):
        return ids
    if kind is L.BatchNormalization and layer.axis in (-1, len(x.shape) - 1):
        if layer.scale:
            channels.scales[layer.name] = ids, np.abs(np.asarray(keras.ops.convert_to_numpy(layer.gamma)))
        return ids
    if kind in MEETING and len({len(source) for source in sources}) == 1:
        for other in sources[1:]:
            channels.tie(ids, other)
        return ids
    if kind is L.Concatenate and layer.axis in (-1, len(x.shape) - 1):
        return np.concatenate(sources)
    if kind is L.Flatten and None not in x.shape[1:]:
        return np.tile(ids, prod(x.shape[1:-1]))
    if kind is L.Reshape and prod(x.shape[1:-1] or (1,)) == prod(y.shape[1:-1] or (1,)) == 1:
        return ids
    if kind is L.ChannelShuffle:
        return dealt(ids, layer.groups, channels)
    if kind is L.ChannelSlice:
        return ids[layer.start : layer.stop]
    if kind is L.PadChannels:
        return np.concatenate([ids, channels.new(layer.width - len(ids))])
    return None


def is_softmax(layer: Any) -> bool:
    return getattr(layer, "activation", None) in (keras.activations.softmax, keras.activations.log_softmax)


def made_by(layer: Any, ids: np.ndarray, channels: Channels) -> np.ndarray:
    """New channels of a layer with filters; the places of each group are tied."""
    kernel = layer.pointwise_kernel if isinstance(layer, L.SeparableConv2D) else layer.kernel
    values = np.abs(np.asarray(keras.ops.convert_to_numpy(kernel)))
    out = 2 if isinstance(layer, L.Conv2DTranspose) else values.ndim - 1
    made = channels.new(values.shape[out])
    if (groups := getattr(layer, "groups", 1)) > 1:
        tie_places(ids, groups, channels)
        tie_places(made, groups, channels)
    channels.made[layer.name] = made
    channels.norms[layer.name] = values.sum(axis=tuple(axis for axis in range(values.ndim) if axis != out))
    return made


def tie_places(ids: np.ndarray, groups: int, channels: Channels) -> None:
    """Let the channels that stand in one place of each group go together, so that groups keep one size."""
    rows = ids.reshape(groups, -1)
    for row in rows[1:]:
        channels.tie(rows[0], row)


def dealt(ids: np.ndarray, groups: int, channels: Channels) -> np.ndarray:
    tie_places(ids, groups, channels)
    return ids.reshape(groups, -1).T.reshape(-1)


def thinned(model: keras.Model, channels: Channels, gone: set[int]) -> keras.Model:
    """A copy of ``model`` without some sets of tied channels; layers that lose none stay as they are."""

    def plan(graph: Graph) -> Callable[[Any], Rule | None]:
        rules = {}
        for call in graph.calls:
            if call.inputs:
                taken, made = (channels.kept(channels.of[id(x)], gone) for x in (call.inputs[0], call.outputs[0]))
                if not (taken.all() and made.all()):
                    rules[call.operation.name] = thinner(taken, made)
        return lambda layer: rules.get(layer.name)

    return redraw(model, plan)


def thinner(taken: np.ndarray, made: np.ndarray) -> Rule:
    """The rule of a layer that takes and makes some channels alone."""

    def rule(layer: Any, name: str, x: Any, **keywords: Any) -> Any:
        y = (thin := copied(layer, **changed(layer, taken, made)))(x, **keywords)
        thin.set_weights(cut(layer, taken, made))
        return y

    return rule


def changed(layer: Any, taken: np.ndarray, made: np.ndarray) -> dict[str, Any]:
    """What is different about a layer that takes and makes some channels alone."""
    if type(layer) in MAKERS:
        return {MAKERS[type(layer)]: int(made.sum())}
    if isinstance(layer, L.ChannelSlice):
        return {"start": int(taken[: layer.start].sum()), "stop": int(taken[: layer.stop].sum())}
    if isinstance(layer, L.PadChannels):
        return {"width": int(made.sum())}
    if isinstance(layer, L.Reshape) and not made.all():
        return {"target_shape": (*layer.target_shape[:-1], int(made.sum()))}
    return {}


def cut(layer: Any, taken: np.ndarray, made: np.ndarray) -> list[np.ndarray]:
    """The weights of a layer for the channels that it still takes and makes."""
    values = layer.get_weights()
    if not values:
        return values
    if isinstance(layer, L.BatchNormalization | L.LayerScale):
        return [value[made] for value in values]
    kernel, *rest = values
    if isinstance(layer, L.SeparableConv2D):
        pointwise, *rest = rest
        rows = np.repeat(taken, layer.depth_multiplier)
        return [kernel[:, :, taken], pointwise[:, :, rows][..., made], *(bias[made] for bias in rest)]
    return [KERNELS[type(layer)](layer, kernel, taken, made), *(bias[made] for bias in rest)]


KERNELS: dict[type, Callable[[Any, np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    L.Conv2D: lambda layer, kernel, taken, made: kernel[:, :, taken[: kernel.shape[2]]][..., made],  # as in any group
    L.Conv2DTranspose: lambda layer, kernel, taken, made: kernel[:, :, made][..., taken],
    L.DepthwiseConv2D: lambda layer, kernel, taken, made: kernel[:, :, taken],
    L.Dense: lambda layer, kernel, taken, made: kernel[taken][:, made],
}
