"""SqueezeNeXt. Gholami et al. 2018, figure 2 and Table 2, after the authors' released networks."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="SqueezeNext: hardware-aware neural network design",
    authors="Gholami et al.",
    year=2018,
    url="https://arxiv.org/abs/1803.10615",
)
WIDTHS = (32, 64, 128, 256)
V1, V5 = (6, 6, 8, 1), (2, 4, 14, 1)  # blocks in each stage: the fifth version moves them to the later ones
TALL_FIRST, WIDE_FIRST = ((3, 1), (1, 3)), ((1, 3), (3, 1))


def branch(k, x, width, pair, stride, groups, bias):
    """Figure 2: to a half, to a quarter, a 3x3 in two parts, back to ``(B, H / stride, W / stride, width)``."""
    x = k.conv_bn_act(x, width // 2, 1, stride, groups=groups, bias=bias)
    x = k.conv_bn_act(x, width // 4, bias=bias)
    for sides in pair:
        x = k.conv_bn_act(x, width // 2, sides, groups=groups, bias=bias)
    return k.conv_bn_act(x, width, bias=bias)


@dataclass(frozen=True)
class SqueezeNeXt(Architecture):
    """A stem, four stages of blocks, a last 1x1 convolution, average pool."""

    depths: tuple[int, ...]
    alpha: float = 1.0  # multiplies the widths of the stages
    groups: int = 1
    side: int = 7  # of the first convolution
    chained: bool = False  # whether the branch of a stage's first block starts from its shortcut's convolution
    _: KW_ONLY
    stem: int = 64
    last: int = 128
    pad: int = 0  # pixels round the image
    pairs: tuple[tuple[tuple[int, int], ...], ...] = (TALL_FIRST, WIDE_FIRST)  # of a stage's blocks, in turn
    bias: bool = False  # in convolutions and classifier
    size: int = 227
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="ceil")
    paper: Paper = PAPER

    tiny = {"depths": (3, 1), "stem": 8, "last": 16, "size": 40}

    def trunk(self, k, x):
        x = (k / "stem")(L.ZeroPadding2D, self.pad)(x) if self.pad else x
        x = (k / "stem").with_style(padding="valid").conv_bn_act(x, self.stem, self.side, 2, bias=self.bias)
        x = (k / "pool").max_pool(x, 3, 2)
        for i, depth in enumerate(self.depths):
            for j in range(depth):
                x = self.block(k / f"stage{i + 1}" / f"block{j + 1}", x, i, j)
        return (k / "last").conv_bn_act(x, self.last, bias=self.bias)

    def block(self, k, x, i, j):
        """Block j of stage i; a stage's first has a convolution for its shortcut, whatever the widths."""
        width, pair = int(WIDTHS[i] * self.alpha), self.pairs[j % len(self.pairs)]
        stride = 2 if i > 0 and j == 0 else 1
        short = (k / "shortcut").conv_bn_act(x, width, 1, stride, bias=self.bias) if j == 0 else x
        start, stride = (short, 1) if self.chained else (x, stride)
        return k.act(k.add(short, branch(k, start, width, pair, stride, self.groups, self.bias)))

    def head(self, k, x, classes):
        return k(L.Dense, classes, use_bias=self.bias, dtype="float32")(k(L.GlobalAveragePooling2D)(x))


@dataclass(frozen=True)
class SqueezeNeXtPort(SqueezeNeXt):
    """As in the port that the authors' page names, pytorchcv's, which was trained at all six sizes."""

    _: KW_ONLY
    pad: int = 1
    pairs: tuple[tuple[tuple[int, int], ...], ...] = (WIDE_FIRST,)
    bias: bool = True
    size: int = 224


SqueezeNeXt23_100 = SqueezeNeXt("squeezenext23_100", V1)
SqueezeNeXt23_150 = SqueezeNeXt("squeezenext23_150", V1, 1.5)
SqueezeNeXt23_200 = SqueezeNeXt("squeezenext23_200", V1, 2.0)
SqueezeNeXt23G_100 = SqueezeNeXt("squeezenext23g_100", V1, groups=2)
SqueezeNeXt23V5_100 = SqueezeNeXt("squeezenext23v5_100", V5, side=5, chained=True)
SqueezeNeXt23V5_150 = SqueezeNeXt("squeezenext23v5_150", V5, 1.5, side=5, chained=True)
SqueezeNeXt23V5_200 = SqueezeNeXt("squeezenext23v5_200", V5, 2.0, side=5, chained=True)
SqueezeNeXt23Port_100 = SqueezeNeXtPort("squeezenext23_port_100", V1)
SqueezeNeXt23Port_150 = SqueezeNeXtPort("squeezenext23_port_150", V1, 1.5, stem=96, last=192)
SqueezeNeXt23Port_200 = SqueezeNeXtPort("squeezenext23_port_200", V1, 2.0, stem=128, last=256)
SqueezeNeXt23V5Port_100 = SqueezeNeXtPort("squeezenext23v5_port_100", V5)
SqueezeNeXt23V5Port_150 = SqueezeNeXtPort("squeezenext23v5_port_150", V5, 1.5, stem=96, last=192)
SqueezeNeXt23V5Port_200 = SqueezeNeXtPort("squeezenext23v5_port_200", V5, 2.0, stem=128, last=256)
