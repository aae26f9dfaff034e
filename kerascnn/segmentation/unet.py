"""U-Net. Ronneberger, Fischer & Brox 2015, figure 1: what was pooled is enlarged again, beside what was before.

:class:`UNetPlain` is the figure itself, whose convolutions pad nothing, so that 572 pixels become 388, or the same with
padding. :class:`UNetOn` has a backbone in the place of the left side.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.blocks import resized
from kerascnn.segmentation.system import TRAIN, Head, OnBackbone, Segmenter
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="U-Net: convolutional networks for biomedical image segmentation",
    authors="Ronneberger, Fischer & Brox",
    year=2015,
    url="https://arxiv.org/abs/1505.04597",
)


@dataclass(frozen=True)
class UNetPlain(Segmenter):
    """Two 3x3 convolutions at each width, pools between them, and the same way back; dropout on the two last widths."""

    widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    _: KW_ONLY
    size: int = 572
    channels: int = 1
    classes: int = 2
    dropout: float = 0.5
    style: Style = Style(padding="valid")
    paper: Paper = PAPER

    @property
    def tiny(self):
        return {"widths": (8, 16), "size": 32}

    @property
    def min_size(self):
        side = 8 if self.lost else 1  # of the last map; one of 8 leaves 4 pixels of scores where nothing is padded
        for _ in self.widths[1:]:
            side = 2 * side + self.lost
        return side

    @property
    def lost(self) -> int:
        """Pixels of a side that two convolutions take."""
        return 4 if self.style.padding == "valid" else 0

    def trunk(self, k, x):
        self.check(*x.shape[1:3])
        maps = []
        for i, width in enumerate(self.widths, 1):
            x = (k / f"pool{i - 1}").max_pool(x, 2, 2) if maps else x
            x = self.pair(k / f"stage{i}", x, width, i >= len(self.widths) - 1)
            maps.append(x)
        spare = 0  # pixels of a side that the map beside has more, at the size of this one
        for i, width in reversed([*enumerate(self.widths, 1)][:-1]):
            stage, beside = k / f"up{i}", maps[i - 1]
            x = enlarged(stage, x, width)
            spare = 2 * (spare + self.lost)
            if spare:
                beside = stage(L.Cropping2D, spare // 2)(beside)
            else:
                x = resized(stage, x, beside)
            x = self.pair(stage, stage.concat(x, beside), width)
            spare += self.lost
        return x

    def pair(self, k, x, width, dropped=False):
        x = k.conv_act(k.conv_act(x, width, 3), width, 3)
        return k(L.Dropout, self.dropout)(x) if dropped else x

    def check(self, *sides: int | None) -> None:
        """Refuse an image whose maps have odd sides where nothing is padded: their halves would not lie upon them."""
        halved = 2 ** (len(self.widths) - 1)
        for side in sides:
            if self.lost and side and (side - self.min_size) % halved:
                below = side - (side - self.min_size) % halved
                raise ValueError(
                    f"{self.name} pads nothing, and halves a side of {side} pixels to maps of odd sides. Sides that "
                    f"fit are {below} and {below + halved}; unet_same takes any."
                )

    def head(self, k, x, classes):
        return (k / "score").conv(x, classes, bias=True)


def enlarged(k: Any, x: Any, width: int, ratio: int = 2) -> Any:
    """A transposed convolution that makes ``ratio`` x ``ratio`` pixels of each: the "up-conv" of figure 1."""
    return k(L.Conv2DTranspose, width, ratio, ratio, kernel_initializer=k.initializer)(x)


@dataclass(frozen=True)
class UNetOn(OnBackbone):
    """From the last map of a backbone back to the image, beside its map at every stride; convolutions pad.

    The widths are a quarter of the paper's, with batch norm, as backbones have: those of the left side are its own.
    """

    _: KW_ONLY
    widths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)  # at stride 1, 2, 4 ...
    paper: Paper = PAPER

    @property
    def tiny(self):
        return super().tiny | {"widths": (4, 8, 8, 8)}

    def head(self, k, x, classes):
        image, maps = x
        k = k.with_style(**TRAIN)
        before = max(maps)
        y = maps[before]
        for stride in sorted({1, *maps} - {before}, reverse=True):
            stage, width = k / f"up{stride}", self.widths[min(stride.bit_length(), len(self.widths)) - 1]
            y = resized(stage, enlarged(stage, y, width, before // stride), maps.get(stride, image))
            y = stage.concat(y, maps[stride]) if stride in maps else y
            y = stage.conv_bn_act(stage.conv_bn_act(y, width, 3), width, 3)
            before = stride
        return (k / "score").conv(y, classes, bias=True)


UNetValid = UNetPlain("unet_valid")
UNetSame = UNetPlain("unet_same", size=512, style=Style())

UNet = Head("unet", UNetOn, rows={"valid": UNetValid, "same": UNetSame})
UNetResNet18 = UNet.on("resnet18")
UNetMobileNetV2 = UNet.on("mobilenet_v2_100")
