"""The layers that networks are built of: Keras' own, and the few it lacks.

A layer is imported when it is first named, so that reading the tables of every paper costs no import of Keras.
Keras itself notes what a layer is made with, where that is numbers and texts, and saves it with the model.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras.layers import *  # noqa: F403

    from kerascnn.layers.arithmetic import *  # noqa: F403
    from kerascnn.layers.boxes import *  # noqa: F403
    from kerascnn.layers.channels import *  # noqa: F403
    from kerascnn.layers.crop_like import *  # noqa: F403
    from kerascnn.layers.fake_quantization import *  # noqa: F403
    from kerascnn.layers.fractal_join import *  # noqa: F403
    from kerascnn.layers.layer_scale import *  # noqa: F403
    from kerascnn.layers.learned_group import *  # noqa: F403
    from kerascnn.layers.lenet import *  # noqa: F403
    from kerascnn.layers.local_response import *  # noqa: F403
    from kerascnn.layers.regions import *  # noqa: F403
    from kerascnn.layers.resize_like import *  # noqa: F403
    from kerascnn.layers.roi_align import *  # noqa: F403
    from kerascnn.layers.roi_pool import *  # noqa: F403
    from kerascnn.layers.same_padding import *  # noqa: F403
    from kerascnn.layers.standardized_conv import *  # noqa: F403
    from kerascnn.layers.tokens import *  # noqa: F403

OWN = {  # by module
    "arithmetic": ("MatMul", "ReciprocalRoot", "ShiftedReLU6", "UnitLength"),
    "boxes": ("DecodeBoxes", "DecodeCells", "DecodeRoots"),
    "channels": ("ChannelShuffle", "ChannelSlice", "PadChannels", "SpaceToDepth"),
    "crop_like": ("CropLike",),
    "fake_quantization": ("FakeQuantization",),
    "fractal_join": ("FractalJoin", "GlobalDropPath"),
    "layer_scale": ("LayerScale",),
    "learned_group": ("LearnedGroupConv2D", "SelectChannels"),
    "lenet": ("PartialConv2D", "RadialBasis", "Subsampling"),
    "local_response": ("LocalResponseNormalization",),
    "regions": (
        *("ClassBoxes", "ClassMasks", "OfRegions", "Proposals", "RegionConv2D", "RegionConv2DTranspose"),
        "WarpRegions",
    ),
    "resize_like": ("ResizeLike",),
    "roi_align": ("RoIAlign",),
    "roi_pool": ("RoIPool",),
    "same_padding": ("SamePadding2D",),
    "standardized_conv": ("StandardizedConv2D",),
    "tokens": ("ClassToken", "FirstToken", "PositionEmbedding", "TokensToMap"),
}
MODULES = {name: f"kerascnn.layers.{module}" for module, names in OWN.items() for name in names}
__all__ = sorted(MODULES)


def __getattr__(name: str) -> Any:
    return getattr(import_module(MODULES.get(name, "keras.layers")), name)
