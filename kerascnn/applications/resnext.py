"""ResNeXt. Xie et al. 2016, Table 1 for ImageNet; section 5.3 for CIFAR."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import bottleneck, imagenet_stem, stages
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Aggregated residual transformations for deep neural networks",
    authors="Xie, Girshick, Dollár, Tu & He",
    year=2016,
    url="https://arxiv.org/abs/1611.05431",
)


@dataclass(frozen=True)
class ResNeXt(Architecture):
    """A stem, stages of residual blocks of many narrow paths, average pool."""

    depths: tuple[int, ...]
    paths: int  # C, the cardinality
    path: int  # d, the width of each in the first stage
    width: int = 64
    _: KW_ONLY
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric", initializer="he_fan_out")
    paper: Paper = PAPER

    tiny = {"depths": (1, 2), "paths": 2, "path": 4, "width": 8, "size": 32}

    def stem(self, k, x):
        return imagenet_stem(k, x, self.width)

    def block(self, k, x, i, stride):
        """Figure 3c: the paths as one grouped convolution."""
        inner, width = self.paths * self.path * 2**i, 4 * self.width * 2**i
        return bottleneck(k, x, inner, width, (1, stride), groups=self.paths)

    def trunk(self, k, x):
        return stages(k, self.stem(k, x), self.depths, self.block)


@dataclass(frozen=True)
class CifarResNeXt(ResNeXt):
    """The same for small images: a 3x3 for a stem."""

    _: KW_ONLY
    size: int = 32
    classes: int = 10

    min_size = 8

    def stem(self, k, x):
        return (k / "stem").conv_bn_act(x, self.width, 3)


ResNeXt50_32x4d = ResNeXt("resnext50_32x4d", (3, 4, 6, 3), 32, 4)
ResNeXt101_32x4d = ResNeXt("resnext101_32x4d", (3, 4, 23, 3), 32, 4)
ResNeXt101_32x8d = ResNeXt("resnext101_32x8d", (3, 4, 23, 3), 32, 8)
ResNeXt101_64x4d = ResNeXt("resnext101_64x4d", (3, 4, 23, 3), 64, 4)
ResNeXt29_8x64d = CifarResNeXt("resnext29_8x64d", (3, 3, 3), 8, 64)
ResNeXt29_16x64d = CifarResNeXt("resnext29_16x64d", (3, 3, 3), 16, 64)
