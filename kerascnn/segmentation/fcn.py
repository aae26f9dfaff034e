"""Fully convolutional networks. Long, Shelhamer & Darrell 2015: a classifier at every place of a map, made an image.

A 1x1 convolution scores the classes on the last feature map. FCN-32s enlarges these scores to the image; FCN-16s first
adds the scores of the map before, which is twice as large, and FCN-8s those of the one before that too (section 4.2).
Scores begin at 0, so that a skip changes nothing before it has learned.

:class:`FCNVGG` is the authors' network on VGG-16, as their released code has it. :class:`FCN` is the same on any
backbone, without the layers of its classifier, which the authors turn into convolutions of 7 x 7 and 1 x 1; the image
is not padded by 100 pixels there, scores are enlarged by bilinear interpolation, which is what the authors' transposed
convolutions compute, and where a size is odd, a map that was enlarged is cut at the right and the bottom.
:class:`DilatedFCN` is the head that torchvision calls FCN, on a backbone whose maps stay large.
"""

from dataclasses import KW_ONLY, dataclass, replace
from math import ceil
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import ROWS
from kerascnn.blocks import resized
from kerascnn.segmentation.system import TRAIN, Head, OnBackbone
from kerascnn.spec import Paper

PAPER = Paper(
    title="Fully convolutional networks for semantic segmentation",
    authors="Long, Shelhamer & Darrell",
    year=2015,
    url="https://arxiv.org/abs/1411.4038",
)


