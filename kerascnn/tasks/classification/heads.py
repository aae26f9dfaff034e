"""The outputs of a classifier: the head, and auxiliary heads that only help to train.

A network with auxiliary heads puts out a dictionary, in which the head is called ``"head"``. To the task it is
``"scores"``, as in a network without.
"""

from typing import Any

import keras

from kerascnn.tasks.task import SCORES

HEAD = "head"


def outputs_of(model: keras.Model) -> dict[str, Any]:
    """Every head's output tensor.

    Raises
    ------
    ValueError
        When it is a dictionary without a head, or the model is not drawn as a graph of layers.
    """
    if isinstance(model, keras.Sequential):
        return {SCORES: model.outputs[0]}
    if getattr(model, "output", None) is None:
        raise ValueError(f"{model.name} has no graph of layers; draw it as a functional or Sequential model.")
    if not isinstance(model.output, dict):
        return {SCORES: model.output}
    if HEAD not in model.output:
        raise ValueError(
            f"{model.name} puts out a dictionary of {', '.join(sorted(model.output))}; expected one with {HEAD!r}, "
            "whose scores are the network's."
        )
    return {SCORES if name == HEAD else name: output for name, output in model.output.items()}


def up_to_logits(model: keras.Model) -> keras.Model:
    """The same layers and weights, without the softmax at the end: cross-entropy of logits does not underflow."""
    outputs = outputs_of(model)
    lasts = {name: next(x for x in model.layers if x.output is output) for name, output in outputs.items()}
    logits = {name: last.input for name, last in lasts.items() if is_softmax(model, last)}
    image = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.Model(image, {**outputs, **logits})


def is_softmax(model: keras.Model, last: Any) -> bool:
    """Whether a layer makes probabilities of logits and does nothing else.

    Raises
    ------
    ValueError
        When it does both.
    """
    if isinstance(last, keras.layers.Softmax) or (
        isinstance(last, keras.layers.Activation) and last.activation is keras.activations.softmax
    ):
        return True
    if getattr(last, "activation", None) is keras.activations.softmax:
        raise ValueError(
            f"The softmax of {model.name!r} is inside its last layer, {last.name!r}. Give that layer no activation, "
            f'and let a layer Activation("softmax") follow it, or nothing at all.'
        )
    return False


def check_heads(model: keras.Model, classes: int, auxiliary: float) -> None:
    """Refuse outputs of another shape than the classes, and auxiliary heads without a weight or a weight without heads.

    Raises
    ------
    ValueError
        Then, or when the network puts out a dictionary without a head.
    """
    outputs = outputs_of(model)
    for name, output in outputs.items():
        if tuple(output.shape) != (None, classes):
            raise ValueError(
                f"{model.name} puts out {tuple(output.shape)} as its {name}; expected (None, {classes}), a score for "
                f"each of {classes} classes."
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
