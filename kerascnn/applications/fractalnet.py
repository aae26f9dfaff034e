"""FractalNet. Larsson et al. 2016, figure 1 and Table 3: self-similar blocks, no shortcuts, drop-path.

As in figure 1 the map is pooled after a block's last join; the released generator pools every column before it.
Batch norm scales and shifts, as in the ports; the released Caffe networks do neither.
"""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import imagenet_stem
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="FractalNet: ultra-deep neural networks without residuals",
    authors="Larsson, Maire & Shakhnarovich",
    year=2016,
    url="https://arxiv.org/abs/1605.07648",
)


def layer(k, x, width, dropout):
    y = k.conv(x, width, 3)
    y = k(L.Dropout, dropout)(y) if dropout else y
    return k.bn_act(y)


def fractal(k, x, columns, width, dropout, join):
    """Figure 1, left: column c convolves at every 2**c-th step and joins the columns that convolve there too.

    The longest column, 0, has ``2**(columns - 1)`` convolutions. ``join(k, paths)`` makes one map of several.
    """
    last = [x] * columns
    for step in range(1, 2 ** (columns - 1) + 1):
        met = [c for c in range(columns) if step % 2**c == 0]
        paths = [layer(k / f"step{step}" / f"column{c + 1}", last[c], width, dropout) for c in met]
        joined = join(k / f"step{step}", paths) if len(paths) > 1 else paths[0]
        for c in met:
            last[c] = joined
    return last[0]


@dataclass(frozen=True)
class FractalNet(Architecture):
    """Five fractal blocks with pools between them. ``drop_path`` is the rate of every path at every join."""

    columns: int
    widths: tuple[int, ...]
    dropouts: tuple[float, ...]
    _: KW_ONLY
    size: int = 32
    classes: int = 10
    drop_path: float = 0.15
    style: Style = Style(epsilon=1e-5, momentum=0.9)
    paper: Paper = PAPER

    tiny = {"columns": 2, "widths": (8, 16), "dropouts": (0.0, 0.1), "size": 32}

    def stem(self, k, x):
        return x

    def trunk(self, k, x):
        choice = (k / "drop_path")(L.GlobalDropPath, self.columns)(x) if self.drop_path else None

        def join(k, paths):
            return k(L.FractalJoin, self.drop_path)([choice, *paths]) if self.drop_path else k(L.Average)(paths)

        x = self.stem(k, x)
        for i, (width, dropout) in enumerate(zip(self.widths, self.dropouts, strict=True), 1):
            x = fractal(k / f"stage{i}", x, self.columns, width, dropout, join)
            x = self.pool(k / f"stage{i}", x, i)
        return x

    def pool(self, k, x, i):
        return k.max_pool(x, 2, 2)


@dataclass(frozen=True)
class FractalNetImageNet(FractalNet):
    """Section 4.1: ResNet's stem, four blocks with pools between them, average pool."""

    _: KW_ONLY
    size: int = 224
    classes: int = 1000

    def stem(self, k, x):
        return imagenet_stem(k.with_style(padding="symmetric"), x, 64)

    def pool(self, k, x, i):
        return k.max_pool(x, 2, 2) if i < len(self.widths) else x


WIDE, THIN = (64, 128, 256, 512, 512), (16, 32, 64, 128, 128)
DROPOUTS = (0.0, 0.1, 0.2, 0.3, 0.4)
FractalNet20 = FractalNet("fractalnet20", 3, WIDE, DROPOUTS)
FractalNet5Thin = FractalNet("fractalnet5_thin", 1, THIN, DROPOUTS, classes=100)
FractalNet10Thin = FractalNet("fractalnet10_thin", 2, THIN, DROPOUTS, classes=100)
FractalNet20Thin = FractalNet("fractalnet20_thin", 3, THIN, DROPOUTS, classes=100)
FractalNet40Thin = FractalNet("fractalnet40_thin", 4, THIN, DROPOUTS, classes=100)
FractalNet80Thin = FractalNet("fractalnet80_thin", 5, THIN, DROPOUTS, classes=100)
FractalNet160Thin = FractalNet("fractalnet160_thin", 6, THIN, DROPOUTS, classes=100)
FractalNet34 = FractalNetImageNet("fractalnet34", 4, (128, 256, 512, 1024), (0.0, 0.0, 0.0, 0.0))
