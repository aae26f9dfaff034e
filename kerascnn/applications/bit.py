"""Big Transfer. Kolesnikov et al. 2020, section 3: ResNet v2 with group norm and standardised convolutions."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import preact_shortcut, stages
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Big transfer (BiT): general visual representation learning",
    authors="Kolesnikov et al.",
    year=2020,
    url="https://arxiv.org/abs/1912.11370",
)


def gn_act(k, x):
    return k.act(k(L.GroupNormalization, 32, epsilon=k.style.epsilon)(x))


def block(k, x, inner, stride):
    """1x1 to ``inner`` channels, 3x3, 1x1 to four times as many, each behind its norm; plus x.

    The shortcut of a stage's first block starts behind the first norm.
    """
    y = gn_act(k, x)
    kept = preact_shortcut(k / "shortcut", x, y, 4 * inner, stride)
    y = k.conv(y, inner)
    y = k.conv(gn_act(k, y), inner, 3, stride)
    y = k.conv(gn_act(k, y), 4 * inner)
    return k.add(kept, y)


@dataclass(frozen=True)
class BiT(Architecture):
    """A stem without norm, four stages of pre-activation blocks, a last norm, a classifier that starts at 0."""

    depths: tuple[int, ...]
    factor: int  # multiplies every width
    width: int = 64
    _: KW_ONLY
    style: Style = Style(epsilon=1e-5, padding="symmetric", convolution="StandardizedConv2D")
    paper: Paper = PAPER

    tiny = {"depths": (1, 2), "width": 32, "size": 32}

    def trunk(self, k, x):
        width = self.width * self.factor
        x = (k / "stem").conv(x, width, 7, 2)
        x = (k / "stem").max_pool(x, 3, 2)  # the zeros round the map can win: no ReLU stands before them
        x = stages(k, x, self.depths, lambda k, x, i, stride: block(k, x, width * 2**i, stride))
        return gn_act(k / "last", x)

    def head(self, k, x, classes):
        x = k(L.GlobalAveragePooling2D)(x)
        return k(L.Dense, classes, kernel_initializer="zeros", dtype="float32")(x)


BiTR50x1 = BiT("bit_r50x1", (3, 4, 6, 3), 1)
BiTR50x3 = BiT("bit_r50x3", (3, 4, 6, 3), 3)
BiTR101x1 = BiT("bit_r101x1", (3, 4, 23, 3), 1)
BiTR101x3 = BiT("bit_r101x3", (3, 4, 23, 3), 3)
BiTR152x2 = BiT("bit_r152x2", (3, 8, 36, 3), 2)
BiTR152x4 = BiT("bit_r152x4", (3, 8, 36, 3), 4)
