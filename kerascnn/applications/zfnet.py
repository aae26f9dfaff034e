"""ZFNet. Zeiler & Fergus 2013, figure 3; and its widened form, Table 2."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.blocks import local_response, two_hidden_classify
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Visualizing and understanding convolutional networks",
    authors="Zeiler & Fergus",
    year=2013,
    url="https://arxiv.org/abs/1311.2901",
)


def pool_normalise(k, x):
    """Figure 3: pooled, then contrast normalised."""
    return local_response(k, k.max_pool(x, 3, 2))


def normalise_pool(k, x):
    """AlexNet's order, in which ports of ZFNet were trained."""
    return k.max_pool(local_response(k, x), 3, 2)


@dataclass(frozen=True)
class ZFNetFamily(Architecture):
    """Five convolutions, of which two stride; three pools; two hidden layers of 4096."""

    pool: Callable[..., Any]
    widths: tuple[int, ...] = (96, 256, 384, 384, 256)
    hidden: int = 4096
    _: KW_ONLY
    dropout: float = 0.5
    style: Style = Style(padding="ceil")
    paper: Paper = PAPER

    min_size = 47
    tiny = {"widths": (8, 8, 8, 8, 8), "hidden": 16, "size": 64}

    def trunk(self, k, x):
        x = (k / "stage1")(L.ZeroPadding2D, 1)(x)
        for i, (width, side) in enumerate(zip(self.widths, (7, 5), strict=False), 1):
            x = (k / f"stage{i}").with_style(padding="valid").conv_act(x, width, side, 2)
            x = self.pool(k / f"stage{i}", x)
        for width in self.widths[2:]:
            x = (k / "stage3").conv_act(x, width, 3)
        return (k / "pool").max_pool(x, 3, 2)

    def head(self, k, x, classes):
        return two_hidden_classify(k, x, classes, self.hidden, self.dropout)


ZFNet = ZFNetFamily("zfnet", pool_normalise)
ZFNetWide = ZFNetFamily("zfnet_wide", pool_normalise, (96, 256, 512, 1024, 512))
ZFNetNormaliseFirst = ZFNetFamily("zfnet_normalise_first", normalise_pool)
ZFNetWideNormaliseFirst = ZFNetFamily("zfnet_wide_normalise_first", normalise_pool, (96, 256, 512, 1024, 512))
