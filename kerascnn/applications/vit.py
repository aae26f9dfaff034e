"""Vision Transformer. Dosovitskiy et al. 2020, Table 1; Ti and S are Touvron et al.'s and Steiner et al.'s."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import drop_path, drop_rates
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="An image is worth 16x16 words: transformers for image recognition at scale",
    authors="Dosovitskiy et al.",
    year=2020,
    url="https://arxiv.org/abs/2010.11929",
)


def norm(k, x):
    return k(L.LayerNormalization, epsilon=k.style.epsilon)(x)


def encoder(k, x, heads, dropout, drop):
    """Figure 1, right: attention, then two dense layers; each behind a norm and beside a shortcut."""
    width = x.shape[-1]
    y = norm(k, x)
    y = k(L.MultiHeadAttention, heads, width // heads)(y, y)
    x = k.add(x, drop_path(k, k(L.Dropout, dropout)(y), drop))
    y = k.act(k(L.Dense, 4 * width)(norm(k, x)))
    y = k(L.Dense, width)(k(L.Dropout, dropout)(y))
    return k.add(x, drop_path(k, k(L.Dropout, dropout)(y), drop))


@dataclass(frozen=True)
class ViT(Architecture):
    """Patches as tokens, one token for the class, a transformer encoder.

    ``dropout`` follows every dense layer of the encoder, ``drop_path`` is the rate of its last branches.

    The trunk gives the tokens, and the map of patches that they were cut from.
    """

    width: int
    depth: int
    heads: int
    patch: int
    _: KW_ONLY
    dropout: float = 0.1
    drop_path: float = 0.0
    style: Style = Style(activation="gelu", epsilon=1e-6, padding="valid", initializer="lecun_normal")
    paper: Paper = PAPER

    any_size = False
    tiny = {"width": 16, "depth": 2, "heads": 2, "patch": 16, "size": 32}

    def trunk(self, k, x):
        patches = (k / "stem").conv(x, self.width, self.patch, self.patch, bias=True)
        x = (k / "stem")(L.Reshape, (-1, self.width))(patches)
        x = (k / "stem")(L.ClassToken)(x)
        x = (k / "stem")(L.PositionEmbedding)([x, patches])
        x = (k / "stem")(L.Dropout, self.dropout)(x)
        for i, drop in enumerate(drop_rates(self.drop_path, self.depth), 1):
            x = encoder(k / f"block{i}", x, self.heads, self.dropout, drop)
        return norm(k / "last", x), patches

    def topless(self, k, x, pool):
        return pool((k / "last")(L.TokensToMap)(x))

    def head(self, k, x, classes):
        tokens, _ = x
        return k(L.Dense, classes, dtype="float32")(k(L.FirstToken)(tokens))


ViTTi16 = ViT("vit_ti16", 192, 12, 3, 16)
ViTS16 = ViT("vit_s16", 384, 12, 6, 16)
ViTS32 = ViT("vit_s32", 384, 12, 6, 32)
ViTB8 = ViT("vit_b8", 768, 12, 12, 8)
ViTB16 = ViT("vit_b16", 768, 12, 12, 16)
ViTB32 = ViT("vit_b32", 768, 12, 12, 32)
ViTL16 = ViT("vit_l16", 1024, 24, 16, 16)
ViTL32 = ViT("vit_l32", 1024, 24, 16, 32)
ViTH14 = ViT("vit_h14", 1280, 32, 16, 14)
