"""LeNet-5. LeCun et al. 1998, figure 2: as published, in the form it is taught in, and in the form of Caffe's example.

The taught form has full connections, plain average pools and a softmax.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from random import Random
from typing import Any

from kerascnn import layers as L
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Gradient-based learning applied to document recognition",
    authors="LeCun, Bottou, Bengio & Haffner",
    year=1998,
    url="https://doi.org/10.1109/5.726791",
)
TABLE_I = (  # the maps of S2 that each map of C3 sees
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)
DIGITS = """
..###..  ...#...  ..###..  ..###..  ....#..  #######  ...###.  #######  ..###..  ..###..
.#...#.  ..##...  .#...#.  .#...#.  ....#..  #......  ..#....  #.....#  .#...#.  .#...#.
#.....#  .#.#...  #.....#  #.....#  ...##..  #......  .#.....  ......#  #.....#  #.....#
#.....#  ...#...  ......#  ......#  ...##..  #......  .#.....  .....#.  #.....#  #.....#
#.....#  ...#...  ......#  ......#  ..#.#..  #......  #......  .....#.  .#...#.  #.....#
#.....#  ...#...  .....#.  .....#.  ..#.#..  #.###..  #.###..  ....#..  ..###..  .#...##
#.....#  ...#...  ....#..  ...##..  .#..#..  ##...#.  ##...#.  ....#..  .#...#.  ..###.#
#.....#  ...#...  ...#...  .....#.  .#..#..  ......#  #.....#  ....#..  #.....#  ......#
#.....#  ...#...  ..#....  ......#  #######  ......#  #.....#  ...#...  #.....#  .....#.
#.....#  ...#...  .#.....  #.....#  ....#..  #.....#  #.....#  ...#...  #.....#  .....#.
.#...#.  ...#...  #......  .#...#.  ....#..  .#...#.  .#...#.  ...#...  .#...#.  ....#..
..###..  .#####.  #######  ..###..  ....#..  ..###..  ..###..  ...#...  ..###..  .###...
"""  # after figure 3: bitmaps of 7 x 12, so that figures that look alike have codes that are alike


def codes(classes):
    """A code for each class: the bitmaps of the ten digits, or marks at random, as section II-B also allows."""
    if classes == 10:
        return tuple("".join(rows) for rows in zip(*map(str.split, DIGITS.split("\n")[1:-1]), strict=True))
    random = Random(classes)
    return tuple("".join(random.choices("#.", k=7 * 12)) for _ in range(classes))


@dataclass(frozen=True)
class LeNet1998(Architecture):
    """As published: sub-sampling with weights, partial connections, distances from fixed codes."""

    connections: tuple[tuple[int, ...], ...] = TABLE_I
    hidden: int = 120  # C5
    _: KW_ONLY
    size: int = 32
    channels: int = 1
    classes: int = 10
    style: Style = Style(activation="tanh", padding="valid", initializer="glorot_uniform")
    paper: Paper = PAPER

    tiny = {"connections": ((0,), (1,), (0, 1)), "hidden": 8}

    def trunk(self, k, x):
        first = 1 + max(max(seen) for seen in self.connections)
        x = self.squash(k / "stage1", (k / "stage1").conv(x, first, 5, bias=True))
        x = self.squash(k / "pool1", (k / "pool1")(L.Subsampling)(x))
        x = self.squash(k / "stage2", (k / "stage2")(L.PartialConv2D, self.connections, 5)(x))
        x = self.squash(k / "pool2", (k / "pool2")(L.Subsampling)(x))
        return self.squash(k / "stage3", (k / "stage3").conv(x, self.hidden, 5, bias=True))

    def squash(self, k, x):
        """1.7159 tanh(2x / 3): appendix A."""
        return k(L.Rescaling, 1.7159)(k.act(k(L.Rescaling, 2 / 3)(x)))

    def head(self, k, x, classes):
        x = self.squash(k, k(L.Dense, 7 * 12)(k(L.Flatten)(x)))  # F6
        return k(L.RadialBasis, codes(classes), dtype="float32")(x)


def squash_average(k, x, width):
    return k.avg_pool(k.conv_act(x, width, 5), 2, 2)


def largest(k, x, width):
    """Caffe's example squashes nothing between its convolutions."""
    return k.max_pool(k.conv(x, width, 5, bias=True), 2, 2)


@dataclass(frozen=True)
class LeNet(Architecture):
    """Two convolutions with pools, layers of units."""

    stage: Callable[..., Any]
    convs: tuple[int, ...]  # C1, C3: 5x5
    units: tuple[int, ...]  # C5, F6
    _: KW_ONLY
    size: int = 32
    channels: int = 1
    classes: int = 10
    style: Style = Style(activation="tanh", padding="valid", initializer="glorot_uniform")
    paper: Paper = PAPER

    min_size = 16
    tiny = {"convs": (2, 4), "units": (8, 8)}

    def trunk(self, k, x):
        for i, width in enumerate(self.convs, 1):
            x = self.stage(k / f"stage{i}", x, width)
        return x

    def head(self, k, x, classes):
        x = k(L.Flatten)(x)
        for width in self.units:
            x = k.act(k(L.Dense, width)(x))
        return k(L.Dense, classes, dtype="float32")(x)


LeNet5 = LeNet("lenet5", squash_average, (6, 16), (120, 84))
LeNet5_1998 = LeNet1998("lenet5_1998")
LeNetCaffe = LeNet(
    "lenet_caffe", largest, (20, 50), (500,), size=28,
    style=Style(padding="valid", initializer="glorot_uniform"),
)  # fmt: skip
