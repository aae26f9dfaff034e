"""Stochastic depth. Huang et al. 2016: ResNets whose blocks are skipped at random while they train.

The paper drops a block for a whole batch and, at test time, multiplies each branch by its survival probability. Here a
branch is dropped for one image at a time and, while training, divided by that probability, as dropout is today: the
expectation is the same, and at test time the network is ResNet to the bit.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any

from kerascnn.blocks import basic, bottleneck, imagenet_stem, padded_shortcut, stages
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Deep networks with stochastic depth",
    authors="Huang, Sun, Liu, Sedra & Weinberger",
    year=2016,
    url="https://arxiv.org/abs/1603.09382",
)


def cifar_stem(k, x, width):
    return (k / "stem").conv_bn_act(x, width, 3)


def plain(k, x, width, stride, drop):
    """Two 3x3, beside a shortcut that averages the pixels it merges, as the released code does."""
    return basic(k, x, width, stride, drop=drop, skip=partial(padded_shortcut, window=stride))


def narrowed(k, x, width, stride, drop):
    return bottleneck(k, x, width, 4 * width, (stride, 1), drop=drop)


@dataclass(frozen=True)
class StochasticDepth(Architecture):
    """A ResNet; of its L blocks, block l is dropped at l / L times ``drop_path``: equation 4."""

    stem: Callable[..., Any]
    block: Callable[..., Any]
    depths: tuple[int, ...]
    width: int = 16
    _: KW_ONLY
    size: int = 32
    classes: int = 10
    drop_path: float = 0.5
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"depths": (1, 2), "width": 8}

    def trunk(self, k, x):
        x = self.stem(k, x, self.width)
        total = sum(self.depths)
        drop = (self.drop_path * (i + 1) / total for i in range(total))
        return stages(
            k, x, self.depths, lambda k, x, i, stride: self.block(k, x, self.width * 2**i, stride, next(drop))
        )


StochasticDepth110CIFAR = StochasticDepth("stochastic_depth110_cifar", cifar_stem, plain, (18, 18, 18))
StochasticDepth152SVHN = StochasticDepth("stochastic_depth152_svhn", cifar_stem, plain, (25, 25, 25))
StochasticDepth1202CIFAR = StochasticDepth("stochastic_depth1202_cifar", cifar_stem, plain, (200, 200, 200))
StochasticDepth152 = StochasticDepth(
    "stochastic_depth152", imagenet_stem, narrowed, (3, 8, 36, 3), 64, size=224, classes=1000
)
