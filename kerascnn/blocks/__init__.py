"""What several papers share, as functions on tensors. ``k`` is the kit, ``x`` the feature map ``(B, H, W, C)``."""

from kerascnn.blocks.branching import average as average
from kerascnn.blocks.branching import branches as branches
from kerascnn.blocks.branching import chain as chain
from kerascnn.blocks.branching import fork as fork
from kerascnn.blocks.branching import shrink as shrink
from kerascnn.blocks.heads import convolve_classify as convolve_classify
from kerascnn.blocks.heads import pool_classify as pool_classify
from kerascnn.blocks.heads import two_hidden_classify as two_hidden_classify
from kerascnn.blocks.local_response import local_response as local_response
from kerascnn.blocks.mobile import fused_mbconv as fused_mbconv
from kerascnn.blocks.mobile import mbconv as mbconv
from kerascnn.blocks.mobile import quarter_gate as quarter_gate
from kerascnn.blocks.mobile import squeeze_excite as squeeze_excite
from kerascnn.blocks.residual import basic as basic
from kerascnn.blocks.residual import bottleneck as bottleneck
from kerascnn.blocks.residual import drop_path as drop_path
from kerascnn.blocks.residual import drop_rates as drop_rates
from kerascnn.blocks.residual import padded_shortcut as padded_shortcut
from kerascnn.blocks.residual import preact_basic as preact_basic
from kerascnn.blocks.residual import preact_bottleneck as preact_bottleneck
from kerascnn.blocks.residual import residual as residual
from kerascnn.blocks.residual import shortcut as shortcut
from kerascnn.blocks.stages import imagenet_stem as imagenet_stem
from kerascnn.blocks.stages import stages as stages
from kerascnn.blocks.stages import walk as walk
from kerascnn.blocks.widths import divisible as divisible