@dataclass(frozen=True)
class FCN(OnBackbone):
    """Scores on the last ``levels`` maps of a backbone, added from the smallest to the largest."""

    levels: int
    _: KW_ONLY
    paper: Paper = PAPER

    marks = ("head-stride",)

    @property
    def tiny(self):
        return super().tiny | {"levels": min(self.levels, 2)}

    def maps(self, x):
        maps = super().maps(x)
        if len(maps) < self.levels:
            raise ValueError(
                f"{self.name} scores {self.levels} feature maps, and {self.backbone.name} makes "
                f"{len(maps)}, of stride {', '.join(map(str, maps))}. Choose a head with fewer skips, such as fcn32s."
            )
        return dict(list(maps.items())[-self.levels :])

    def head(self, k, x, classes):
        image, maps = x
        score, before = None, 1
        for stride in sorted(maps, reverse=True):
            place = k / f"stride{stride}"
            here = place.with_style(initializer="zeros").conv(maps[stride], classes, bias=True)
            score = here if score is None else place.add(enlarged(place, score, here, before // stride), here)
            before = stride
        return enlarged(k / "image", score, image, before)


def enlarged(k: Any, x: Any, like: Any, ratio: int) -> Any:
    """``x`` at the size of ``like``, ``ratio`` being that of their strides, which counts where sizes are not known."""
    sides = zip(x.shape[1:3], like.shape[1:3], strict=True)
    height, width = (ratio if None in side else ceil(side[1] / side[0]) for side in sides)
    if (height, width) != (1, 1):
        x = k(L.UpSampling2D, (height, width), interpolation="bilinear")(x)
    return x if None not in x.shape[1:3] and x.shape[1:3] == like.shape[1:3] else k(L.CropLike)([x, like])


@dataclass(frozen=True)
class FCNVGG(FCN):
    """The same with the layers of VGG's classifier as convolutions, on an image with a border of zeros.

    Transposed convolutions enlarge the scores. As in the released code they begin as bilinear interpolation of each
    class alone and are not trained, and pools round up. A map is cut at the left and the top so that its pixels lie on
    those of the scores it meets: by 5 and 9 pixels before pool4's and pool3's, and by 31 at the image of FCN-8s.
    """

    _: KW_ONLY
    size: int = 500
    border: int = 100  # zeros on every side, as padding of the first convolution

    @property
    def min_size(self):
        return 1

    @property
    def tiny(self):
        return super().tiny | {"border": 20}

    @property
    def side(self) -> int:
        """Pixels of the last map on an image of VGG's own size: side of the first convolution of the classifier."""
        vgg: Any = self.backbone
        return vgg.size // 2 ** len(vgg.table)

    def trunk(self, k, x):
        bordered = L.ZeroPadding2D(self.border - 1, name="border-pad")(x)  # the first convolution pads one more
        maps = self.maps(bordered)
        # a file without a classifier leaves these two random, and a warning says so
        whole = self.pretrained and self.backbone(weights=self.pretrained, classes=self.backbone.classes)
        vgg: Any = self.backbone
        y = maps[max(maps)]
        for place, side, dense in ((k / "fc6", self.side, "head-dense"), (k / "fc7", 1, "head-dense2")):
            y = place.with_style(padding="valid").conv(y, vgg.hidden, side, bias=True)
            if whole:
                conv, (kernel, bias) = y._keras_history.operation, whole.get_layer(dense).get_weights()
                conv.set_weights([kernel.reshape(conv.kernel.shape), bias])
            y = place(L.Dropout, self.backbone.dropout)(place.act(y))
        return x, maps | {max(maps): y}

    def sources(self, backbone):
        pools = [layer for layer in backbone.layers if layer.name.endswith("-max_pool")]
        return {2**i: pool for i, pool in enumerate(pools, 1)}

    def head(self, k, x, classes):
        image, maps = x
        last = max(maps)
        score, start, before = None, 0.0, last  # start: the middle of the first pixel of the scores, in the image
        for stride in sorted(maps, reverse=True):
            place = k / f"stride{stride}"
            here = place.with_style(initializer="zeros").conv(maps[stride], classes, bias=True)
            first = (stride - 1) / 2 - (self.border - 1)
            if score is None:
                score, start = here, first + (self.side - 1) / 2 * stride
            else:
                score, start = interpolated(place, score, before // stride), start - (before / stride - 0.5) * stride
                score = place.add(score, place(L.CropLike, round((start - first) / stride))([here, score]))
            before = stride
        start -= before - 0.5
        return (k / "image")(L.CropLike, round(-start))([interpolated(k / "image", score, before), image])


def interpolated(k: Any, x: Any, ratio: int) -> Any:
    """``x`` with ``ratio`` times as many pixels a side, and half of that more at its border, which is not trained."""
    import numpy as np  # here, because listing networks needs none

    classes, size = x.shape[-1], 2 * ratio
    layer = k(L.Conv2DTranspose, classes, size, ratio, use_bias=False, trainable=False)
    y = layer(x)
    ramp = 1 - abs(np.arange(size) - (size - 1) / 2) / ratio
    layer.set_weights([np.outer(ramp, ramp)[..., None, None] * np.eye(classes)])
    return y


@dataclass(frozen=True)
class DilatedFCN(OnBackbone):
    """A 3x3 convolution to a quarter of the channels, dropout and scores, on a backbone of stride 8."""

    _: KW_ONLY
    output_stride: int | None = 8
    dropout: float = 0.1
    paper: Paper = PAPER

    @property
    def tiny(self):
        return super().tiny | {"output_stride": 4}

    def head(self, k, x, classes):
        image, maps = x
        k = k.with_style(**TRAIN)
        y = (k / "hidden").conv_bn_act(maps[max(maps)], maps[max(maps)].shape[-1] // 4, 3)
        y = k(L.Dropout, self.dropout)(y)
        return resized(k / "image", (k / "score").conv(y, classes, bias=True), image)


VGG16, ResNet50, ResNet101 = (ROWS[name] for name in ("VGG16", "ResNet50V1_5", "ResNet101V1_5"))
CAFFE = replace(VGG16.style, pooling="ceil")
FCN32sVGG16 = FCNVGG("fcn32s_vgg16", VGG16, 1, style=CAFFE)
FCN16sVGG16 = FCNVGG("fcn16s_vgg16", VGG16, 2, style=CAFFE)
FCN8sVGG16 = FCNVGG("fcn8s_vgg16", VGG16, 3, style=CAFFE)
FCNResNet50 = DilatedFCN("fcn_resnet50_v1_5", ResNet50, size=520, style=ResNet50.style)
FCNResNet101 = DilatedFCN("fcn_resnet101_v1_5", ResNet101, size=520, style=ResNet101.style)

FCN32s = Head("fcn32s", FCN, {"levels": 1}, {"vgg16": FCN32sVGG16})
FCN16s = Head("fcn16s", FCN, {"levels": 2}, {"vgg16": FCN16sVGG16})
FCN8s = Head("fcn8s", FCN, {"levels": 3}, {"vgg16": FCN8sVGG16})
FCNHead = Head("fcn", DilatedFCN, rows={"resnet50": FCNResNet50, "resnet101": FCNResNet101})
