"""The output layers of a model, by what a task calls them.

A network with auxiliary heads, which only help to train, puts out a dictionary, in which the head is called ``"head"``.
To the task it is ``"scores"``, as in a network without.
"""

from typing import Any

import keras

from kerascnn.tasks.task import SCORES

HEAD = "head"


def outputs_of(model: keras.Model) -> dict[str, Any]:
    """Every head's output tensor.

    Raises ``ValueError`` when it is a dictionary without a head, or the model is not drawn as a graph of layers.
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
    """Whether a layer makes probabilities of logits and does nothing else. Raises ``ValueError`` when it does both."""
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
