"""Inception v2, or BN-Inception. Ioffe & Szegedy 2015, figure 5; with squeeze-and-excitation as in Hu et al. 2017."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import average, branches, chain, shrink, squeeze_excite
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Batch normalization: accelerating deep network training by reducing internal covariate shift",
    authors="Ioffe & Szegedy",
    year=2015,
    url="https://arxiv.org/abs/1502.03167",
)
GATED = Paper(
    title="Squeeze-and-excitation networks",
    authors="Hu, Shen, Albanie, Sun & Wu",
    year=2017,
    url="https://arxiv.org/abs/1709.01507",
)


def largest(k, x):
    """3x3 max pool that keeps the map's size."""
    return k.max_pool(x, 3, 1)


def halve(k, x):
    """3x3 max pool at stride 2. Caffe's is too small beside convolutions of an odd map, so those sizes fail there."""
    return k.with_style(pooling="same").max_pool(x, 3, 2)


STEM = ((64, 7, 2),), (shrink, (64, 1), (192, 3)), (shrink,)  # one group a map size


def table(pool4cd):
    """Figure 5, one group a map size: #1x1, (reduce, #3x3), (reduce, double #3x3), pool, proj; 0: no such branch.

    4c and 4d project their pool to 96 channels in the paper, to 128 in MXNet's network and those after it.
    """
    return (
        (
            (64, (64, 64), (64, 96), average, 32),  # 3a
            (64, (64, 96), (64, 96), average, 64),  # 3b
        ),
        (
            (0, (128, 160), (64, 96), halve, 0),  # 3c
            (224, (64, 96), (96, 128), average, 128),  # 4a
            (192, (96, 128), (96, 128), average, 128),  # 4b
            (160, (128, 160), (128, 160), average, pool4cd),  # 4c
            (96, (128, 192), (160, 192), average, pool4cd),  # 4d
        ),
        (
            (0, (128, 192), (192, 256), halve, 0),  # 4e
            (352, (192, 320), (160, 224), average, 128),  # 5a
            (352, (192, 320), (192, 224), largest, 128),  # 5b
        ),
    )


def inception(k, x, one, three, double, pool, proj):
    """Four branches side by side; one without 1x1 and projection halves the map."""
    stride = 1 if one else 2
    chains = (
        ((one, 1),),
        ((three[0], 1), (three[1], 3, stride)),
        ((double[0], 1), (double[1], 3), (double[1], 3, stride)),
        (pool, (proj, 1)),
    )
    return branches(k, x, *chains) if one else branches(k, x, chains[1], chains[2], (pool,))


@dataclass(frozen=True)
class InceptionV2Family(Architecture):
    """A stem, ten inception modules on three map sizes, average pool."""

    table: tuple[tuple, ...]
    gate: int = 0  # squeeze-and-excitation after each module, squeezed to channels / gate; 0: none
    _: KW_ONLY
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric", pooling="ceil", count_padding=True)
    paper: Paper = PAPER

    tiny = {"table": (((8, (4, 8), (4, 8), average, 8),), ((0, (4, 8), (4, 8), halve, 0),)), "size": 32}

    def trunk(self, k, x):
        for i, steps in enumerate(STEM, 1):
            x = chain(k / f"stem{i}", x, *steps)
        for i, modules in enumerate(self.table, 1):
            for j, row in enumerate(modules, 1):
                block = k / f"stage{i}" / f"block{j}"
                x = inception(block, x, *row)
                x = squeeze_excite(block / "gate", x, x.shape[-1] // self.gate) if self.gate else x
        return x


InceptionV2 = InceptionV2Family("inception_v2", table(96))
InceptionV2MXNet = InceptionV2Family("inception_v2_mxnet", table(128))
SEInceptionV2 = InceptionV2Family("se_inception_v2", table(128), gate=16, paper=GATED)
