"""Makes layers in the style of one family, named after the place where they stand.

A family never writes a layer's name, activation, epsilon or padding. Its trunk gets a layer factory ``k`` that knows
the style; ``k / "stage1" / "block2"`` is the same factory one scope further in, which names the layers that it makes
``stage1-block2-conv``, ``stage1-block2-conv2``, and so on. Names are counted within their scope, so that a network
built twice has the same names, and a change in one block renames no other.
"""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from kerascnn import layers as L
from kerascnn.layers.same_padding import same_border
from kerascnn.spec import Style

SHORT = {  # where a layer's own name says more than a reader needs
    "Conv2D": "conv",
    "DepthwiseConv2D": "depthwise",
    "BatchNormalization": "bn",
    "MaxPooling2D": "max_pool",
    "AveragePooling2D": "avg_pool",
    "GlobalAveragePooling2D": "avg_pool",
    "GlobalMaxPooling2D": "max_pool",
    "ZeroPadding2D": "pad",
    "Concatenate": "concat",
    "LocalResponseNormalization": "lrn",
    "ChannelShuffle": "shuffle",
    "LeakyReLU": "leaky_relu",
    "CropLike": "crop",
    "ResizeLike": "resize",
    "UpSampling2D": "upsample",
    "Cropping2D": "crop",
    "Conv2DTranspose": "up_conv",
    "LayerNormalization": "norm",
    "MultiHeadAttention": "attention",
    "LearnedGroupConv2D": "conv",
    "SelectChannels": "select",
    "ChannelSlice": "slice",
    "FractalJoin": "join",
    "GroupNormalization": "gn",
    "StandardizedConv2D": "conv",
    "PartialConv2D": "conv",
    "SamePadding2D": "pad",
    "RegionConv2D": "conv",
    "RegionConv2DTranspose": "up_conv",
}


