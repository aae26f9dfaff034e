"""ResNet in ResNet. Targ et al. 2016, the 18-layer wide network, as PyTorchCV builds it: the authors released no code.

The paper's count, 10.3 M, is in neither of the two ports that can be read; PyTorchCV's has no shortcut round each pair
of blocks.
"""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import preact_shortcut
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="ResNet in ResNet: generalizing residual architectures",
    authors="Targ, Almeida & Lyman",
    year=2016,
    url="https://arxiv.org/abs/1603.08029",
)


def generalised(k, residual, transient, width, stride):
    """Figure 1d: both streams convolve into both, and one of them keeps what it was."""
    kept = preact_shortcut(k / "shortcut", residual, residual, width, stride)
    from_r = [(k / "residual").conv(residual, width, 3, stride) for _ in range(2)]
    from_t = [(k / "transient").conv(transient, width, 3, stride) for _ in range(2)]
    r = k.add(from_r[0], kept, from_t[1])
    t = k.add(from_t[0], from_r[1])
    return (k / "residual").bn_act(r), (k / "transient").bn_act(t)


@dataclass(frozen=True)
class RiR(Architecture):
    """Two streams from the first convolution to the last, joined and classified in each place of the map."""

    widths: tuple[tuple[int, int], ...]  # a stage: the width of a stream, blocks
    _: KW_ONLY
    size: int = 32
    classes: int = 10
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"widths": ((8, 1), (8, 2), (16, 1))}

    def trunk(self, k, x):
        first = self.widths[0][0]
        r = (k / "stem" / "residual").conv_bn_act(x, first, 3)
        t = (k / "stem" / "transient").conv_bn_act(x, first, 3)
        for i, (width, depth) in enumerate(self.widths, 1):
            for j in range(depth):
                r, t = generalised(k / f"stage{i}" / f"block{j + 1}", r, t, width, 2 if i > 1 and j == 0 else 1)
        return (k / "last").concat(r, t)

    def head(self, k, x, classes):
        x = k.bn(k(L.Dense, classes, use_bias=False, dtype="float32")(x))
        return k(L.GlobalAveragePooling2D, dtype="float32")(x)


RiR18Wide = RiR("rir18_wide", ((48, 4), (96, 6), (192, 6)))
