"""Inception-ResNet. Szegedy et al. 2016: v1 as in figures 10 to 15, v2 as in the released code; and FaceNet's v1."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import average, branches, chain, pool_classify, shrink
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Inception-v4, Inception-ResNet and the impact of residual connections on learning",
    authors="Szegedy, Ioffe, Vanhoucke & Alemi",
    year=2016,
    url="https://arxiv.org/abs/1602.07261",
)
ROW, COLUMN, V = (1, 7), (7, 1), "valid"  # V as in the figures


@dataclass(frozen=True)
class Scaled:
    """A residual block: x plus ``scale`` times the branches' outputs, mixed by a 1x1 convolution. Section 3.3."""

    scale: float

    def __call__(self, k, x, *chains):
        y = k.conv(branches(k, x, *chains), x.shape[-1], bias=True)
        return k.act(k.add(x, k(L.Rescaling, self.scale)(y)))


def unscaled(k, x, *chains):
    """The released code's last block: neither scaled nor rectified."""
    return k.add(x, k.conv(branches(k, x, *chains), x.shape[-1], bias=True))


STEM = (  # figure 14; one group a map size, v1's last one
    ((32, 3, 2, V), (32, 3, 1, V), (64, 3)),
    (shrink, (80, 1), (192, 3, 1, V)),
    ((256, 3, 2, V),),
)
A_V1 = ((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3))  # figure 10
B_V1 = ((128, 1),), ((128, 1), (128, ROW), (128, COLUMN))  # figure 11
C_V1 = ((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1)))  # figure 13
A_TO_B_V1 = ((384, 3, 2, V),), ((192, 1), (192, 3), (256, 3, 2, V)), (shrink,)  # figure 7
B_TO_C_V1 = (  # figure 12
    ((256, 1), (384, 3, 2, V)),
    ((256, 1), (256, 3, 2, V)),
    ((256, 1), (256, 3), (256, 3, 2, V)),
    (shrink,),
)
V1 = (  # figure 15; one group a map size: a block, and the chains of its branches
    ((Scaled(0.17), A_V1),) * 5,
    ((branches, A_TO_B_V1), *((Scaled(0.1), B_V1),) * 10),
    ((branches, B_TO_C_V1), *((Scaled(0.2), C_V1),) * 5),
)
A = ((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))
B = ((192, 1),), ((128, 1), (160, ROW), (192, COLUMN))
C = ((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))
TO_A = ((96, 1),), ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3)), (average, (64, 1))
A_TO_B = ((384, 3, 2, V),), ((256, 1), (256, 3), (384, 3, 2, V)), (shrink,)
B_TO_C = (
    ((256, 1), (384, 3, 2, V)),
    ((256, 1), (288, 3, 2, V)),
    ((256, 1), (288, 3), (320, 3, 2, V)),
    (shrink,),
)
V2 = (  # TF-slim's: the paper's figures 15 to 19 have Inception v4's stem, wider blocks and fewer of them
    ((branches, TO_A), *((Scaled(0.17), A),) * 10),
    ((branches, A_TO_B), *((Scaled(0.1), B),) * 20),
    ((branches, B_TO_C), *((Scaled(0.2), C),) * 9, (unscaled, C)),
)


@dataclass(frozen=True)
class InceptionResNet(Architecture):
    """A stem, residual blocks A, B and C with reductions between them, average pool."""

    table: tuple[tuple, ...]
    stem: tuple = (*STEM[:2], (shrink,))
    last: int = 0  # width of a last 1x1 convolution, if any
    embedding: int = 0  # length of the vector before the classifier, if any
    _: KW_ONLY
    size: int = 299
    dropout: float = 0.2
    style: Style = Style(pooling="valid")
    paper: Paper = PAPER

    min_size = 75
    tiny = {"table": (((branches, TO_A), (Scaled(0.17), A), (unscaled, A)),), "last": 16, "size": 75}

    def trunk(self, k, x):
        for i, steps in enumerate(self.stem, 1):
            x = chain(k / f"stem{i}", x, *steps)
        for i, blocks in enumerate(self.table, 1):
            for j, (block, chains) in enumerate(blocks, 1):
                x = block(k / f"stage{i}" / f"block{j}", x, *chains)
        return (k / "last").conv_bn_act(x, self.last) if self.last else x

    def head(self, k, x, classes):
        if not self.embedding:
            return pool_classify(k, x, classes, self.dropout)
        x = k(L.Dropout, self.dropout)(k(L.GlobalAveragePooling2D)(x))
        x = k.bn((k / "embedding")(L.Dense, self.embedding, use_bias=False)(x))
        return k(L.Dense, classes, dtype="float32")(x)


InceptionResNetV1 = InceptionResNet("inception_resnet_v1", V1, STEM)
InceptionResNetV1FaceNet = InceptionResNet(  # faces; David Sandberg's code, which takes v2's last block over
    "inception_resnet_v1_facenet",
    (*V1[:2], (*V1[2], (unscaled, C_V1))),
    STEM,
    embedding=512,
    size=160,
    dropout=0.6,
)
InceptionResNetV2 = InceptionResNet("inception_resnet_v2", V2, last=1536)
