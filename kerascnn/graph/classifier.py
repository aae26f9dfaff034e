"""The layers of a model that its outputs come from."""

from typing import Any

import keras

from kerascnn.graph.calls import calls


def classifiers(model: keras.Model) -> list[Any]:
    """The last layer with weights before each output: what fine-tuning replaces, and trains first.

    Raises
    ------
    ValueError
        When the model shows no graph.
    """
    made_by = {id(x): call for call in calls(model) for x in call.outputs}
    found, todo, seen = [], list(model.outputs), set()
    while todo:
        call = made_by[id(todo.pop())]
        if id(call) in seen:
            continue
        seen.add(id(call))
        if getattr(call.operation, "weights", []):
            found.append(call.operation)
        else:
            todo += call.inputs
    return found
