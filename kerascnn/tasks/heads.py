"""The output layers of a model, by what a task calls them.

A network with auxiliary heads, which only help to train, puts out a dictionary, in which the head is called ``"head"``.
To the task it is ``"scores"``, as in a network without.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerascnn.graph.ending import Ending, ending
from kerascnn.graph.graph import Graph, is_graph
from kerascnn.runtime import outputs_by_name
from kerascnn.tasks.losses import SHARES
from kerascnn.tasks.task import SCORES

HEAD = "head"


def outputs_of(model: keras.Model) -> dict[str, Any]:
    """Every head's output tensor.

    Raises ``ValueError`` when it is a dictionary without a head, or a list of several, or the model is not drawn as a
    graph of layers.
    """
    if not is_graph(model):
        raise ValueError(
            f"{model.name} has no graph of layers. Draw it as a functional model, keras.Model(inputs, outputs), or as "
            "a Sequential one that begins with keras.Input(shape)."
        )
    output: Any = model.outputs if isinstance(model, keras.Sequential) else model.output
    if not isinstance(output, dict):
        outputs = keras.tree.flatten(output)
        if len(outputs) != 1:
            raise ValueError(
                f"{model.name} puts out {len(outputs)} tensors without names; expected one, or a dictionary with the "
                f"scores as {HEAD!r} and auxiliary heads by other names."
            )
        return {SCORES: outputs[0]}
    if HEAD not in output:
        raise ValueError(
            f"{model.name} puts out a dictionary of {', '.join(sorted(output))}; expected one with {HEAD!r}, "
            "whose scores are the network's."
        )
    return {SCORES if name == HEAD else name: x for name, x in output.items()}


def up_to_logits(model: keras.Model) -> keras.Model:
    """The same layers and weights, without the softmax at the end: cross-entropy of logits does not underflow.

    Raises ``ValueError`` when the network ends in shares that it cannot be parted from.
    """
    outputs, graph = outputs_of(model), Graph(model)
    logits = {name: logits_of(model, ending(graph, x), x) for name, x in outputs.items()}
    return keras.Model(graph.model.inputs[0], logits)


def logits_of(model: keras.Model, last: Ending, output: Any) -> Any:
    """What enters the softmax at the end of an output, or the output itself where there is none."""
    if last.activation not in SHARES:
        return output
    if last.activation == "softmax" and last.logits is not None:
        return last.logits
    if last.activation == "softmax":
        raise ValueError(
            f"The softmax of {model.name!r} is inside its last layer, {output._keras_history.operation.name!r}. Give "
            'that layer no activation, and let a layer Activation("softmax") follow it, or nothing at all.'
        )
    raise ValueError(
        f"{model.name!r} ends in a {last.activation}, and is trained on logits. Let it end in "
        'Activation("softmax"), or in nothing at all.'
    )


def check_shares(model: keras.Model, images: Callable[[], Any]) -> None:
    """Refuse a network that is trained on logits and gives shares of one, as layers that are not known may make them.

    ``images`` gives some as the network takes them; it is not called where all layers that count are known.
    """
    graph = Graph(model)
    if all(ending(graph, x).activation for x in graph.model.outputs):
        return
    for name, x in outputs_by_name(model, model(images(), training=False)).items():
        scores = np.asarray(x, np.float64).reshape(-1, x.shape[-1])
        if scores.shape[-1] > 1 and scores.min() >= 0 and np.abs(scores.sum(axis=-1) - 1).max() < 1e-3:
            raise ValueError(
                f"The {name} of {model.name!r} sum to 1 on every image: they are shares, and it is trained on logits. "
                'Let it end in Activation("softmax"), or in nothing at all.'
            )
