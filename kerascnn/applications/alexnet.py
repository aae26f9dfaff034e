"""AlexNet: two towers on two GPUs (Krizhevsky et al. 2012, figure 2), and one tower (Krizhevsky 2014, footnote 1)."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import local_response, two_hidden_classify
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

TWO_TOWERS = Paper(
    title="ImageNet classification with deep convolutional neural networks",
    authors="Krizhevsky, Sutskever & Hinton",
    year=2012,
    url="https://papers.nips.cc/paper/4824",
)
ONE_TOWER = Paper(
    title="One weird trick for parallelizing convolutional neural networks",
    authors="Krizhevsky",
    year=2014,
    url="https://arxiv.org/abs/1404.5997",
)


@dataclass(frozen=True)
class AlexNetFamily(Architecture):
    """Five convolutions, three pools, two hidden layers of 4096."""

    widths: tuple[int, ...]
    groups: tuple[int, ...] = (1, 1, 1, 1, 1)  # convolutions in two groups keep to their own tower
    normalise: bool = False  # local response normalisation after the first two convolutions
    pad: int = 2  # pixels round the image: 2 at 224 px give the maps that the paper's geometry has at 227 without
    hidden: int = 4096
    _: KW_ONLY
    dropout: float = 0.5
    style: Style = Style(padding="ceil")
    paper: Paper = ONE_TOWER

    min_size = 39
    tiny = {"widths": (8, 8, 8, 8, 8), "hidden": 16, "size": 80}

    def trunk(self, k, x):
        x = (k / "stage1")(L.ZeroPadding2D, self.pad)(x) if self.pad else x
        x = (k / "stage1").with_style(padding="valid").conv_act(x, self.widths[0], 11, 4)
        x = self.normalise_pool(k / "stage1", x)
        x = (k / "stage2").conv_act(x, self.widths[1], 5, groups=self.groups[1])
        x = self.normalise_pool(k / "stage2", x)
        for width, groups in zip(self.widths[2:], self.groups[2:], strict=True):
            x = (k / "stage3").conv_act(x, width, 3, groups=groups)
        return (k / "pool").max_pool(x, 3, 2)

    def normalise_pool(self, k, x):
        return k.max_pool(local_response(k, x) if self.normalise else x, 3, 2)

    def head(self, k, x, classes):
        return two_hidden_classify(k, x, classes, self.hidden, self.dropout)


AlexNetTwoTower = AlexNetFamily(
    "alexnet_two_tower", (96, 256, 384, 384, 256), (1, 2, 1, 2, 2), normalise=True, pad=0, size=227, paper=TWO_TOWERS
)
AlexNetJoinedTowers = AlexNetFamily(  # the two towers in one, as most copies have them and no paper has
    "alexnet_joined_towers", (96, 256, 384, 384, 256), normalise=True, pad=0, paper=TWO_TOWERS
)
AlexNet = AlexNetFamily("alexnet", (64, 192, 384, 256, 256))
