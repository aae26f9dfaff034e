"""ShuffleNet V2. Ma et al. 2018, Table 5; and V2+, which its authors released without a paper."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="ShuffleNet V2: practical guidelines for efficient CNN architecture design",
    authors="Ma, Zhang, Zheng & Sun",
    year=2018,
    url="https://arxiv.org/abs/1807.11164",
)
PLUS = Paper(
    title="ShuffleNet series: ShuffleNetV2+",
    authors="Ma, Zhang, Zheng & Sun",
    year=2019,
    url="https://github.com/megvii-model/ShuffleNet-Series",
)


def halves(k, x):
    """The first half of the channels, and the second."""
    c = x.shape[-1]
    return k(L.ChannelSlice, 0, c // 2)(x), k(L.ChannelSlice, c // 2, c)(x)


def projected(k, x, width, size=3, stride=2):
    """Figure 3d, left: depthwise, 1x1."""
    return k.conv_bn_act(k.bn(k.depthwise(x, size, stride)), width)


def separable(k, x, inner, width, stride, size=3):
    """Figure 3, right: 1x1, depthwise, 1x1."""
    return projected(k, k.conv_bn_act(x, inner), width, size, stride)


def xception(k, x, inner, width, stride):
    """Depthwise 3x3 and 1x1, three times."""
    for w in (inner, inner, width):
        x = projected(k, x, w, 3, stride)
    return x


@dataclass(frozen=True)
class ShuffleNetV2(Architecture):
    """A stem, three stages of split and shuffled units whose first halves the map, a last 1x1, average pool."""

    widths: tuple[int, ...]
    last: int = 1024
    depths: tuple[int, ...] = (4, 8, 4)
    _: KW_ONLY
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"widths": (16, 32), "last": 32, "depths": (1, 2), "size": 32}

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, 24, 3, 2)
        x = (k / "pool").max_pool(x, 3, 2)
        for i, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True), 2):
            for j in range(depth):
                scope, half = k / f"stage{i}" / f"block{j + 1}", width // 2
                left, right = (projected(scope / "left", x, half), x) if j == 0 else halves(scope, x)
                right = separable(scope / "right", right, half, half, 2 if j == 0 else 1)
                x = scope(L.ChannelShuffle, 2)(scope.concat(left, right))
        return (k / "last").conv_bn_act(x, self.last)


def gate(k, x):
    """Squeeze-and-excitation with batch norm in place of biases."""
    s = k(L.GlobalAveragePooling2D, keepdims=True)(x)
    s = k.act(k.conv_bn(s, x.shape[-1] // 4), "relu")
    return k(L.Multiply)([x, k.act(k.conv(s, x.shape[-1]), "hard_sigmoid")])


X = "xception"
PLUS_STAGES = (  # activation, whether with squeeze-and-excitation, each block's depthwise size
    ("relu", False, (3, 3, X, 5)),
    ("hard_swish", False, (5, 5, 3, 3)),
    ("hard_swish", True, (7, 3, 7, 5, 5, 3, 7, 3)),
    ("hard_swish", True, (7, 5, X, 7)),
)


@dataclass(frozen=True)
class ShuffleNetV2Plus(Architecture):
    """A stem, four stages of searched units, a last 1x1, squeeze-and-excitation, average pool, a hidden layer."""

    widths: tuple[int, ...]
    stages: tuple[tuple, ...] = PLUS_STAGES
    _: KW_ONLY
    dropout: float = 0.2
    style: Style = Style(activation="hard_swish", epsilon=1e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PLUS

    tiny = {
        "widths": (20, 32, 48),
        "stages": (("relu", False, (3, X)), ("hard_swish", False, (5,)), ("hard_swish", True, (7, X))),
        "size": 32,
    }

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, 16, 3, 2)
        for i, (width, (activation, gated, blocks)) in enumerate(zip(self.widths, self.stages, strict=True), 1):
            for j, block in enumerate(blocks):
                scope = (k / f"stage{i}" / f"block{j + 1}").with_style(activation=activation)
                x = self.unit(scope, x, block, width, 2 if j == 0 else 1, gated)
        return (k / "last").conv_bn_act(x, 1280)

    def unit(self, k, x, block, width, stride, gated):
        """Even channels pass by, odd ones are convolved; where the map is halved, all of them go both ways."""
        if stride == 2:
            left, right = projected(k / "left", x, x.shape[-1], block), x
        else:
            left, right = halves(k, k(L.ChannelShuffle, x.shape[-1] // 2)(x))
        sizes = (width // 2, width - left.shape[-1], stride)
        r = k / "right"
        right = xception(r, right, *sizes) if block == X else separable(r, right, *sizes, block)
        return k.concat(left, gate(k / "gate", right) if gated else right)

    def head(self, k, x, classes):
        x = k(L.GlobalAveragePooling2D)(gate(k / "gate", x))
        x = k.act((k / "hidden")(L.Dense, 1280, use_bias=False)(x))
        x = k(L.Dropout, self.dropout)(x)
        return k(L.Dense, classes, use_bias=False, dtype="float32")(x)


ShuffleNetV2_050 = ShuffleNetV2("shufflenet_v2_050", (48, 96, 192))
ShuffleNetV2_100 = ShuffleNetV2("shufflenet_v2_100", (116, 232, 464))
ShuffleNetV2_150 = ShuffleNetV2("shufflenet_v2_150", (176, 352, 704))
ShuffleNetV2_200 = ShuffleNetV2("shufflenet_v2_200", (244, 488, 976), 2048)
ShuffleNetV2PlusSmall = ShuffleNetV2Plus("shufflenet_v2_plus_small", (36, 104, 208, 416))
ShuffleNetV2PlusMedium = ShuffleNetV2Plus("shufflenet_v2_plus_medium", (48, 128, 256, 512))
ShuffleNetV2PlusLarge = ShuffleNetV2Plus("shufflenet_v2_plus_large", (68, 168, 336, 672))
