"""DenseNet. Huang et al. 2016: Table 1 for ImageNet, section 4.1 and Table 2 for CIFAR."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.blocks import imagenet_stem
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Densely connected convolutional networks",
    authors="Huang, Liu, van der Maaten & Weinberger",
    year=2016,
    url="https://arxiv.org/abs/1608.06993",
)


def bn_conv(k, x, width, size, drop):
    """What every layer and transition is made of."""
    x = k.conv(k.bn_act(x), width, size)
    return k(L.Dropout, drop)(x) if drop else x


def plain(k, x, growth, drop):
    """A 3x3 convolution; its input stays beside its output."""
    return k.concat(x, bn_conv(k, x, growth, 3, drop))


def bottleneck(k, x, growth, drop):
    """B: a 1x1 convolution to four times the growth before the 3x3."""
    y = bn_conv(k, x, 4 * growth, 1, drop)
    return k.concat(x, bn_conv(k, y, growth, 3, drop))


def transition(k, x, compression, drop):
    """C: keep a fraction of the channels, then halve the map."""
    x = bn_conv(k, x, int(compression * x.shape[-1]), 1, drop)
    return k.avg_pool(x, 2, 2)


def small_stem(k, x, width):
    """One 3x3 at the size of the image."""
    return (k / "stem").conv(x, width, 3)


@dataclass(frozen=True)
class DenseNet(Architecture):
    """A stem, dense blocks with transitions between them, average pool."""

    depths: tuple[int, ...]
    growth: int = 32
    layer: Callable[..., Any] = bottleneck
    stem: Callable[..., Any] = imagenet_stem
    width: int | None = None  # of the stem; None: twice the growth
    compression: float = 0.5  # the fraction of its channels that a transition keeps
    _: KW_ONLY
    layer_dropout: float = 0.0  # after every convolution but the first; 0.2 in the paper without augmentation
    style: Style = Style(epsilon=1.001e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"depths": (2, 2), "growth": 8, "size": 32}

    def trunk(self, k, x):
        x = self.stem(k, x, self.width or 2 * self.growth)
        for i, depth in enumerate(self.depths, 1):
            if i > 1:
                x = transition(k / f"transition{i - 1}", x, self.compression, self.layer_dropout)
            for j in range(depth):
                x = self.layer(k / f"stage{i}" / f"layer{j + 1}", x, self.growth, self.layer_dropout)
        return (k / "last").bn_act(x)


def on_cifar(name, depth, growth, layer, **fields):
    """Section 3, implementation details: three blocks of equal depth on 32 x 32 images."""
    layers = (depth - 4) // (6 if layer is bottleneck else 3)
    return DenseNet(name, 3 * (layers,), growth, layer, small_stem, size=32, classes=10, style=TORCH, **fields)


TORCH = Style(epsilon=1e-5, momentum=0.9, padding="symmetric")
DenseNet121 = DenseNet("densenet121", (6, 12, 24, 16))
DenseNet169 = DenseNet("densenet169", (6, 12, 32, 32))
DenseNet201 = DenseNet("densenet201", (6, 12, 48, 32))
DenseNet264 = DenseNet("densenet264", (6, 12, 64, 48))
DenseNet161 = DenseNet("densenet161", (6, 12, 36, 24), growth=48)
DenseNet40K12 = on_cifar("densenet40_k12", 40, 12, plain, width=16, compression=1)
DenseNet100K12 = on_cifar("densenet100_k12", 100, 12, plain, width=16, compression=1)
DenseNet100K24 = on_cifar("densenet100_k24", 100, 24, plain, width=16, compression=1)
DenseNetB40K12 = on_cifar("densenet_b40_k12", 40, 12, bottleneck, compression=1)
DenseNetC40K12 = on_cifar("densenet_c40_k12", 40, 12, plain)
DenseNetC100K12 = on_cifar("densenet_c100_k12", 100, 12, plain)
DenseNetC100K24 = on_cifar("densenet_c100_k24", 100, 24, plain)
DenseNetBC40K12 = on_cifar("densenet_bc40_k12", 40, 12, bottleneck)
DenseNetBC100K12 = on_cifar("densenet_bc100_k12", 100, 12, bottleneck)
DenseNetBC250K24 = on_cifar("densenet_bc250_k24", 250, 24, bottleneck)
DenseNetBC190K40 = on_cifar("densenet_bc190_k40", 190, 40, bottleneck)
