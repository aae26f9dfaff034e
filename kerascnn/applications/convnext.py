"""ConvNeXt. Liu et al. 2022, section 2.6; XLarge is that of section 3.1, which was trained on ImageNet-22K first."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import climbing_drop_rates, drop_path
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="A ConvNet for the 2020s",
    authors="Liu et al.",
    year=2022,
    url="https://arxiv.org/abs/2201.03545",
)


def norm(k, x):
    return k(L.LayerNormalization, epsilon=k.style.epsilon)(x)


def dense(k, x, width, **options):
    return k(L.Dense, width, kernel_initializer=k.initializer, **options)(x)


def shrink(k, x, width, by):
    """A convolution of ``by`` x ``by`` pixels that do not overlap: section 2.2, "patchify stem", and 2.6."""
    return k.with_style(padding="valid").conv(x, width, by, by, bias=True)


def block(k, x, drop, start):
    """Figure 4: depthwise 7x7, a norm, and 1x1 convolutions, as dense layers, through four times the width."""
    width = x.shape[-1]
    y = norm(k, k.depthwise(x, 7, bias=True))
    y = dense(k, k.act(dense(k, y, 4 * width)), width)
    y = k(L.LayerScale, start)(y) if start else y
    return k.add(x, drop_path(k, y, drop))


@dataclass(frozen=True)
class ConvNeXt(Architecture):
    """A stem of patches, four stages of residual blocks with a layer norm each, average pool, a last norm.

    ``drop_path`` is the rate of the last block; ``layer_scale`` what the scales of branches start at, 0 for none.

    Without top, the last norm is on the last map, or on what it pools to.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    _: KW_ONLY
    drop_path: float = 0.0
    layer_scale: float = 1e-6
    # the released code cuts its normal off at a hundred deviations
    style: Style = Style(activation="gelu", epsilon=1e-6, initializer="random_normal:0.02")
    paper: Paper = PAPER

    tiny = {"depths": (1, 1, 2, 1), "widths": (8, 12, 16, 24), "size": 32}

    def trunk(self, k, x):
        x = norm(k / "stem", shrink(k / "stem", x, self.widths[0], 4))
        drop = climbing_drop_rates(self.drop_path, sum(self.depths))
        for i, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True), 1):
            stage = k / f"stage{i}"
            x = shrink(stage / "down", norm(stage / "down", x), width, 2) if i > 1 else x
            for j in range(1, depth + 1):
                x = block(stage / f"block{j}", x, next(drop), self.layer_scale)
        return x

    def topless(self, k, x, pool):
        return norm(k / "last", pool(x))

    def head(self, k, x, classes):
        x = norm(k.outside / "last", k(L.GlobalAveragePooling2D)(x))
        return dense(k, x, classes, dtype="float32")


ConvNeXtTiny = ConvNeXt("convnext_tiny", (3, 3, 9, 3), (96, 192, 384, 768))
ConvNeXtSmall = ConvNeXt("convnext_small", (3, 3, 27, 3), (96, 192, 384, 768))
ConvNeXtBase = ConvNeXt("convnext_base", (3, 3, 27, 3), (128, 256, 512, 1024))
ConvNeXtLarge = ConvNeXt("convnext_large", (3, 3, 27, 3), (192, 384, 768, 1536))
ConvNeXtXLarge = ConvNeXt("convnext_xlarge", (3, 3, 27, 3), (256, 512, 1024, 2048))
