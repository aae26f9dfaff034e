"""The outputs of a classifier: the head, and auxiliary heads that only help to train."""

from typing import Any

import keras

from kerascnn.tasks.heads import HEAD, outputs_of
from kerascnn.tasks.task import SCORES


def check_heads(model: keras.Model, classes: int, auxiliary: float) -> None:
    """Refuse outputs of another shape than the classes, and auxiliary heads without a weight or a weight without heads.

    Raises ``ValueError`` then, or when the network puts out a dictionary without a head.
    """
    outputs = outputs_of(model)
    for name, output in outputs.items():
        if tuple(output.shape) != (None, classes):
            pooled = " Pool its maps first: GlobalAveragePooling2D()." if len(output.shape) == 4 else ""
            raise ValueError(
                f"{model.name} puts out {tuple(output.shape)} as its {name}; expected (None, {classes}), a score for "
                f"each of {classes} classes.{pooled}"
            )
    others = sorted({*outputs} - {SCORES})
    if others and not auxiliary:
        raise ValueError(
            f"{model.name} has auxiliary heads ({', '.join(others)}), and the recipe does not say what their losses "
            f"weigh. Set auxiliary, such as to 0.3, or train {plain_name(model.name)!r}, which has none."
        )
    if auxiliary and not others:
        raise ValueError(
            f"The recipe sets auxiliary to {auxiliary:g}, but {model.name} has no auxiliary heads. Leave auxiliary "
            "out, or train a network that has some, such as googlenet_auxiliary."
        )


def without_auxiliary(model: keras.Model) -> keras.Model:
    """The network as it is used: the same layers and weights, as far as the head needs them."""
    if isinstance(model, keras.Sequential) or not isinstance(model.output, dict):
        return model
    return keras.Model(model.input, model.output[HEAD], name=plain_name(model.name))


def plain_name(name: str) -> str:
    """How the catalogue calls a network without its auxiliary heads."""
    return name.removesuffix("_auxiliary")


class Top1(keras.metrics.SparseCategoricalAccuracy):
    """Accuracy of the class with the greatest score; of a mixed image, the class that weighs most is the right one."""

    def __init__(self, name: str):
        super().__init__(name)

    def update_state(self, targets: Any, outputs: Any, sample_weight: Any = None) -> Any:
        labels = targets["label"]
        labels = keras.ops.argmax(labels, -1) if len(labels.shape) == 2 else labels
        return super().update_state(labels, outputs[SCORES], sample_weight)
