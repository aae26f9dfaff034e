"""What several papers share, as functions on tensors: ``k`` a layer factory, ``x`` a feature map ``(B, H, W, C)``."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from kerascnn import layers as L

# -- stages: the stem, stages and blocks that most networks since ResNet consist of -----------------------------------


def imagenet_stem(k, x, width):
    """7x7 at stride 2, max pool at stride 2.

    He et al. 2015, Table 1, conv1. ``(B, H, W, C)`` to ``(B, H / 4, W / 4, width)``.
    """
    x = (k / "stem").conv_bn_act(x, width, 7, 2)
    return (k / "pool").max_pool(x, 3, 2)


def stages(k, x, depths, block):
    """``depths[i]`` blocks in stage i; each stage but the first begins by halving the map.

    ``block(k, x, i, stride)`` builds one block of stage i, counted from 0.
    """
    for i, depth in enumerate(depths):
        for j in range(depth):
            x = block(k / f"stage{i + 1}" / f"block{j + 1}", x, i, 2 if i > 0 and j == 0 else 1)
    return x


def walk(k, table):
    """The blocks of a table whose rows end in repeats and stride: the scope of each, its other values, its stride.

    The first block of a stage takes the stride. Sandler et al. 2018, Table 2.
    """
    for i, (*values, repeats, stride) in enumerate(table, 1):
        for j in range(1, repeats + 1):
            yield k / f"stage{i}" / f"block{j}", values, stride if j == 1 else 1


def deepen(table, depth):
    """The same table with its repeats, the last column but one, ``depth`` times as many. Tan & Le 2019, section 3.3."""
    return tuple((*values, ceil(depth * repeats), stride) for *values, repeats, stride in table)


def divisible(width: float, by: int = 8, least: float = 0.9) -> int:
    """The multiple of ``by`` nearest to ``width``, yet never below ``least`` of it. MobileNetV2's released code."""
    near = max(by, int(width + by / 2) // by * by)
    return near if near >= least * width else near + by


# -- heads: from the last feature map to logits (B, classes), in float32 whatever the precision -----------------------


def pool_classify(k, x, classes, dropout=0.0, *, bias=True):
    """Average over the map, dropout, dense layer: most heads since Network in Network (Lin et al. 2013)."""
    x = k(L.GlobalAveragePooling2D)(x)
    x = k(L.Dropout, dropout)(x) if dropout else x
    return k(L.Dense, classes, use_bias=bias, dtype="float32")(x)


def convolve_classify(k, x, classes, dropout=0.0):
    """Dropout, a 1x1 convolution to one map for each class, the average of each: Lin et al. 2013, section 3.2."""
    x = k(L.Dropout, dropout)(x) if dropout else x
    return k(L.GlobalAveragePooling2D, dtype="float32")(k.conv_act(x, classes))


def two_hidden_classify(k, x, classes, hidden=4096, dropout=0.5):
    """Flatten, two hidden layers with dropout after each, dense layer. Krizhevsky et al. 2012, figure 2."""
    x = k(L.Flatten)(x)
    for _ in range(2):
        x = k.act(k(L.Dense, hidden)(x))
        x = k(L.Dropout, dropout)(x) if dropout else x
    return k(L.Dense, classes, dtype="float32")(x)


# -- shortcuts, and branches that are dropped at random ---------------------------------------------------------------


def shortcut(k, x, width, stride):
    """x as it is, or through the 1x1 convolution that gives it ``width`` channels at ``stride``.

    He et al. 2015, section 3.3, option B. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    return x if stride == 1 and x.shape[-1] == width else k.conv_bn(x, width, 1, stride)


def padded_shortcut(k, x, width, stride, window=1):
    """x as it is, or one mean of ``window`` x ``window`` pixels at every ``stride``, with zeros as new channels.

    He et al. 2015, section 3.3, option A: no parameters. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    if stride > 1:
        x = k.avg_pool(x, window, stride, "same")
    return x if x.shape[-1] == width else k(L.PadChannels, width)(x)


def drop_path(k, x, rate):
    """Drop a sample's whole branch while training. Huang et al. 2016, https://arxiv.org/abs/1603.09382."""
    return k(L.Dropout, rate, noise_shape=(None, *(1 for _ in x.shape[1:])))(x) if rate else x


def residual(k, x, y, stride, drop=0.0):
    """x plus the branch y where y keeps its size and width, else y alone. Sandler et al. 2018, figure 4."""
    return k.add(x, drop_path(k, y, drop)) if stride == 1 and x.shape[-1] == y.shape[-1] else y


def climbing_drop_rates(last: float, blocks: int) -> Iterator[float]:
    """Drop rates that rise evenly from 0 at the first block to ``last`` at the last. ConvNeXt's released code."""
    return (last * i / max(blocks - 1, 1) for i in range(blocks))


def drop_rates(last: float, blocks: int) -> Iterator[float]:
    """Drop rates that rise evenly from 0 at the first block. EfficientNet's released code."""
    return (last * i / blocks for i in range(blocks))


def basic(k, x, width, stride=1, *, gate=None, drop=0.0, skip=shortcut):
    """3x3, 3x3, plus x. He et al. 2015, figure 5, left. ``gate(k, y)`` and ``skip(k, x, width, stride)`` as needed."""
    y = k.conv_bn_act(x, width, 3, stride)
    y = k.conv_bn(y, width, 3)
    return merge(k, x, y, stride, gate, drop, skip)


def bottleneck(k, x, inner, width, strides=(1, 1), *, entry=None, groups=1, gate=None, drop=0.0, skip=shortcut):
    """1x1 to ``inner`` channels, 3x3, 1x1 to ``width``, plus x. He et al. 2015, figure 5, right.

    ``strides`` are those of the first 1x1 and of the 3x3: the paper strides in the first, Torch's port and most
    weights since in the second. ``entry`` is the width of the first 1x1 where it is not ``inner``.
    """
    y = k.conv_bn_act(x, entry or inner, 1, strides[0])
    y = k.conv_bn_act(y, inner, 3, strides[1], groups=groups)
    y = k.conv_bn(y, width)
    return merge(k, x, y, max(strides), gate, drop, skip)


def merge(k, x, y, stride, gate, drop, skip):
    y = gate(k / "gate", y) if gate else y
    return k.act(k.add(skip(k / "shortcut", x, y.shape[-1], stride), drop_path(k, y, drop)))


def preact_shortcut(k, x, a, width, stride):
    """x as it is, or the 1x1 convolution of the activated ``a`` that gives it ``width`` channels at ``stride``.

    He et al. 2016's released code. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    return x if stride == 1 and x.shape[-1] == width else k.conv(a, width, 1, stride)


def preact_basic(k, x, width, stride=1, *, dropout=0.0, drop=0.0, skip=preact_shortcut):
    """Batch norm, ReLU and 3x3, twice, plus x. He et al. 2016, figure 4e; Zagoruyko & Komodakis 2016, figure 1d.

    ``dropout`` is that before the second convolution. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    a = k.bn_act(x)
    y = k.bn_act(k.conv(a, width, 3, stride))
    y = k(L.Dropout, dropout)(y) if dropout else y
    y = k.conv(y, width, 3)
    return k.add(skip(k / "shortcut", x, a, width, stride), drop_path(k, y, drop))


def preact_bottleneck(k, x, inner, width, strides=(1, 1), *, bias=False, drop=0.0, skip=preact_shortcut):
    """Batch norm, ReLU and 1x1, 3x3, 1x1, the last with ``bias`` or without, plus x. He et al. 2016, section 4.

    ``strides`` are those of the first 1x1 and of the 3x3, as in :func:`bottleneck`.
    """
    a = k.bn_act(x)
    y = k.bn_act(k.conv(a, inner, 1, strides[0]))
    y = k.bn_act(k.conv(y, inner, 3, strides[1]))
    y = k.conv(y, width, bias=bias)
    return k.add(skip(k / "shortcut", x, a, width, max(strides)), drop_path(k, y, drop))


# -- mobile blocks: the inverted residual, its fused form, squeeze-and-excitation -------------------------------------


def squeeze_excite(k, x, width, gate="sigmoid"):
    """Scale each channel by a weight from the whole map, by way of ``width`` units. Hu et al. 2017, figure 3."""
    s = k(L.GlobalAveragePooling2D, keepdims=True)(x)
    s = k.conv_act(s, width)
    s = k.act(k.conv(s, x.shape[-1], bias=True), gate)
    return k(L.Multiply)([x, s])


def quarter_gate(c):
    """Squeeze-and-excitation to a quarter of ``c``, the channels of the block's input. Tan et al. 2018."""
    return lambda k, y: squeeze_excite(k, y, max(1, c // 4))


def mbconv(k, x, hidden, width, size=3, stride=1, gate=None, drop=0.0):
    """1x1 to ``hidden`` channels where that widens x, then :func:`depthwise_project`; plus x where it fits.

    Sandler et al. 2018, figure 4. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    y = (k / "expand").conv_bn_act(x, hidden) if hidden != x.shape[-1] else x
    return residual(k, x, depthwise_project(k, y, width, size, stride, gate), stride, drop)


def depthwise_project(k, x, width, size=3, stride=1, gate=None, groups=1):
    """Depthwise, ``gate(k, x)`` if any, and a 1x1 in ``groups`` to ``width`` without activation.

    Sandler et al. 2018, figure 3b. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    x = (k / "depthwise").depthwise_bn_act(x, size, stride)
    x = gate(k / "gate", x) if gate else x
    return (k / "project").conv_bn(x, width, groups=groups)


def fused_mbconv(k, x, hidden, width, size=3, stride=1, drop=0.0):
    """A full convolution to ``hidden`` channels, 1x1 to ``width``; plus x where it fits.

    Tan & Le 2021, figure 2. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    y = (k / "expand").conv_bn_act(x, hidden, size, stride)
    return residual(k, x, (k / "project").conv_bn(y, width), stride, drop)


# -- branches side by side on one map, each a chain of steps: every Inception module ----------------------------------
# A step is (width, size), (width, size, stride) or (width, size, stride, padding): a convolution with batch norm and
# activation, padded in the family's style where the step names no other; or a function of the factory and the map.


def branches(k, x, *chains):
    """The outputs of several chains on x, concatenated. Szegedy et al. 2014, figure 2b.

    ``(B, H, W, C)`` to the chains' maps, all of one size, with their widths summed.
    """
    return k.concat(*(chain(k / f"branch{i}", x, *steps) for i, steps in enumerate(chains, 1)))


def chain(k, x, *steps):
    """x through one step after another."""
    for step in steps:
        x = step(k, x) if callable(step) else convolve(k, x, *step)
    return x


@dataclass(frozen=True)
class Fork:
    """A step that concatenates the outputs of several steps on one map. Szegedy et al. 2015, figure 7."""

    steps: tuple

    def __call__(self, k, x):
        return k.concat(*(chain(k, x, step) for step in self.steps))


def average(k, x):
    """A step: 3x3 average pool that keeps the map's size."""
    return k.avg_pool(x, 3, 1, "same")


def shrink(k, x):
    """A step: 3x3 max pool at stride 2."""
    return k.max_pool(x, 3, 2)


def convolve(k, x, width, size, stride=1, padding=None):
    return (k.with_style(padding=padding) if padding else k).conv_bn_act(x, width, size, stride)


# -- maps of several strides ------------------------------------------------------------------------------------------


def feature_pyramid(k, maps, width, norm=False):
    """What coarse maps know, on the fine ones too: maps ``(B, H, W, C)``, the finest first, to as many of ``width``.

    A 1x1 of each map is added to what comes down from the next coarser one, doubled; a 3x3 follows. Lin et al. 2016,
    https://arxiv.org/abs/1612.03144, figure 3. ``norm`` is whether these have batch norms in place of biases.
    """

    def conv(k, x, size=1):
        return k.conv_bn(x, width, size) if norm else k.conv(x, width, size, bias=True)

    lateral = [conv(k / f"lateral{i}", x) for i, x in enumerate(maps, 1)]
    merged = lateral[-1:]
    for i in range(len(maps) - 1, 0, -1):
        down = k / f"down{i}"
        merged.insert(0, down.add(lateral[i - 1], enlarged(down, merged[0], lateral[i - 1])))
    return [conv(k / f"map{i}", x, 3) for i, x in enumerate(merged, 1)]


def enlarged(k, x, like):
    """x at the size of ``like``: doubled, of an odd size without its last row or column; else by the nearest pixels."""
    sides = list(zip(x.shape[1:3], like.shape[1:3], strict=True))
    if any(small and large and 2 * small - large not in (0, 1) for small, large in sides):
        return k(L.ResizeLike, "nearest")([x, like])
    x = k(L.UpSampling2D)(x)
    return x if all(small and 2 * small == large for small, large in sides) else k(L.CropLike)([x, like])


def resized(k, x, like):
    """``x`` at the size of ``like``: as it is, or interpolated bilinearly."""
    known = None not in x.shape[1:3]
    return x if known and x.shape[1:3] == like.shape[1:3] else k(L.ResizeLike)([x, like])


# -- before batch normalisation ---------------------------------------------------------------------------------------


def local_response(k, x):
    """Local response normalisation with the constants of Krizhevsky et al. 2012, section 3.3.

    The authors' code divides alpha by the window of 5, as all code since does; the paper's formula does not.
    """
    return k(L.LocalResponseNormalization, size=5, k=2.0, alpha=1e-4 / 5, beta=0.75)(x)
