"""What a writer is asked to write, and the one computation of it: the network in inference mode, in float32."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.runtime import need_tensorflow, output_names, outputs_by_name
from kerascnn.runtime.runner import count_of, inputs_of
from kerascnn.spec import PROPOSALS

if TYPE_CHECKING:
    import keras

ENDING = "ending"  # in front of the names of what a file makes of its outputs


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """One file to be written.

    Parameters
    ----------
    model
        A float32 model of one image, (None, H, W, C), and perhaps of boxes in it to be looked at, (None, N, 4).
    source
        The model before it was lowered for the format, whose layers users know by name; None: ``model``.
    images
        What the ranges of activations are measured on, (N, H, W, C) float32 as ``model`` takes them, or None.
    proposals
        The boxes in these that go with them into a model that takes some, (N, M, 4) float32.
    batch
        How many images the file takes at a time; None for any number.
    types
        What the file takes and what it gives, by NumPy's names.
    float_layers
        Names of the layers of ``source`` that stay float32 in a file of integers.
    select_tf_ops
        Whether what has no built-in operator may become one of TensorFlow's own.
    ending
        What the file makes of the outputs by name, in floats, before it gives them; None: nothing.
    """

    model: "keras.Model"
    source: "keras.Model | None" = None
    images: np.ndarray | None = None
    proposals: np.ndarray | None = None
    batch: int | None = 1
    types: tuple[str, str] = ("float32", "float32")
    float_layers: frozenset[str] = frozenset()
    select_tf_ops: bool = False
    ending: Callable[[dict[str, Any]], dict[str, Any]] | None = None


def check_model(model: "keras.Model", proposals: bool = False) -> None:
    """Refuse what cannot be exported; or, unless ``proposals`` are welcome, what takes more than images.

    Raises
    ------
    ValueError
        When the model does not map images of one size to outputs that have names, or Keras does not run on TensorFlow.
    """
    need_tensorflow("Export", "Save the model as .keras and export that file with KERAS_BACKEND=tensorflow.")
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise ValueError(
            f"Model {model.name!r} is not drawn yet: export takes a functional or a built sequential model."
        )
    try:
        _, *beside = inputs_of((x.name, x) for x in inputs)
        count_of([tuple(x.shape) for x in beside])
    except ValueError as error:
        raise ValueError(
            f"Model {model.name!r} has {len(inputs)} inputs; export takes models of one image input, and perhaps of "
            f"{PROPOSALS!r}, (None, N, 4), behind it. Wrap what you need: keras.Model(image, outputs)."
        ) from error
    if beside and not proposals:
        raise ValueError(
            f"Model {model.name!r} looks at boxes that are given with each image, and only export, verify, evaluate "
            "and predict pass these on."
        )
    try:
        output_names(model)
    except ValueError as error:
        raise ValueError(f"Model {model.name!r} cannot be exported: {error}") from error
    shape = tuple(inputs[0].shape)
    if len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            f"Model {model.name!r} takes inputs of shape {shape}; export needs images of one size, (None, H, W, C). "
            f"Build it for that size and copy the weights: set_weights(model.get_weights())."
        )


def with_named_outputs(model: "keras.Model") -> "keras.Model":
    """The same layers and weights; outputs that came in a list have names, which last when layers are redrawn."""
    outputs = getattr(model, "output", None)
    if not isinstance(outputs, list) or len(outputs) < 2:
        return model
    import keras  # here, because it takes seconds

    return keras.Model(model.input, outputs_by_name(model, outputs), name=model.name)


def proposals_of(model: "keras.Model") -> int:
    """How many boxes to be looked at a model takes with each image; 0: it takes images alone."""
    return model.inputs[1].shape[1] if len(model.inputs) > 1 else 0


def inference_function(request: ExportRequest, dtype: str = "float32") -> Any:
    """The model as a ``tf.function`` of images, (batch, H, W, C), that returns its outputs by name.

    Of a model that takes proposals they are its second argument, (batch, N, 4) float32.
    """
    import tensorflow as tf

    model, count = request.model, proposals_of(request.model)
    images = tf.TensorSpec((request.batch, *model.inputs[0].shape[1:]), dtype, name="image")
    boxes = tf.TensorSpec((request.batch, count, 4), "float32", name=PROPOSALS)

    def infer(image: Any) -> dict[str, Any]:
        return answered(tf.cast(image, "float32"))

    def infer_with(image: Any, proposals: Any) -> dict[str, Any]:
        return answered([tf.cast(image, "float32"), proposals])

    def answered(given: Any) -> dict[str, Any]:
        outputs = outputs_by_name(model, model(given, training=False))
        if request.ending is None:
            return outputs
        with tf.name_scope(ENDING):
            return request.ending(outputs)

    if count:
        return tf.function(infer_with, input_signature=[images, boxes])
    return tf.function(infer, input_signature=[images])
