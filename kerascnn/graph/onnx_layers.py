"""Layers in what ONNX has one operator for, or at least needs no change of layout: its maps have channels first."""

from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.graph.decompose import crop_like, resize_like, upsampling
from kerascnn.graph.equality import held_equal
from kerascnn.graph.graph import leaves
from kerascnn.graph.rewrite import Rule, drawn, kept, on_map, redraw


def in_onnx_layers(model: keras.Model) -> keras.Model:
    """A model that computes what ``model`` does, without layers that take a map apart.

    A shuffle of channels becomes a choice of channels; a map is enlarged by resizing, and not by repeating rows and
    columns; groups are normalised with the channels in front; a dense layer on a map becomes a 1x1 convolution.
    """
    if not any(map(rule_of, leaves(model))):
        return model
    return held_equal(redraw(model, lambda _: rule_of), model)


def rule_of(layer: Any) -> Rule | None:
    """How a layer is drawn for ONNX; None where it stays."""
    kind = type(layer)
    if kind is L.Dense:
        return on_map if len(layer.input.shape) == 4 else None
    return RULES.get(kind)


def choice(layer: Any, name: str, x: Any) -> Any:
    places = np.arange(x.shape[-1]).reshape(layer.groups, -1).T.ravel()
    return drawn(L.SelectChannels(x.shape[-1], name=name), [places], x)


def group_norm(layer: Any, name: str, x: Any) -> Any:
    if len(x.shape) != 4 or layer.axis not in (-1, 3):
        return kept(layer, name, x)
    y = kept(layer, name, L.Permute((3, 1, 2), name=f"{name}-first")(x), axis=1)
    return L.Permute((2, 3, 1), name=f"{name}-last")(y)


RULES: dict[type, Rule] = {
    L.ChannelShuffle: choice,
    L.UpSampling2D: upsampling,
    L.CropLike: crop_like,
    L.ResizeLike: resize_like,
    L.GroupNormalization: group_norm,
}
