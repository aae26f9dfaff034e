"""LeNet-5. LeCun et al. 1998, figure 2, in the form it is taught in: full connections, plain average pools, softmax."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Gradient-based learning applied to document recognition",
    authors="LeCun, Bottou, Bengio & Haffner",
    year=1998,
    url="https://doi.org/10.1109/5.726791",
)


@dataclass(frozen=True)
class LeNet(Architecture):
    """Two convolutions with pools, three layers of units."""

    convs: tuple[int, ...]  # C1, C3: 5x5
    units: tuple[int, ...]  # C5, F6
    _: KW_ONLY
    size: int = 32
    channels: int = 1
    classes: int = 10
    style: Style = Style(activation="tanh", padding="valid", initializer="glorot_uniform")
    paper: Paper = PAPER

    tiny = {"convs": (2, 4), "units": (8, 8)}

    def trunk(self, k, x):
        for i, width in enumerate(self.convs, 1):
            x = (k / f"stage{i}").conv_act(x, width, 5)
            x = (k / f"stage{i}").avg_pool(x, 2, 2)
        return x

    def head(self, k, x, classes):
        x = k(L.Flatten)(x)
        for width in self.units:
            x = k.act(k(L.Dense, width)(x))
        return k(L.Dense, classes, dtype="float32")(x)


LeNet5 = LeNet("lenet5", (6, 16), (120, 84))
