"""Network in Network. Lin et al. 2013, figure 2: each convolution is followed by a small network at every pixel."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import convolve_classify
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Network in network",
    authors="Lin, Chen & Yan",
    year=2013,
    url="https://arxiv.org/abs/1312.4400",
)
# mlpconvs: the side of the convolution, its width, the widths of the 1x1 convolutions behind it
IMAGENET = ((11, 96, 96, 96), "max", (5, 256, 256, 256), "max", (3, 384, 384, 384), "max", "drop", (3, 1024, 1024))
CIFAR = ((5, 192, 160, 96), "max", "drop", (5, 192, 192, 192), "avg", "drop", (3, 192, 192))


def mlpconv(k, x, side, *widths, stride=1):
    """Figure 1b. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, widths[-1])``."""
    x = k.with_style(padding="valid" if stride > 1 else "same").conv_act(x, widths[0], side, stride)
    for width in widths[1:]:
        x = k.conv_act(x, width)
    return x


@dataclass(frozen=True)
class NetworkInNetwork(Architecture):
    """Mlpconvs with pools between, a map for each class, average pool."""

    table: tuple[tuple[int, ...] | str, ...]
    stride: int = 1  # of the first convolution
    _: KW_ONLY
    dropout: float = 0.5
    style: Style = Style(padding="ceil")
    paper: Paper = PAPER

    min_size = 39
    tiny = {"table": ((5, 8, 8), "max", (5, 8), "max", "drop", (3, 8)), "size": 64}

    def trunk(self, k, x):
        stages = 0
        for step in self.table:
            if step == "max":
                x = (k / f"pool{stages}").max_pool(x, 3, 2)
            elif step == "avg":
                x = (k / f"pool{stages}").avg_pool(x, 3, 2, "same")
            elif step == "drop":
                x = (k / f"pool{stages}")(L.Dropout, self.dropout)(x)
            else:
                stages += 1
                x = mlpconv(k / f"stage{stages}", x, *step, stride=self.stride if stages == 1 else 1)
        return x

    def head(self, k, x, classes):
        return convolve_classify(k, x, classes)


@dataclass(frozen=True)
class NetworkInNetworkCIFAR(NetworkInNetwork):
    """The same for small images, after the authors' released networks: the second pool averages."""

    table: tuple[tuple[int, ...] | str, ...] = CIFAR
    _: KW_ONLY
    size: int = 32
    classes: int = 10

    min_size = 32


NiN = NetworkInNetwork("nin", IMAGENET, 4)
NiNCIFAR10 = NetworkInNetworkCIFAR("nin_cifar10")
NiNCIFAR100 = NetworkInNetworkCIFAR("nin_cifar100", classes=100)
