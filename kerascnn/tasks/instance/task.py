"""Instance segmentation as the package sees it: each method leads to the file that does the work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from kerascnn.errors import need
from kerascnn.spec import expect
from kerascnn.tasks.detection import Detection
from kerascnn.tasks.instance.evaluation import Masker
from kerascnn.tasks.instance.losses import TwoStageMasks
from kerascnn.tasks.instance.prediction import MASKS, found_in
from kerascnn.tasks.task import App, Arrays, Prediction, Tensors

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Instance(Detection):
    """Masks of objects, in boxes, and what these are. Classes count from 0; the background is none.

    Targets are those of detection, and ``"masks"``, ``(B, M, size, ceil(size / 8))`` uint8, a bit for each pixel of the
    image as ``np.packbits`` lays them. An object of which no pixel is in sight is none.

    Parameters
    ----------
    loss
        None: ``TwoStageMasks``.
    """

    name: ClassVar[str] = "instance"
    annotations: ClassVar[tuple[str, ...]] = (*Detection.annotations, MASKS)
    title: ClassVar[str] = "Mask AP"
    trial_data: ClassVar[str] = "shape_instances"
    of_boxes: ClassVar[tuple[str, ...]] = (*Detection.of_boxes, MASKS)
    loss_records: ClassVar[tuple[type, ...]] = (TwoStageMasks,)

    loss: TwoStageMasks | None = None

    def __post_init__(self) -> None:
        expect(isinstance(self.loss, TwoStageMasks | None), "loss", self.loss, "TwoStageMasks or None")

    def check_model(self, model: "keras.Model") -> None:
        from kerascnn.tasks.instance.heads import check_outputs

        need("hotcoco", "detection", "Measuring average precision")
        check_outputs(model, len(self.labels))

    def training_model(self, model: "keras.Model") -> "keras.Model":
        from kerascnn.tasks.instance.heads import up_to_masks

        return up_to_masks(model, self.loss or TwoStageMasks())

    def losses(self, outputs: Tensors, targets: Tensors) -> Any:
        return (self.loss or TwoStageMasks())(outputs, targets)

    def encode(self, sample: Tensors) -> dict[str, Any]:
        import tensorflow as tf

        targets = super().encode(sample)
        valid = targets["valid"] & tf.reduce_any(targets[MASKS] > 0, axis=[1, 2])
        return {**targets, "valid": valid, "boxes": tf.where(valid[:, None], targets["boxes"], 0.0)}

    def meters(self) -> list[Any]:
        from kerascnn.tasks.instance.meters import MaskAveragePrecision

        return [MaskAveragePrecision(len(self.labels), self.metric)]

    def evaluator(self) -> Masker:
        return Masker(self.labels)

    def nms(self) -> Callable[[Tensors], dict[str, Any]]:
        raise ValueError("nms=True suppresses boxes, and what becomes of their masks no file says. Leave it out.")

    def decode(self, outputs: Arrays, size: tuple[int, int] | None = None) -> list[Prediction]:
        if size is None:
            raise ValueError("Masks lie in their boxes: decode needs size, height and width of the images, too.")
        return [*found_in(outputs, self.labels, size)]

    def app(self, classes: int) -> App | None:
        """There is none that draws the masks of objects."""
        return None
