"""SqueezeNet. Iandola et al. 2016, Table 1 and figure 2; version 1.1 is of the authors' released code."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn.blocks import convolve_classify
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
    authors="Iandola et al.",
    year=2016,
    url="https://arxiv.org/abs/1602.07360",
)
V1_0 = ((128, 128, 256), (256, 384, 384, 512), (512,))  # channels that leave each fire module, from fire2 on
V1_1 = ((128, 128), (256, 256), (384, 384, 512, 512))


def fire(k, x, width):
    """Figure 1: squeeze to an eighth, expand to a half by 1x1 and to a half by 3x3."""
    y = (k / "squeeze").conv_act(x, width // 8)
    return k.concat((k / "expand1x1").conv_act(y, width // 2), (k / "expand3x3").conv_act(y, width // 2, 3))


def simple_bypass(k, x, width):
    """Figure 2, middle: past the modules that keep the width."""
    y = fire(k, x, width)
    return k.add(x, y) if x.shape[-1] == width else y


def complex_bypass(k, x, width):
    """Figure 2, right: the others too, through a 1x1 convolution."""
    y = fire(k, x, width)
    return k.add(x if x.shape[-1] == width else (k / "bypass").conv(x, width, bias=True), y)


@dataclass(frozen=True)
class SqueezeNet(Architecture):
    """A strided convolution, eight fire modules on three map sizes, a map for each class, average pool."""

    side: int  # of the first convolution
    width: int
    table: tuple[tuple[int, ...], ...]
    block: Callable[..., Any] = fire
    _: KW_ONLY
    dropout: float = 0.5
    style: Style = Style(padding="ceil")
    paper: Paper = PAPER

    min_size = 21
    tiny = {"width": 8, "table": ((16,), (16, 16)), "block": complex_bypass, "size": 40}

    def trunk(self, k, x):
        x = (k / "stem").with_style(padding="valid").conv_act(x, self.width, self.side, 2)
        module = 1  # the paper numbers the convolution before them as 1
        for i, widths in enumerate(self.table, 1):
            x = (k / f"pool{i}").max_pool(x, 3, 2)
            for width in widths:
                module += 1
                x = self.block(k / f"stage{i}" / f"fire{module}", x, width)
        return x

    def head(self, k, x, classes):
        return convolve_classify(k, x, classes, self.dropout)


SqueezeNet1_0 = SqueezeNet("squeezenet1_0", 7, 96, V1_0)
SqueezeNet1_0SimpleBypass = SqueezeNet("squeezenet1_0_simple_bypass", 7, 96, V1_0, simple_bypass)
SqueezeNet1_0ComplexBypass = SqueezeNet("squeezenet1_0_complex_bypass", 7, 96, V1_0, complex_bypass)
SqueezeNet1_1 = SqueezeNet("squeezenet1_1", 3, 64, V1_1)
SqueezeNet1_1SimpleBypass = SqueezeNet("squeezenet1_1_simple_bypass", 3, 64, V1_1, simple_bypass)
