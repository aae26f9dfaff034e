"""SavedModel folders, run in TensorFlow."""

from pathlib import Path

import numpy as np

from kerascnn.runtime.runner import (
    Runner,
    count_of,
    image_shape,
    inputs_of,
    named,
    quiet,
    reading,
    takes_pixels,
    typed,
)


def open_saved_model(path: Path) -> Runner:
    """Load a SavedModel to run its signature "serving_default"."""
    import tensorflow as tf

    with reading(path, "a SavedModel"), quiet():
        loaded = tf.saved_model.load(str(path))
        serve = loaded.signatures["serving_default"]
        (argument, image), *beside = inputs_of(
            (name, (name, x)) for name, x in serve.structured_input_signature[1].items()
        )
        outputs = serve.structured_outputs
        names = dict(zip(outputs, named(list(outputs)), strict=True))
        batch, shape = image_shape(image.shape)
        count = count_of([x.shape.as_list() for _, x in beside])
        types = (image.dtype.name, *dict.fromkeys(output.dtype.name for output in outputs.values()))

    def infer(images: np.ndarray, *proposals: np.ndarray) -> dict[str, np.ndarray]:
        given = {argument: typed(images, types[0]), **dict(zip([name for name, _ in beside], proposals, strict=True))}
        # Through ``loaded``, which holds the weights: a signature alone lets go of them.
        answer = loaded.signatures["serving_default"](**{name: tf.constant(rows) for name, rows in given.items()})
        return {names[name]: values.numpy() for name, values in answer.items()}

    return Runner(path, "saved_model", shape, batch, infer, types=types, pixels=takes_pixels(types[0]), proposals=count)
