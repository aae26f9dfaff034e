"""What detectors share: the builder's arguments and what comes out, boxes and a score of each class for every box.

Classes count from 0, and the background is none of them.
"""

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from kerascnn import layers as L
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import OnBackbone
from kerascnn.spec import PROPOSALS

if TYPE_CHECKING:
    import keras

COCO = 80  # classes


@dataclass(frozen=True)
class Detector(OnBackbone):
    """A network that finds objects on the feature maps of a backbone."""

    _: KW_ONLY
    classes: int = COCO

    task = "detection"
    any_size = False

    def __call__(
        self,
        weights: str | None = None,
        input_tensor: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        classes: int | None = None,
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
            None for random initialisation; the tag of published weights of this whole network, "coco" for the default,
            where there are any; ``.keras``, ``.weights.h5`` or ``.h5`` of it, or a file of torchvision's where these
            are known; or what the backbone alone is to start from: the tag of its own published weights, such as
            "imagenet", or any file that it takes.
        input_shape
            Of a fixed height and width, on which the default boxes depend.
        classes
            Number of classes without the background, by default COCO's 80.
        include_top, pooling
            Without top: the smallest map, or what it pools to.

        Returns
        -------
        keras.Model
            Images in, already normalised as the weights ask. A dictionary out, in float32: ``"boxes"``,
            ``(batch, boxes, 4)``, corners x1, y1, x2, y2 in pixels of the image; and ``"scores"``,
            ``(batch, boxes, classes)``, 0 to 1. These are all default boxes; a network that looks at regions chooses
            among them, and gives detections, the surest first, behind which are zeros. Where the regions are given,
            they are a second input, ``"proposals"``.
        """
        row, weights, pixels = self.begun_from(None if weights is None else str(weights), include_preprocessing)
        arguments = input_tensor, input_shape, pooling, classes, None, name
        return Architecture.__call__(row, include_top, weights, *arguments, include_preprocessing=pixels)


@dataclass(frozen=True)
class OnRegions(Detector):
    """A network that says what regions of the image show, and suppresses boxes itself. The regions are given to it.

    They are data: its second input is ``proposals``, ``(batch, proposals, 4)``, corners in pixels of the image, and
    zeros where there are fewer.
    """

    _: KW_ONLY
    proposals: int = 2000  # regions that are looked at
    pairs: int = 1000  # of a region and a class, among which detections are chosen
    overlap: float = 0.3  # IoU above which a detection gives way to a surer one of its class
    detections: int = 100

    takes_proposals = True

    def regions(self, k, size, strides, maps):
        """What is looked at, ``(B, proposals, 4)``."""
        return k.input(PROPOSALS, (self.proposals, 4))

    def said(self, k, x, width, deviation):
        start = k.with_style(initializer=f"random_normal:{deviation}").initializer
        return k(L.Dense, width, kernel_initializer=start, dtype="float32")(x)

    def found(self, k, size, regions, offsets, logits):
        """Boxes and scores, of the offsets and the logits of regions, as :class:`kerascnn.layers.ClassBoxes` says."""
        shares = k(L.Softmax, dtype="float32")(logits)
        last = k(L.ClassBoxes, size, self.pairs, self.detections, self.overlap, dtype="float32")
        boxes, scores = last([regions, offsets, shares])
        return {"boxes": boxes, "scores": scores}
