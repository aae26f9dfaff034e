"""Inception v4. Szegedy et al. 2016, figures 3 to 9."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import Fork, average, branches, chain, shrink
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Inception-v4, Inception-ResNet and the impact of residual connections on learning",
    authors="Szegedy, Ioffe, Vanhoucke & Alemi",
    year=2016,
    url="https://arxiv.org/abs/1602.07261",
)
ROW, COLUMN, V = (1, 7), (7, 1), "valid"  # V as in the figures
STEM = ((32, 3, 2, V), (32, 3, 1, V), (64, 3))  # figure 3, which goes on in three modules
STEM_MODULES = (
    ((shrink,), ((96, 3, 2, V),)),
    (((64, 1), (96, 3, 1, V)), ((64, 1), (64, ROW), (64, COLUMN), (96, 3, 1, V))),
    (((192, 3, 2, V),), (shrink,)),
)
A = ((96, 1),), ((64, 1), (96, 3)), ((64, 1), (96, 3), (96, 3)), (average, (96, 1))  # figure 4
A_TO_B = ((384, 3, 2, V),), ((192, 1), (224, 3), (256, 3, 2, V)), (shrink,)  # figure 7
B = (  # figure 5
    ((384, 1),),
    ((192, 1), (224, ROW), (256, COLUMN)),
    ((192, 1), (192, COLUMN), (224, ROW), (224, COLUMN), (256, ROW)),
    (average, (128, 1)),
)
B_TO_C = ((192, 1), (192, 3, 2, V)), ((256, 1), (256, ROW), (320, COLUMN), (320, 3, 2, V)), (shrink,)  # figure 8
SIDES = Fork(((256, (1, 3)), (256, (3, 1))))
C = ((256, 1),), ((384, 1), SIDES), ((384, 1), (448, (3, 1)), (512, (1, 3)), SIDES), (average, (256, 1))  # figure 6
FIGURE_9 = (A,) * 4, (A_TO_B, *(B,) * 7), (B_TO_C, *(C,) * 3)  # one group a map size


@dataclass(frozen=True)
class InceptionV4Family(Architecture):
    """A stem, modules A, B and C with reductions between them, average pool."""

    table: tuple[tuple, ...] = FIGURE_9
    _: KW_ONLY
    size: int = 299
    dropout: float = 0.2
    style: Style = Style(pooling="valid")
    paper: Paper = PAPER

    min_size = 75
    tiny = {"table": ((A,),), "size": 75}

    def trunk(self, k, x):
        x = chain(k / "stem1", x, *STEM)
        for i, chains in enumerate(STEM_MODULES, 2):
            x = branches(k / f"stem{i}", x, *chains)
        for i, modules in enumerate(self.table, 1):
            for j, chains in enumerate(modules, 1):
                x = branches(k / f"stage{i}" / f"block{j}", x, *chains)
        return x


InceptionV4 = InceptionV4Family("inception_v4")