@dataclass(frozen=True)
class LayerFactory:
    """The style of a family, and the scope of the names that are given out."""

    style: Style
    scope: str = ""
    used: Counter = field(default_factory=Counter, repr=False)  # shared by all scopes of one network
    taps: dict[str, Any] = field(default_factory=dict, repr=False)  # shared too: maps that get an auxiliary head
    inputs: list[Any] = field(default_factory=list, repr=False)  # shared too: what the network takes beside the image

    def __truediv__(self, name: str) -> "LayerFactory":
        """``k / "stage1" / "block2"``: the same factory, further in."""
        return replace(self, scope=f"{self.scope}{name}-")

    @property
    def outside(self) -> "LayerFactory":
        """The same factory outside all scopes: for a head to draw what belongs to the trunk."""
        return replace(self, scope="")

    def with_style(self, **style: Any) -> "LayerFactory":
        """The same factory where a paper departs from its own style."""
        return replace(self, style=replace(self.style, **style))

    def __call__(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Make any layer, named after this scope and its kind."""
        kind = SHORT.get(layer.__name__) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", layer.__name__).lower()
        return layer(*args, name=self.name(kind), **kwargs)

    def name(self, kind: str) -> str:
        """The next free name of this kind here: ``conv``, ``conv2``, ``conv3`` ..."""
        place = self.scope + kind
        self.used[place] += 1
        return place if self.used[place] == 1 else f"{place}{self.used[place]}"

    @property
    def initializer(self) -> Any:
        """The style's, as Keras takes it."""
        kind, _, deviation = self.style.initializer.partition(":")
        if deviation:
            return {"class_name": kind.title().replace("_", ""), "config": {"stddev": float(deviation)}}
        if kind != "he_fan_out":
            return kind
        fan_out = {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"}
        return {"class_name": "VarianceScaling", "config": fan_out}  # which Keras has no name for

    def tap(self, name: str, x: Any) -> Any:
        """x as it is, remembered as the input of the auxiliary head ``name``."""
        self.taps[name] = x
        return x

    def input(self, name: str, shape: tuple[int, ...]) -> Any:
        """What the network takes beside the image, under this name: ``(B, *shape)``."""
        from keras import Input  # here, because the tables of papers are read without Keras

        self.inputs.append(Input(shape, name=name))
        return self.inputs[-1]

    # -- one layer; x is (B, H, W, C) -------------------------------------------------------------------------------

    def conv(self, x, width, size=1, stride=1, *, groups=1, dilation=1, bias=False):
        x, padding = self.pad(x, size, stride)
        own = {"groups": groups, "dilation_rate": dilation, "use_bias": bias, "kernel_initializer": self.initializer}
        return self(getattr(L, self.style.convolution), width, size, stride, padding, **own)(x)

    def depthwise(self, x, size=3, stride=1, *, multiplier=1, bias=False):
        x, padding = self.pad(x, size, stride)
        own = {"depth_multiplier": multiplier, "use_bias": bias, "depthwise_initializer": self.initializer}
        return self(L.DepthwiseConv2D, size, stride, padding, **own)(x)

    def bn(self, x):
        return self(L.BatchNormalization, epsilon=self.style.epsilon, momentum=self.style.momentum)(x)

    def act(self, x, kind=None):
        kind = kind or self.style.activation
        if self.style.fused and getattr(layer := x._keras_history.operation, "use_bias", False):
            layer.activation = L.Activation(kind).activation
            return x
        if kind.startswith("leaky_relu:"):
            return self(L.LeakyReLU, float(kind.partition(":")[2]))(x)
        return L.Activation(kind, name=self.name(kind))(x)

    def max_pool(self, x, size, stride):
        x, padding = self.with_style(padding=self.style.pooling or self.style.padding).pad(x, size, stride)
        return self(L.MaxPooling2D, size, stride, padding)(x)

    def avg_pool(self, x, size, stride, padding="valid"):
        """``padding`` is "valid", or "same" for a map that keeps its size at stride 1."""
        if padding == "same" and self.style.count_padding:
            x, padding = self(L.ZeroPadding2D, size // 2)(x), "valid"
        return self(L.AveragePooling2D, size, stride, padding)(x)

    def add(self, *xs):
        return self(L.Add)(list(xs))

    def concat(self, *xs):
        return self(L.Concatenate)(list(xs))

    # -- sequences that every paper uses -------------------------------------------------------------------------------

    def conv_act(self, x, width, size=1, stride=1, **kw):
        return self.act(self.conv(x, width, size, stride, bias=True, **kw))

    def conv_bn(self, x, width, size=1, stride=1, **kw):
        return self.bn(self.conv(x, width, size, stride, **kw))

    def conv_bn_act(self, x, width, size=1, stride=1, **kw):
        return self.act(self.conv_bn(x, width, size, stride, **kw))

    def depthwise_bn_act(self, x, size=3, stride=1, **kw):
        return self.act(self.bn(self.depthwise(x, size, stride, **kw)))

    def bn_act(self, x):
        return self.act(self.bn(x))

    def pad(self, x, size, stride):
        """x, zero-padded where Keras cannot, and the padding left to Keras: for stride 1 that is one of its own."""
        kind = self.style.padding
        if kind == "zeros":
            return self.pad_as_same(x, size, stride), "valid"
        if stride == 1 or kind in ("same", "valid"):
            return x, "valid" if kind == "valid" else "same"
        half = size // 2 if isinstance(size, int) else tuple(side // 2 for side in size)
        border = ((0, stride - 1), (0, stride - 1)) if kind == "ceil" else half
        return (self(L.ZeroPadding2D, border)(x) if half else x), "valid"

    def pad_as_same(self, x, size, stride):
        """x with the zeros round it that padding "same" would give a window of ``size`` at ``stride``."""
        if None in x.shape[1:3]:
            return self(L.SamePadding2D, size, stride)(x)
        return self(L.ZeroPadding2D, tuple(same_border(side, size, stride) for side in x.shape[1:3]))(x)
