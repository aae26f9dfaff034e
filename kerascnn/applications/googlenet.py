"""GoogLeNet. Szegedy et al. 2014, Table 1, in today's form: batch norm, no auxiliary heads."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.architecture import Architecture
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


def inception(k, x, one, reduce3, three, reduce5, five, pool):
    """Figure 2b: four branches side by side."""
    return k.concat(
        (k / "1x1").conv_bn_act(x, one),
        (k / "3x3").conv_bn_act((k / "3x3").conv_bn_act(x, reduce3), three, 3),
        # 3x3 where the paper has 5x5: both released ports, TF-slim's and PyTorch's, were trained so
        (k / "5x5").conv_bn_act((k / "5x5").conv_bn_act(x, reduce5), five, 3),
        (k / "pool").conv_bn_act((k / "pool").max_pool(x, 3, 1), pool),
    )


@dataclass(frozen=True)
class GoogLeNetFamily(Architecture):
    """A stem, nine inception modules on three map sizes, average pool."""

    table: tuple[tuple[tuple, ...], ...] = TABLE_1
    _: KW_ONLY
    dropout: float = 0.2
    style: Style = Style(epsilon=1e-3, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"table": ((("3a", 8, 4, 8, 4, 8, 8),), (("4a", 8, 4, 8, 4, 8, 8),)), "size": 32}

    def trunk(self, k, x):
        pool = k.but(padding="same")  # Caffe's pools round the size up
        x = (k / "stem").conv_bn_act(x, 64, 7, 2)
        x = (pool / "stem").max_pool(x, 3, 2)
        x = (k / "stem").conv_bn_act(x, 64)
        x = (k / "stem").conv_bn_act(x, 192, 3)
        for i, modules in enumerate(self.table):
            x = (pool / f"pool{i + 2}").max_pool(x, 2 if i == 2 else 3, 2)  # the ports' last pool is 2x2
            for name, *row in modules:
                x = inception(k / f"inception{name}", x, *row)
        return x


GoogLeNet = GoogLeNetFamily("googlenet")
