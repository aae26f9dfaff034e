"""The network that is trained, and the one that is left, where the two are not drawn alike."""

import keras

from kerascnn.training.precision import computing_in
from kerascnn.training.resolve import Resolved


def draw_trained(resolved: Resolved, precision: str) -> keras.Model:
    """The network that is trained: of one size where training and evaluation see one, else of any; or a refusal."""
    size, channels, classes = resolved.preprocess.size, resolved.preprocess.channels, len(resolved.task.labels)
    sides = {resolved.stage(epoch).size for epoch in range(resolved.epochs)}
    with computing_in(precision):
        if sides == {size}:
            return resolved.make((size, size, channels), classes)
        try:
            model = resolved.make((None, None, channels), classes)
        except ValueError as error:
            raise ValueError(
                f"{resolved.name} cannot be trained on images of {', '.join(map(str, sorted(sides)))} pixels and "
                f"evaluated on {size}, because it takes images of one size only. {error}"
            ) from error
    for side in sides:  # one may be smaller than the network can take
        try:
            model.compute_output_shape((1, side, side, channels))
        except ValueError as error:
            raise ValueError(f"{model.name} cannot be trained on images of {side} x {side} pixels: {error}") from error
    return model


def draw_inference(resolved: Resolved, trained: keras.Model, precision: str) -> keras.Model:
    """The network that is left, of one size and in float32; the one that is trained, when that is both."""
    if precision == "float32" and None not in trained.input_shape[1:]:
        return trained
    size, channels = resolved.preprocess.size, resolved.preprocess.channels
    with computing_in("float32"):
        return resolved.make((size, size, channels), len(resolved.task.labels))
