"""FBNet. Wu et al. 2018, Table 1 and figure 4, with the cells of the released code."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import depthwise_project, residual
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search",
    authors="Wu et al.",
    year=2018,
    url="https://arxiv.org/abs/1812.03443",
)
SKIP = None  # Table 2's candidates: size of the depthwise convolution, expansion, groups of the last 1x1
K3E1, K3E1G2, K3E3, K3E6 = (3, 1, 1), (3, 1, 2), (3, 3, 1), (3, 6, 1)
K5E1, K5E1G2, K5E3, K5E6 = (5, 1, 1), (5, 1, 2), (5, 3, 1), (5, 6, 1)
A = (  # width, stride, cells
    (16, 1, (SKIP,)),
    (24, 2, (K3E3, K3E1, SKIP, SKIP)),
    (32, 2, (K5E6, K3E3, K5E1, K3E3)),
    (64, 2, (K5E6, K5E3, K5E1G2, K5E6)),
    (112, 1, (K3E6, K5E1G2, K5E3, K3E1G2)),
    (184, 2, (K5E6, K5E6, K5E3, K5E6)),
    (352, 1, (K5E6,)),
)
B = (
    (16, 1, (K3E1,)),
    (24, 2, (K3E6, K5E1, K3E1, K3E1)),
    (32, 2, (K5E6, K5E3, K3E6, K5E6)),
    (64, 2, (K5E6, K5E6, SKIP, K5E3)),
    (112, 1, (K5E6, K3E1, K5E1, K5E3)),
    (184, 2, (K5E6, K5E1, K5E6, K5E6)),
    (352, 1, (K3E6,)),
)
C = (
    (16, 1, (K3E1,)),
    (24, 2, (K3E6, SKIP, K3E1, K3E1)),
    (32, 2, (K5E6, K5E3, K5E6, K3E6)),
    (64, 2, (K5E6, K5E3, K5E6, K5E6)),
    (112, 1, (K5E6, K5E6, K5E6, K5E3)),
    (184, 2, (K5E6, K5E6, K5E6, K5E6)),
    (352, 1, (K3E6,)),
)


@dataclass(frozen=True)
class FBNet(Architecture):
    """A stem, seven stages of searched inverted residuals, a last 1x1 convolution, average pool."""

    table: tuple[tuple, ...]
    last: int
    expand: bool = False  # whether a cell of expansion 1 has its first 1x1 all the same
    _: KW_ONLY
    dropout: float = 0.2
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric", initializer="he_fan_out")
    paper: Paper = PAPER

    tiny = {"table": ((8, 1, (SKIP,)), (16, 2, (K3E3, K3E1G2)), (16, 1, (K5E1,))), "last": 16, "size": 32}

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, 16, 3, 2)
        for i, (width, stride, cells) in enumerate(self.table, 1):
            for j, (size, t, groups) in enumerate(filter(None, cells), 1):
                scope, s = k / f"stage{i}" / f"block{j}", stride if j == 1 else 1
                y = (scope / "expand").conv_bn_act(x, t * x.shape[-1]) if t > 1 or self.expand else x
                x = residual(scope, x, depthwise_project(scope, y, width, size, s, groups=groups), s)
        return (k / "last").conv_bn_act(x, self.last)


FBNetA = FBNet("fbnet_a", A, 1504)
FBNetB = FBNet("fbnet_b", B, 1984)
FBNetC = FBNet("fbnet_c", C, 1984)
FBNetCExpand = FBNet("fbnet_c_expand", C, 1984, expand=True)  # as timm and pytorchcv read the paper's figure 3
