"""Fully convolutional networks. Long, Shelhamer & Darrell 2015: a classifier at every place of a map, made an image.

A 1x1 convolution scores the classes on the last feature map. FCN-32s enlarges these scores to the image; FCN-16s first
adds the scores of the map before, which is twice as large, and FCN-8s those of the one before that too (section 4.2).
Scores begin at 0, so that a skip changes nothing before it has learned, and are enlarged by bilinear interpolation,
which the authors draw as transposed convolutions with fixed weights.

Two things differ from the authors' network on VGG-16. The backbone may be any, without the layers of its classifier,
which they turn into convolutions of 7 x 7 and 1 x 1 (fc6 and fc7). And the image is not padded by 100 pixels: where a
size is odd, a map that was enlarged is cut at the right and the bottom.
"""

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from kerascnn import layers as L
from kerascnn.applications import ROWS
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import OnBackbone, find_backbone
from kerascnn.spec import Paper

if TYPE_CHECKING:
    import keras

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

    task = "segmentation"
    own = "head-stride"

    @property
    def any_size(self) -> bool:
        return self.backbone.any_size

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        return {"backbone": small, "levels": min(self.levels, 2), "size": small.size}

    def __call__(
        self,
        weights: str | None = None,
        input_tensor: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        classes: int | None = None,
        classifier_activation: Any = "softmax",
        name: str | None = None,
        include_top: bool = True,
        pooling: str | None = None,
        *,
        include_preprocessing: bool = False,
    ) -> "keras.Model":
        """Build this network as a functional Keras model.

        Arguments and errors are those of :class:`kerascnn.networks.architecture.Architecture`, but for these.

        Parameters
        ----------
        weights
            None for random initialisation; ``.keras``, ``.weights.h5`` or ``.h5`` of this network; or what the backbone
            alone is to start from: the tag of published weights, such as "imagenet", or any file that it takes.
        classes
            Number of classes, by default 21: those of PASCAL VOC with the background.
        include_top, pooling
            Without top: the backbone's last feature map, or what it pools to.

        Returns
        -------
        keras.Model
            Images in, already normalised as the weights ask; ``(batch, height, width, classes)`` in float32 out.

        Raises
        ------
        ValueError
            Also when the backbone makes too few feature maps.
        """
        row, weights = self.resolved(weights, include_preprocessing)
        return Architecture.__call__(
            row, include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )

    def trunk(self, k, x):
        from kerascnn.graph.features import features  # here, because it imports Keras

        maps: Any = features(self.on_image(x)).output
        if len(maps) < self.levels:
            raise ValueError(
                f"{self.name} scores {self.levels} feature maps, and {self.backbone.name} makes "
                f"{len(maps)}, of stride {', '.join(map(str, maps))}. Choose a head with fewer skips, such as fcn32s."
            )
        return x, dict(list(maps.items())[-self.levels :])

    def topless(self, k, x, pool):
        _, maps = x
        return pool(maps[max(maps)])

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
class Head:
    """A head of the paper, to be put on a backbone: called with one and a builder's arguments, it builds the model."""

    name: str
    levels: int

    def on(self, backbone: Architecture | str) -> FCN:
        """The row of this head on a backbone, a row or a name. Raises ``ValueError`` when there is no such network."""
        row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
        return FCN(
            f"{self.name}_{row.name}",
            row,
            self.levels,
            size=row.size,
            channels=row.channels,
            classes=21,
            style=row.style,
            paper=PAPER,
        )

    def __call__(self, backbone: Architecture | str, **arguments: Any) -> "keras.Model":
        """Build the network; ``arguments`` are those of :meth:`FCN.__call__`."""
        return self.on(backbone)(**arguments)
