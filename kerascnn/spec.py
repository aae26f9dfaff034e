"""The records that every part of the package shares: plain data, no Keras."""

import reprlib
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from math import isfinite
from numbers import Real
from statistics import fmean
from typing import Any, ClassVar, Self

from kerascnn.errors import suggest

INTERPOLATIONS = ("bilinear", "bicubic", "nearest")
PROPOSALS = "proposals"  # boxes to be looked at: the annotation of images, and the second input of networks


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a paper sets once for all of its layers."""

    activation: str = "relu"  # by Keras' name; "leaky_relu:0.1" has its slope below 0 behind it
    epsilon: float = 1e-3  # of batch normalisation
    momentum: float = 0.99  # of its moving statistics; Keras' sense: the fraction that is kept
    # "same": TensorFlow's. "symmetric": size // 2 on every side, as Caffe and PyTorch pad. "ceil": below and to the
    # right only, where the last window of a stride reaches beyond the map, as in Caffe's pools. "zeros": where "same"
    # pads, but with zeros that pools take for numbers of the map. "valid": none.
    padding: str = "same"
    pooling: str = ""  # the padding of max pools, where it is another
    # Of convolutions, by Keras' name; "random_normal:0.02" has its deviation behind it.
    initializer: str = "he_normal"
    convolution: str = "Conv2D"  # the layer that convolves
    fused: bool = False  # whether a layer with a bias applies the activation behind it itself, as in Keras' VGG
    count_padding: bool = False  # whether an average pool counts the zeros round the map, as Caffe and PyTorch do


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where an architecture was published."""

    title: str
    authors: str
    year: int
    url: str


@dataclass(frozen=True)
class Row:
    """One column of a paper's architecture table: what the catalogue, weights and cards know of a network."""

    name: str  # in the catalogue, in lower case with underscores
    _: KW_ONLY
    size: int = 224  # side of the square image that the network was designed for, in pixels
    channels: int = 3  # of that image
    classes: int = 1000  # of the data set that it was designed for: the default of the builder's ``classes``
    dropout: float = 0.0  # rate of the dropout before the classifier
    style: Style = Style()
    paper: Paper  # where it was published

    task: ClassVar[str] = "classification"  # a name in the table of tasks: what the network's outputs mean
    min_size: ClassVar[int] = 32  # the smallest image side that the network takes, as in keras.applications
    any_size: ClassVar[bool] = True  # False: the trunk has weights for every place in the image
    takes_proposals: ClassVar[bool] = False  # whether boxes to be looked at, "proposals", are a second input
    tiny: ClassVar[Mapping[str, Any]]  # fields to change in a row to fit a unit test

    @property
    def weights_of(self) -> str:
        """The network whose published weights this one takes: itself, or the one that it stands on."""
        return self.name

    def replace(self, **fields: Any) -> Self:
        """The same row with other fields: ``ResNet50.replace(depths=(1, 1, 1, 1))``."""
        return replace(self, **fields)


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """How an image is prepared for a network. These facts belong to weights, not to architectures.

    An image is resized so that its short side is ``round(size / crop)``, its centre ``size`` x ``size`` is cut out,
    and each channel of its pixels, scaled to 0..1, has ``mean`` taken off and is divided by ``std``. With ``squash``
    the whole image is resized to ``size`` x ``size`` instead, whatever its proportions.

    Files of 16 bits hold numbers of ``bits`` bits, of which the upper eight are seen: 12 for a camera of 12 bits.

    Raises
    ------
    ValueError
        When a value is out of range, naming the field.
    """

    size: int
    crop: float = 0.875
    interpolation: str = "bilinear"  # one of INTERPOLATIONS
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    squash: bool = False
    bits: int = 16

    def __post_init__(self) -> None:
        expect(isinstance(self.size, int) and self.size > 0, "size", self.size, "a whole number of pixels above 0")
        expect(is_number(self.crop) and 0 < self.crop <= 1, "crop", self.crop, "a fraction above 0, up to 1")
        if self.interpolation not in INTERPOLATIONS:
            near = suggest(str(self.interpolation), INTERPOLATIONS)
            raise ValueError(f"interpolation is none that is known: {reprlib.repr(self.interpolation)}. {near}")
        expect(are_numbers(self.mean), "mean", self.mean, "a finite number for each channel")
        expect(are_numbers(self.std) and min(self.std) > 0, "std", self.std, "a number above 0 for each channel")
        if len(self.mean) != len(self.std):
            raise ValueError(f"mean is of {len(self.mean)} channels and std of {len(self.std)}; they go together.")
        expect(isinstance(self.squash, bool), "squash", self.squash, "true or false")
        whole = isinstance(self.bits, int) and not isinstance(self.bits, bool)
        expect(whole and 8 <= self.bits <= 16, "bits", self.bits, "a whole number from 8 to 16")

    @property
    def channels(self) -> int:
        return len(self.mean)

    def for_channels(self, channels: int) -> Self:
        """The same for images of one channel, by the averages of all, or for several of which one is known."""
        if channels == self.channels:
            return self
        mean, std = (round(fmean(values), 6) for values in (self.mean, self.std))
        return replace(self, mean=(mean,) * channels, std=(std,) * channels)

    @property
    def affine(self) -> tuple[list[float], list[float]]:
        """Of each channel what pixels of 0..255 are multiplied by, and what is added then, to normalise them."""
        pairs = list(zip(self.mean, self.std, strict=True))
        return [1 / (255 * std) for _, std in pairs], [-mean / std for mean, std in pairs]


def plain(name: str) -> str:
    """A name without what spellings differ in: case, ``_``, ``-`` and dots."""
    return name.lower().translate(str.maketrans("", "", "_-."))


def expect(met: bool, name: str, value: Any, expected: str) -> None:
    """Refuse the value of a field unless ``met``, in a line of bounded length."""
    if not met:
        raise ValueError(f"{name} must be {expected}; got {reprlib.repr(value)}.")


def is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def are_numbers(values: Any) -> bool:
    return isinstance(values, tuple | list) and len(values) > 0 and all(map(is_number, values))
