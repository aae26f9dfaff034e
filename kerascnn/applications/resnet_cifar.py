"""ResNet for CIFAR. He et al. 2015, section 4.2: 6n + 2 layers on 32 x 32 pixels, shortcuts without parameters."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.architecture import Architecture
from kerascnn.blocks import basic, padded_shortcut, stages
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Deep residual learning for image recognition",
    authors="He, Zhang, Ren & Sun",
    year=2015,
    url="https://arxiv.org/abs/1512.03385",
)


@dataclass(frozen=True)
class ResNetCIFAR(Architecture):
    """A 3x3 convolution, three stages of n residual blocks, average pool."""

    n: int
    widths: tuple[int, ...] = (16, 32, 64)
    _: KW_ONLY
    size: int = 32
    classes: int = 10
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"n": 1, "widths": (8, 16)}

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, self.widths[0], 3)
        depths = (self.n,) * len(self.widths)
        return stages(k, x, depths, lambda k, x, i, stride: basic(k, x, self.widths[i], stride, skip=padded_shortcut))


ResNet20CIFAR = ResNetCIFAR("resnet20_cifar", 3)
ResNet32CIFAR = ResNetCIFAR("resnet32_cifar", 5)
ResNet44CIFAR = ResNetCIFAR("resnet44_cifar", 7)
ResNet56CIFAR = ResNetCIFAR("resnet56_cifar", 9)
ResNet110CIFAR = ResNetCIFAR("resnet110_cifar", 18)
ResNet1202CIFAR = ResNetCIFAR("resnet1202_cifar", 200)
