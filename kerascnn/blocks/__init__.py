"""What several papers share, as functions on tensors: ``k`` a layer factory, ``x`` a feature map ``(B, H, W, C)``."""

from kerascnn.blocks.branching import Fork, average, branches, chain, shrink
from kerascnn.blocks.heads import convolve_classify, pool_classify, two_hidden_classify
from kerascnn.blocks.local_response import local_response
from kerascnn.blocks.mobile import depthwise_project, fused_mbconv, mbconv, quarter_gate, squeeze_excite
from kerascnn.blocks.residual import (
    basic,
    bottleneck,
    drop_path,
    drop_rates,
    padded_shortcut,
    preact_basic,
    preact_bottleneck,
    residual,
    shortcut,
)
from kerascnn.blocks.stages import deepen, imagenet_stem, stages, walk
from kerascnn.blocks.widths import divisible

__all__ = [
    "Fork",
    "average",
    "basic",
    "bottleneck",
    "branches",
    "chain",
    "convolve_classify",
    "deepen",
    "depthwise_project",
    "divisible",
    "drop_path",
    "drop_rates",
    "fused_mbconv",
    "imagenet_stem",
    "local_response",
    "mbconv",
    "padded_shortcut",
    "pool_classify",
    "preact_basic",
    "preact_bottleneck",
    "quarter_gate",
    "residual",
    "shortcut",
    "shrink",
    "squeeze_excite",
    "stages",
    "two_hidden_classify",
    "walk",
]
