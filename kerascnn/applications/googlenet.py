"""GoogLeNet. Szegedy et al. 2014, Table 1: in today's form with batch norm, and as it was published."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Going deeper with convolutions",
    authors="Szegedy et al.",
    year=2014,
    url="https://arxiv.org/abs/1409.4842",
)
TABLE_1 = (  # one group a map size; #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
    (
        ("3a", 64, 96, 128, 16, 32, 32),
        ("3b", 128, 128, 192, 32, 96, 64),
    ),
    (
        ("4a", 192, 96, 208, 16, 48, 64),
        ("4b", 160, 112, 224, 24, 64, 64),
        ("4c", 128, 128, 256, 24, 64, 64),
        ("4d", 112, 144, 288, 32, 64, 64),
        ("4e", 256, 160, 320, 32, 128, 128),
    ),
    (
        ("5a", 256, 160, 320, 32, 128, 128),
        ("5b", 384, 192, 384, 48, 128, 128),
    ),
)
AUXILIARY = {"4a": "auxiliary1", "4d": "auxiliary2"}  # the modules that feed the auxiliary heads


@dataclass(frozen=True)
class GoogLeNetFamily(Architecture):
    """A stem, nine inception modules on three map sizes, average pool."""

    table: tuple[tuple[tuple, ...], ...] = TABLE_1
    bn: bool = True
    lrn: bool = False  # local response normalisation on either side of the stem's 3x3
    five: int = 3  # side of the "5x5" kernels: both ports with batch norm, TF-slim's and PyTorch's, have 3x3
    last_pool: int = 2  # side of the last pool: 2x2 in both ports
    auxiliary: bool = False
    _: KW_ONLY
    dropout: float = 0.2
    style: Style = Style(epsilon=1e-3, momentum=0.9, padding="symmetric", pooling="ceil")
    paper: Paper = PAPER

    tiny = {"table": ((("3a", 8, 4, 8, 4, 8, 8),), (("4a", 8, 4, 8, 4, 8, 8),)), "size": 32}

    @property
    def min_size(self) -> int:
        """The auxiliary heads pool 5x5."""
        return 79 if self.auxiliary else 32

    def trunk(self, k, x):
        x = self.conv(k / "stem", x, 64, 7, 2)
        x = self.normalise(k / "stem2", (k / "stem2").max_pool(x, 3, 2))
        x = self.conv(k / "stem2", x, 64)
        x = self.normalise(k / "stem2", self.conv(k / "stem2", x, 192, 3))
        for i, modules in enumerate(self.table):
            x = (k / f"pool{i + 2}").max_pool(x, self.last_pool if i == 2 else 3, 2)
            for name, *row in modules:
                x = self.inception(k / f"inception{name}", x, *row)
                x = k.tap(AUXILIARY[name], x) if self.auxiliary and name in AUXILIARY else x
        return x

    def inception(self, k, x, one, reduce3, three, reduce5, five, pool):
        """Figure 2b: four branches side by side."""
        return k.concat(
            self.conv(k / "1x1", x, one),
            self.conv(k / "3x3", self.conv(k / "3x3", x, reduce3), three, 3),
            self.conv(k / "5x5", self.conv(k / "5x5", x, reduce5), five, self.five),
            self.conv(k / "pool", (k / "pool").max_pool(x, 3, 1), pool),
        )

    def auxiliary_head(self, k, x, classes):
        """Section 5. PyTorch's port pools to 4x4 whatever the map; from 14x14, with windows of 4 rather than 5."""
        x = self.conv(k, k.avg_pool(x, 5, 3), 128)
        x = k.act(k(L.Dense, 1024)(k(L.Flatten)(x)))
        return k(L.Dense, classes, dtype="float32")(k(L.Dropout, 0.7)(x))

    def conv(self, k, x, width, size=1, stride=1):
        return k.conv_bn_act(x, width, size, stride) if self.bn else k.conv_act(x, width, size, stride)

    def normalise(self, k, x):
        # Caffe divides alpha by the window of 5, TensorFlow's formula, used here, does not
        return k(L.LocalResponseNormalization, size=5, k=1.0, alpha=1e-4 / 5, beta=0.75)(x) if self.lrn else x


GoogLeNet = GoogLeNetFamily("googlenet")
GoogLeNetAuxiliary = GoogLeNetFamily("googlenet_auxiliary", auxiliary=True)
GoogLeNet2014 = GoogLeNetFamily("googlenet_2014", bn=False, lrn=True, five=5, last_pool=3, dropout=0.4)
GoogLeNet2014Auxiliary = GoogLeNet2014.replace(name="googlenet_2014_auxiliary", auxiliary=True)
