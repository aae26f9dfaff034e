"""Highway networks. Srivastava et al. 2015, section 4, the convolutional networks that the authors released."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Training very deep networks",
    authors="Srivastava, Greff & Schmidhuber",
    year=2015,
    url="https://arxiv.org/abs/1507.06228",
)


def highway(k, x, gate):
    """Equation 3: H(x) where the gate T(x) is open, x where it is shut: x + T(x) (H(x) - x). ``gate`` is its bias.

    Negative, it starts a deep network off with its gates all but shut: section 3.1.
    """
    h = (k / "transform").conv_act(x, x.shape[-1], 3)
    bias = {"class_name": "Constant", "config": {"value": gate}}
    t = (k / "gate")(
        L.Conv2D, x.shape[-1], 3, padding="same", kernel_initializer=k.style.initializer, bias_initializer=bias
    )(x)
    t = (k / "gate").act(t, "sigmoid")
    change = k(L.Multiply)([t, k(L.Subtract)([h, x])])
    return k.add(x, change)


@dataclass(frozen=True)
class Highway(Architecture):
    """Stages of highway layers with max pools between them, and dropout before each stage and the classifier."""

    table: tuple[tuple[int, int, int, int], ...]  # a stage: width, the convolution that opens it, layers, pool
    gate: float
    drops: tuple[float, ...]
    last: int = 0  # width of the 1x1 convolution and average pool at the end; 0: the classifier takes the map as it is
    _: KW_ONLY
    size: int = 32
    classes: int = 10
    style: Style = Style(initializer="lecun_uniform")  # what Caffe calls xavier
    paper: Paper = PAPER

    min_size = 28
    tiny = {"table": ((8, 3, 1, 3), (8, 0, 1, 0), (16, 3, 1, 2)), "drops": (0.2, 0.2, 0.2, 0.2)}

    def trunk(self, k, x):
        for i, (width, size, depth, pool) in enumerate(self.table, 1):
            scope = k / f"stage{i}"
            x = scope(L.Dropout, self.drops[i - 1])(x)
            if size:
                x = scope.with_style(padding="valid" if size == 5 else "same").conv_act(x, width, size)
            for j in range(depth):
                x = highway(scope / f"layer{j + 1}", x, self.gate)
            x = scope.max_pool(x, pool, 2) if pool else x
        return (k / "last").conv_act(x, self.last) if self.last else x

    def head(self, k, x, classes):
        x = k(L.GlobalAveragePooling2D if self.last else L.Flatten)(x)
        x = k(L.Dropout, self.drops[-1])(x)
        return k(L.Dense, classes, dtype="float32")(x)


Highway10MNIST = Highway(
    "highway10_mnist",
    ((32, 5, 2, 3), (32, 0, 3, 3), (32, 0, 3, 2)),
    gate=-1.0,
    drops=(0.2, 0.3, 0.4, 0.5),
    size=28,
    channels=1,
)
Highway19CIFAR = Highway(
    "highway19_cifar",
    ((32, 3, 4, 2), (80, 3, 5, 2), (128, 3, 5, 0)),
    gate=-2.0,
    drops=(0.2, 0.2, 0.2, 0.2),
    last=100,
)
