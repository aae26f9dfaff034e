"""Xception. Chollet 2016, figure 5."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import shortcut
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper

PAPER = Paper(
    title="Xception: deep learning with depthwise separable convolutions",
    authors="Chollet",
    year=2016,
    url="https://arxiv.org/abs/1610.02357",
)
FIGURE_5 = (  # widths of the separable convolutions in each residual block, stride
    ((128, 128), 2),
    ((256, 256), 2),
    ((728, 728), 2),
    *(((728, 728, 728), 1),) * 8,
    ((728, 1024), 2),
)


def separable(k, x, width):
    """Every channel's 3x3 on its own, then 1x1 across them, with nothing between."""
    return k.bn(k.conv(k.depthwise(x), width))


def pool(k, x):
    """3x3 max pool at stride 2. Its map has negative numbers, so that zeros round it will not do."""
    if k.style.padding == "symmetric":
        return k(L.MaxPooling2D, 1, 2)(k(L.MaxPooling2D, 3, 1, "same")(x))
    return k.max_pool(x, 3, 2)


def block(k, x, widths, stride, rectified):
    """x, shrunk where the branch is, plus separable convolutions with activations before them."""
    y = x
    for i, width in enumerate(widths):
        y = separable(k, y if rectified and i == 0 else k.act(y), width)
    y = pool(k, y) if stride > 1 else y
    return k.add(shortcut(k / "shortcut", x, y.shape[-1], stride), y)


@dataclass(frozen=True)
class XceptionFamily(Architecture):
    """A stem, residual blocks of separable convolutions, two wide ones, average pool."""

    table: tuple[tuple, ...] = FIGURE_5
    last: tuple[int, ...] = (1536, 2048)
    _: KW_ONLY
    size: int = 299
    dropout: float = 0.5
    paper: Paper = PAPER

    min_size = 71
    tiny = {"table": (((8, 8), 2), ((8, 8, 8), 1), ((8, 16), 2)), "last": (16, 16), "size": 71}

    def trunk(self, k, x):
        stem = (k / "stem").with_style(padding="valid")
        x = stem.conv_bn_act(stem.conv_bn_act(x, 32, 3, 2), 64, 3)
        for i, (widths, stride) in enumerate(self.table, 1):
            x = block(k / f"block{i}", x, widths, stride, rectified=i == 1)  # the stem's activation comes just before
        for width in self.last:
            x = (k / "last").act(separable(k / "last", x, width))
        return x


Xception = XceptionFamily("xception")
