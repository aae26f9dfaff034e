"""The layers that networks are built of: Keras' own, and the few it lacks.

A layer is imported when it is first named, so that reading the tables of every paper costs no import of Keras.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras.layers import *  # noqa: F403

    from kerascnn.layers.arithmetic import MatMul as MatMul
    from kerascnn.layers.arithmetic import ReciprocalRoot as ReciprocalRoot
    from kerascnn.layers.arithmetic import UnitLength as UnitLength
    from kerascnn.layers.channel_shuffle import ChannelShuffle as ChannelShuffle
    from kerascnn.layers.channel_slice import ChannelSlice as ChannelSlice
    from kerascnn.layers.crop_like import CropLike as CropLike
    from kerascnn.layers.fake_quantization import FakeQuantization as FakeQuantization
    from kerascnn.layers.fractal_join import FractalJoin as FractalJoin
    from kerascnn.layers.fractal_join import GlobalDropPath as GlobalDropPath
    from kerascnn.layers.learned_group import LearnedGroupConv2D as LearnedGroupConv2D
    from kerascnn.layers.learned_group import SelectChannels as SelectChannels
    from kerascnn.layers.local_response import LocalResponseNormalization as LocalResponseNormalization
    from kerascnn.layers.pad_channels import PadChannels as PadChannels
    from kerascnn.layers.partial_conv import PartialConv2D as PartialConv2D
    from kerascnn.layers.radial_basis import RadialBasis as RadialBasis
    from kerascnn.layers.standardized_conv import StandardizedConv2D as StandardizedConv2D
    from kerascnn.layers.subsampling import Subsampling as Subsampling
    from kerascnn.layers.tokens import ClassToken as ClassToken
    from kerascnn.layers.tokens import FirstToken as FirstToken
    from kerascnn.layers.tokens import PositionEmbedding as PositionEmbedding
    from kerascnn.layers.tokens import TokensToMap as TokensToMap

OWN = {
    "ChannelShuffle": "channel_shuffle",
    "ChannelSlice": "channel_slice",
    "ClassToken": "tokens",
    "CropLike": "crop_like",
    "FakeQuantization": "fake_quantization",
    "FirstToken": "tokens",
    "FractalJoin": "fractal_join",
    "GlobalDropPath": "fractal_join",
    "LearnedGroupConv2D": "learned_group",
    "LocalResponseNormalization": "local_response",
    "MatMul": "arithmetic",
    "PadChannels": "pad_channels",
    "PartialConv2D": "partial_conv",
    "PositionEmbedding": "tokens",
    "RadialBasis": "radial_basis",
    "ReciprocalRoot": "arithmetic",
    "SelectChannels": "learned_group",
    "StandardizedConv2D": "standardized_conv",
    "Subsampling": "subsampling",
    "TokensToMap": "tokens",
    "UnitLength": "arithmetic",
}
__all__ = sorted(OWN)


def __getattr__(name: str) -> Any:
    module = f"kerascnn.layers.{OWN[name]}" if name in OWN else "keras.layers"
    return getattr(import_module(module), name)
