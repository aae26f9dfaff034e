"""TensorFlow Lite files, in four precisions. All hold built-in operators only: no Flex, no custom ones."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.deploy.certificate import ExportError
from kerascnn.deploy.function import inference_function

if TYPE_CHECKING:
    import keras


def write_float32(model: "keras.Model", path: Path, images: np.ndarray | None) -> None:
    """Weights and arithmetic in float32."""
    _write(_converter(model), path)


def write_float16(model: "keras.Model", path: Path, images: np.ndarray | None) -> None:
    """Weights in float16, half the size; a CPU computes in float32, a GPU may in float16."""
    import tensorflow as tf

    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    _write(converter, path)


def write_dynamic(model: "keras.Model", path: Path, images: np.ndarray | None) -> None:
    """Weights of 1024 values or more in int8; activations are quantised while the file runs."""
    import tensorflow as tf

    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    _write(converter, path)


def write_int8(model: "keras.Model", path: Path, images: np.ndarray | None) -> None:
    """Everything in int8, input and output too; kernels per channel. ``images`` set the ranges of activations."""
    import tensorflow as tf

    if images is None:
        shape = ", ".join(map(str, model.inputs[0].shape[1:]))
        raise ValueError(
            f"tflite-int8 needs images to measure the ranges of activations: pass calibration=images, "
            f"about 100 preprocessed training images, float32 of shape (N, {shape})."
        )
    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    _write(converter, path)


def _converter(model: "keras.Model") -> Any:
    import tensorflow as tf

    function = inference_function(model).get_concrete_function()
    # The converter freezes the variables that it sees, and into those of Keras it does not see.
    variables = tf.train.Checkpoint(variables=[variable.value for variable in model.variables])
    return tf.lite.TFLiteConverter.from_concrete_functions([function], variables)


def _write(converter: Any, path: Path) -> None:
    try:
        path.write_bytes(converter.convert())
    except Exception as error:  # the class that the converter raises is not public
        lacking = re.search(r"(?:Custom|Flex) ops: (.+)", str(error))
        reason = f"it has no built-in operator for {lacking[1]}" if lacking else str(error).splitlines()[0]
        raise ExportError(f"TensorFlow Lite cannot hold this network: {reason}.") from error
