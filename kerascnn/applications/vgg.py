"""VGG. Simonyan & Zisserman 2014, Table 1: its six columns, and four of them with batch normalisation."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import local_response, two_hidden_classify
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Very deep convolutional networks for large-scale image recognition",
    authors="Simonyan & Zisserman",
    year=2014,
    url="https://arxiv.org/abs/1409.1556",
)
A = ((3,), (3,), (3, 3), (3, 3), (3, 3))  # sides of the convolutions in each stage
B = ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3))
C = ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1))
D = ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))
E = ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3))


@dataclass(frozen=True)
class VGG(Architecture):
    """Stages of convolutions, most 3x3, with a pool after each; two hidden layers of 4096."""

    table: tuple[tuple[int, ...], ...]
    bn: bool = False
    normalise: bool = False  # local response normalisation after the first convolution
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    hidden: int = 4096
    _: KW_ONLY
    dropout: float = 0.5
    style: Style = Style(epsilon=1e-5, momentum=0.9)
    paper: Paper = PAPER

    tiny = {"table": ((3,), (3, 1)), "widths": (8, 16), "hidden": 32, "size": 32}

    def trunk(self, k, x):
        for i, (sides, width) in enumerate(zip(self.table, self.widths, strict=True), 1):
            stage = k / f"stage{i}"
            for j, side in enumerate(sides):  # the bias stays beside batch norm, as in every released VGG-BN
                x = stage.conv(x, width, side, bias=True)
                x = stage.act(stage.bn(x) if self.bn else x)
                x = local_response(stage, x) if self.normalise and i == 1 and j == 0 else x
            x = (k / f"pool{i}").with_style(padding="valid").max_pool(x, 2, 2)
        return x

    def head(self, k, x, classes):
        return two_hidden_classify(k, x, classes, self.hidden, self.dropout)


VGG11 = VGG("vgg11", A)
VGG11BN = VGG("vgg11_bn", A, bn=True)
VGG11LRN = VGG("vgg11_lrn", A, normalise=True)
VGG13 = VGG("vgg13", B)
VGG13BN = VGG("vgg13_bn", B, bn=True)
VGG16C = VGG("vgg16_c", C)
VGG16 = VGG("vgg16", D)
VGG16BN = VGG("vgg16_bn", D, bn=True)
VGG19 = VGG("vgg19", E)
VGG19BN = VGG("vgg19_bn", E, bn=True)
