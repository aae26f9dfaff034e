"""Semantic segmentation as the package sees it: each method leads to the file that does the work."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from kerascnn.tasks.decisions import Collector, DecisionTask
from kerascnn.tasks.drawing import hexadecimal, palette
from kerascnn.tasks.losses import mean_of_pixels, of_activated
from kerascnn.tasks.segmentation.drawing import STRENGTH
from kerascnn.tasks.segmentation.evaluation import MaskEvaluation, checked
from kerascnn.tasks.segmentation.prediction import MaskPrediction, classes_of
from kerascnn.tasks.task import SCORES, App, Arrays, OutputTensor, Prediction, Tensors

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Segmentation(DecisionTask):
    """A class for every pixel. Targets are masks, ``(B, H, W)`` int32, in which ``IGNORE`` has no class.

    The loss is one of classification, taken of every pixel; an image's is the mean over its pixels that have a class.
    """

    name: ClassVar[str] = "segmentation"
    annotations: ClassVar[tuple[str, ...]] = ("mask",)
    metric: ClassVar[str] = "miou"
    title: ClassVar[str] = "Mean IoU"
    trial_data: ClassVar[str] = "shape_masks"
    tflite_metadata: ClassVar[tuple[OutputTensor, ...]] = (
        OutputTensor(
            name="segmentation_masks",
            description="How much each pixel looks like each class.",
            content="image",
            places=(1, 2),
            labels="axis",
        ),
    )

    def check_model(self, model: "keras.Model") -> None:
        shape, classes = getattr(model, "output_shape", None), len(self.labels)
        if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] != classes:
            raise ValueError(
                f"{model.name} puts out {shape}; expected (None, height, width, {classes}), a score for each of "
                f"{classes} classes at every pixel. A head on a network gives it: fcn8s_mobilenet_v2, for instance."
            )
        if tuple(shape[1:3]) != tuple(model.input_shape[1:3]):
            raise ValueError(
                f"{model.name} puts out maps of {shape[1:3]} pixels for images of {tuple(model.input_shape[1:3])}; "
                "expected one score for every pixel. Enlarge its last map to the size of the image."
            )
        if self.loss.auxiliary:
            raise ValueError("The recipe sets auxiliary, but a network that segments has no auxiliary heads.")

    def inference_model(self, model: "keras.Model") -> "keras.Model":
        return model

    def losses(self, outputs: Tensors, targets: Tensors) -> Any:
        return mean_of_pixels(self.loss.of, outputs[SCORES], targets["mask"])

    def meters(self) -> list[Any]:
        from kerascnn.tasks.segmentation.meters import MeanIoU, PixelAccuracy

        return [MeanIoU(len(self.labels), self.metric), PixelAccuracy("pixel_accuracy")]

    def output_loss(self, activations: Mapping[str, str], targets: Tensors, outputs: Tensors) -> Any:
        return mean_of_pixels(partial(of_activated, activations[SCORES]), outputs[SCORES], targets["mask"])

    def evaluator(self) -> Collector[MaskEvaluation]:
        return Collector(self.labels, checked, MaskEvaluation)

    def decode(self, outputs: Arrays, size: tuple[int, int] | None = None) -> list[Prediction]:
        return [MaskPrediction(mask, self.labels) for mask in classes_of(self.scores_of(outputs))]

    def app(self, classes: int) -> App:
        return App(answers="mask", facts={"strength": STRENGTH, "colours": hexadecimal(palette()[:classes])})
