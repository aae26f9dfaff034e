"""Inception v3. Szegedy et al. 2015, Table 1, as in the released code."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import Fork, average, branches, chain, pool_classify, shrink
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Rethinking the inception architecture for computer vision",
    authors="Szegedy, Vanhoucke, Ioffe, Shlens & Wojna",
    year=2015,
    url="https://arxiv.org/abs/1512.00567",
)
ROW, COLUMN, V = (1, 7), (7, 1), "valid"
STEM = (  # one group a map size
    ((32, 3, 2, V), (32, 3, 1, V), (64, 3)),
    (shrink, (80, 1), (192, 3, 1, V)),
    (shrink,),
)


def five(pool):
    """Figure 5, with one 5x5 left; ``pool`` is the width behind the average pool."""
    return ((64, 1),), ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3)), (average, (pool, 1))


def six(w):
    """Figure 6: 7x7 as a row and a column; ``w`` is the width within the branches."""
    twice = ((w, 1), (w, COLUMN), (w, ROW), (w, COLUMN), (192, ROW))
    return ((192, 1),), ((w, 1), (w, ROW), (192, COLUMN)), twice, (average, (192, 1))


SIDES = Fork(((384, (1, 3)), (384, (3, 1))))
SEVEN = ((320, 1),), ((384, 1), SIDES), ((448, 1), (384, 3), SIDES), (average, (192, 1))  # figure 7
FIVE_TO_SIX = ((384, 3, 2, V),), ((64, 1), (96, 3), (96, 3, 2, V)), (shrink,)  # figure 10
SIX_TO_SEVEN = ((192, 1), (320, 3, 2, V)), ((192, 1), (192, ROW), (192, COLUMN), (192, 3, 2, V)), (shrink,)
TABLE_1 = (  # one group a map size
    (five(32), five(64), five(64)),
    (FIVE_TO_SIX, six(128), six(160), six(160), six(192)),
    (SIX_TO_SEVEN, SEVEN, SEVEN),
)


@dataclass(frozen=True)
class InceptionV3Family(Architecture):
    """A stem, eleven inception modules on three map sizes, average pool."""

    table: tuple[tuple, ...] = TABLE_1
    auxiliary: bool = False
    _: KW_ONLY
    size: int = 299
    dropout: float = 0.2
    style: Style = Style(pooling="valid")
    paper: Paper = PAPER

    tiny = {"table": ((five(8),), (FIVE_TO_SIX,)), "size": 75}

    @property
    def min_size(self) -> int:
        """The auxiliary head convolves 5x5 after a pool."""
        return 299 if self.auxiliary else 75

    def trunk(self, k, x):
        for i, steps in enumerate(STEM, 1):
            x = chain(k / f"stem{i}", x, *steps)
        for i, modules in enumerate(self.table, 1):
            for j, chains in enumerate(modules, 1):
                x = branches(k / f"stage{i}" / f"block{j}", x, *chains)
            x = k.tap("auxiliary", x) if self.auxiliary and i == 2 else x
        return x

    def auxiliary_head(self, k, x, classes):
        """Section 4, as in the released code."""
        x = chain(k, k.avg_pool(x, 5, 3), (128, 1), (768, 5, 1, V))
        return pool_classify(k, x, classes)


InceptionV3 = InceptionV3Family("inception_v3")
InceptionV3Auxiliary = InceptionV3Family("inception_v3_auxiliary", auxiliary=True)
