"""VGG. Simonyan & Zisserman 2014, Table 1: columns A, B, D and E, and the same with batch normalisation."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.architecture import Architecture
from kerascnn.blocks import two_hidden_classify
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Very deep convolutional networks for large-scale image recognition",
    authors="Simonyan & Zisserman",
    year=2014,
    url="https://arxiv.org/abs/1409.1556",
)
A, B, D, E = (1, 1, 2, 2, 2), (2, 2, 2, 2, 2), (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)  # 3x3 convolutions in each stage


@dataclass(frozen=True)
class VGG(Architecture):
    """Stages of 3x3 convolutions with a pool after each, two hidden layers of 4096."""

    depths: tuple[int, ...]
    bn: bool = False
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    hidden: int = 4096
    _: KW_ONLY
    dropout: float = 0.5
    style: Style = Style(epsilon=1e-5, momentum=0.9)
    paper: Paper = PAPER

    tiny = {"depths": (1, 1), "widths": (8, 16), "hidden": 32, "size": 32}

    def trunk(self, k, x):
        for i, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True), 1):
            stage = k / f"stage{i}"
            for _ in range(depth):  # the bias stays beside batch norm, as in every released VGG-BN
                x = stage.conv(x, width, 3, bias=True)
                x = stage.act(stage.bn(x) if self.bn else x)
            x = (k / f"pool{i}").but(padding="valid").max_pool(x, 2, 2)
        return x

    def head(self, k, x, classes):
        return two_hidden_classify(k, x, classes, self.hidden, self.dropout)


VGG11 = VGG("vgg11", A)
VGG11BN = VGG("vgg11_bn", A, bn=True)
VGG13 = VGG("vgg13", B)
VGG13BN = VGG("vgg13_bn", B, bn=True)
VGG16 = VGG("vgg16", D)
VGG16BN = VGG("vgg16_bn", D, bn=True)
VGG19 = VGG("vgg19", E)
VGG19BN = VGG("vgg19_bn", E, bn=True)
