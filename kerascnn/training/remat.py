"""Rematerialisation: features that gradients need are computed again, and not held from the forward pass on."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerascnn.graph.segments import segments
from kerascnn.training.precision import computing_in


def rematerialised(model: keras.Model, side: int, precision: str) -> Callable[[tf.Tensor], dict[str, Any]]:
    """A function that computes a network's outputs in training, and of each segment but the last holds what goes in.

    A segment is computed again just before its gradients are, with the seeds and averages that it had then. Numbers and
    gradients are those of the network; what layers update, as batch normalisation its averages, is updated once.

    Parameters
    ----------
    side
        Height and width of the images, by which it is decided where a network of any size is cut.
    precision
        In which the network was drawn.
    """
    named: Any = model.output
    if len(model.inputs) > 1:
        raise ValueError(
            f"{model.name} is trained on regions that depend on the objects of its images, and remat computes what "
            "depends on images alone. Train without remat."
        )
    with computing_in(precision):
        parts = segments(model, (side, side, model.inputs[0].shape[-1]))

    def outputs(images: tf.Tensor) -> dict[str, Any]:
        values = {id(model.inputs[0]): images}
        for part in parts:
            compute = computed(part.model)
            compute = compute if part is parts[-1] else tf.recompute_grad(compute)
            made = compute(*(values[id(x)] for x in part.takes))
            values |= zip(map(id, part.gives), keras.tree.flatten(made), strict=True)
        return {name: values[id(x)] for name, x in named.items()}

    return outputs


def computed(part: keras.Model) -> Callable[..., list[tf.Tensor]]:
    """A function that computes a segment; called again, it computes the same, and changes no variable."""
    before: list[tuple[Any, tf.Tensor]] = []
    changing = [variable for variable in part.variables if not variable.trainable]

    def compute(*inputs: tf.Tensor) -> list[tf.Tensor]:
        if before:
            with keras.StatelessScope(before):
                return part(list(inputs), training=True)
        before.extend((variable, tf.identity(variable.value)) for variable in changing)
        outputs = part(list(inputs), training=True)
        if adding := [layer.name for layer in part._flatten_layers(include_self=False) if layer._losses]:
            raise ValueError(
                f"remat computes features again, and with them the losses that layers add: {', '.join(adding)}. Their "
                "gradients would be lost. Train without remat."
            )
        return outputs

    return compute
