"""Panoptic FPN. Kirillov et al. 2019: Mask R-CNN for things, and on its pyramid a light head for stuff.

Every pixel belongs to a segment: of a thing, which can be counted, or of stuff, such as sky. The head makes each map of
the pyramid as fine as the finest by convolutions with an interpolation to twice the side after each, and scores the sum
of all (section 3, figure 3). Where things are, it says one class for all of them.
"""

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from kerascnn import layers as L
from kerascnn.applications import ROWS, ResNet50, ResNet101
from kerascnn.blocks import resized
from kerascnn.detection.mask_rcnn import MaskRCNN
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper, expect

if TYPE_CHECKING:
    import keras

PAPER = Paper(
    title="Panoptic feature pyramid networks",
    authors="Kirillov, Girshick, He & Dollár",
    year=2019,
    url="https://arxiv.org/abs/1901.02446",
)


@dataclass(frozen=True)
class PanopticFPN(MaskRCNN):
    """Mask R-CNN on a feature pyramid, with a head for stuff.

    Classes are things, which have boxes, masks and scores, and after them stuff: ``"stuff"`` comes out too,
    ``(batch, height, width, 1 + stuff)``, shares of things together and of each kind of stuff at every pixel. Boxes and
    masks are for the classes alone, as in the papers (Fast R-CNN, section 2; Mask R-CNN, section 3): where torchvision
    has them for the background as well, Detectron2 has not.
    """

    _: KW_ONLY
    classes: int = 133  # COCO's
    things: int = 80  # of these, the first
    stuff_width: int = 128
    stuff_groups: int = 32  # of the group normalisation of its head
    paper: Paper = PAPER

    task = "panoptic"

    @property
    def tiny(self) -> dict[str, Any]:
        return {**super().tiny, "stuff_width": 16, "stuff_groups": 4}

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
        things: int | None = None,
        include_preprocessing: bool = False,
    ) -> "keras.Model":
        """Build this network as a functional Keras model.

        Arguments, output and errors are those of :class:`kerascnn.detection.detector.Detector`, but for these.

        Parameters
        ----------
        classes
            Number of things and kinds of stuff together, by default COCO's 133.
        things
            How many of the classes, the first, are things; by default COCO's 80.

        Returns
        -------
        keras.Model
            Beside boxes and scores of things ``"masks"``, ``(batch, boxes, 28, 28)``, and ``"stuff"``,
            ``(batch, height, width, 1 + classes - things)``.
        """
        row = self if things is None else self.replace(things=things)
        total = row.classes if classes is None else classes
        if include_top and isinstance(total, int) and total > 0:
            whole = isinstance(row.things, int) and not isinstance(row.things, bool)
            what = f"a whole number above 0 and below the {total} classes, of which the others are stuff"
            expect(whole and 0 < row.things < total, "things", row.things, what)
        arguments = weights, input_tensor, input_shape, classes, name, include_top, pooling
        return MaskRCNN.__call__(row, *arguments, include_preprocessing=include_preprocessing)

    def trunk(self, k, x):
        return (*super().trunk(k, x), x)

    def outputs(self, k, x, classes, activation):
        *pyramid, image = x
        found = super().outputs(k, pyramid, self.things, activation)
        k = k / "head" / "stuff"
        _, strides, maps = pyramid
        logits = self.stuff(k, strides, maps, 1 + classes - self.things)
        logits = (k / "image")(L.ResizeLike, dtype="float32")([logits, image])
        return {**found, "stuff": L.Activation("softmax", name=k.name("softmax"), dtype="float32")(logits)}

    def offsets(self, k, x, classes):
        return super().offsets(k, x, classes - 1)

    def masks(self, k, x, classes):
        return super().masks(k, x, classes - 1)

    def stuff(self, k, strides, maps, kinds):
        """Logits of some kinds at the places of the finest map. Figure 3; of one stride, maps are enlarged alike."""
        k = k.with_style(padding="symmetric", initializer="he_fan_out", activation="relu")
        fine = []
        for number, (stride, x) in enumerate(zip(strides, maps, strict=True), 1):
            place = k / f"map{number}"
            finer = {s: y for s, y in zip(strides, maps, strict=True) if s < stride}
            for like in [*reversed(finer.values())] or [x]:
                x = place(L.GroupNormalization, self.stuff_groups, epsilon=1e-5)(place.conv(x, self.stuff_width, 3))
                x = resized(place, place.act(x), like)
            fine.append(x)
        x = k.add(*fine) if len(fine) > 1 else fine[0]
        return k(L.Conv2D, kinds, 1, kernel_initializer=k.initializer, dtype="float32")(x)


def panoptic_fpn(backbone: Architecture | str) -> PanopticFPN:
    """The row of Panoptic FPN on a backbone, a row or a name, to be called like any other.

    >>> panoptic_fpn("mobilenet_v2")(classes=6, things=4).name
    'panoptic_fpn_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return PanopticFPN(f"panoptic_fpn_{row.name}", row, channels=row.channels, style=row.style)


PanopticFPNResNet50 = panoptic_fpn(ResNet50)
PanopticFPNResNet101 = panoptic_fpn(ResNet101)
