"""What families draw with: Keras' own layers, and the few it lacks.

A layer is imported when it is first named, so that reading the tables of every paper costs no import of Keras.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras.layers import *  # noqa: F403

    from kerascnn.layers.channel_shuffle import ChannelShuffle as ChannelShuffle
    from kerascnn.layers.crop_like import CropLike as CropLike
    from kerascnn.layers.learned_group import LearnedGroupConv2D as LearnedGroupConv2D
    from kerascnn.layers.learned_group import SelectChannels as SelectChannels
    from kerascnn.layers.channel_slice import ChannelSlice as ChannelSlice
    from kerascnn.layers.local_response import LocalResponseNormalization as LocalResponseNormalization
    from kerascnn.layers.tokens import ClassToken as ClassToken
    from kerascnn.layers.tokens import FirstToken as FirstToken
    from kerascnn.layers.tokens import PositionEmbedding as PositionEmbedding
    from kerascnn.layers.tokens import TokensToMap as TokensToMap

OURS = {
    "ChannelShuffle": "channel_shuffle",
    "ClassToken": "tokens",
    "CropLike": "crop_like",
    "FirstToken": "tokens",
    "LearnedGroupConv2D": "learned_group",
    "ChannelSlice": "channel_slice",
    "LocalResponseNormalization": "local_response",
    "PositionEmbedding": "tokens",
    "SelectChannels": "learned_group",
    "TokensToMap": "tokens",
    from kerascnn.layers.fractal_join import FractalJoin as FractalJoin
    from kerascnn.layers.fractal_join import GlobalDropPath as GlobalDropPath
    from kerascnn.layers.local_response import LocalResponseNormalization as LocalResponseNormalization
    from kerascnn.layers.pad_channels import PadChannels as PadChannels
    from kerascnn.layers.standardized_conv import StandardizedConv2D as StandardizedConv2D

OURS = {
    "ChannelShuffle": "channel_shuffle",
    "FractalJoin": "fractal_join",
    "GlobalDropPath": "fractal_join",
    "LocalResponseNormalization": "local_response",
    "PadChannels": "pad_channels",
    "StandardizedConv2D": "standardized_conv",
}


def __getattr__(name: str) -> Any:
    module = f"kerascnn.layers.{OURS[name]}" if name in OURS else "keras.layers"
    return getattr(import_module(module), name)
