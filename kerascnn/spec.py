"""The records of the house: plain data, no Keras."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a paper says once and means in every layer."""

    activation: str = "relu"  # by Keras' name; "leaky_relu:0.1" has its slope below 0 behind it
    epsilon: float = 1e-3  # of batch normalisation
    momentum: float = 0.99  # of its moving statistics; Keras' sense: the share that is kept
    # "same": TensorFlow's. "symmetric": size // 2 on every side, as Caffe and PyTorch pad. "ceil": below and to the
    # right only, where the last window of a stride reaches beyond the map, as in Caffe's pools. "valid": none.
    padding: str = "same"
    pooling: str = ""  # the padding of max pools, where it is another
    initializer: str = "he_normal"  # of convolutions
    convolution: str = "Conv2D"  # the layer that convolves
    count_padding: bool = False  # whether an average pool counts the zeros round the map, as Caffe and PyTorch do


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where an architecture was published."""

    title: str
    authors: str
    year: int
    url: str


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """What an image goes through before a network sees it. These facts belong to weights, not to architectures.

    An image is resized so that its short side is ``round(size / crop)``, its centre ``size`` x ``size`` is cut out,
    and each channel of its pixels, scaled to 0..1, has ``mean`` taken off and is divided by ``std``. With ``squash``
    the whole image is resized to ``size`` x ``size`` instead, whatever its proportions.
    """

    size: int
    crop: float = 0.875
    interpolation: str = "bilinear"  # or "bicubic", "nearest"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    squash: bool = False

    @property
    def channels(self) -> int:
        return len(self.mean)
