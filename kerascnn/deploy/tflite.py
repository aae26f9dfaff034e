"""TensorFlow Lite files, in five precisions. They hold built-in operators only, or TensorFlow's own where allowed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.deploy.certificate import SELECT, ExportError
from kerascnn.deploy.function import inference_function
from kerascnn.deploy.islands import with_islands
from kerascnn.deploy.order import Order
from kerascnn.graph.fake_quantised import is_fake_quantised


def write_float32(order: Order, path: Path) -> None:
    """Weights and arithmetic in float32."""
    _write(_converter(order).convert, path)


def write_float16(order: Order, path: Path) -> None:
    """Weights in float16, half the size; a CPU computes in float32, a GPU may in float16."""
    import tensorflow as tf

    converter = _converter(order)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    _write(converter.convert, path)


def write_dynamic(order: Order, path: Path) -> None:
    """Weights of 1024 values or more in int8; activations are quantised while the file runs."""
    import tensorflow as tf

    converter = _converter(order)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    _write(converter.convert, path)


def write_int8(order: Order, path: Path) -> None:
    """Everything in integers of 8 bits; kernels per channel.

    The images set the ranges of activations, unless the network has learned them: ``quantize_aware``.
    """
    learned = is_fake_quantised(order.model)
    converter = _of_integers(order) if learned else _calibrated(order, ["TFLITE_BUILTINS_INT8"])
    _write((lambda: with_islands(converter, order)) if order.float_layers else converter.convert, path)


def write_int16x8(order: Order, path: Path) -> None:
    """Activations in int16, weights in int8 per channel. What has no kernel in int16, as hard swish, stays float32."""
    _write(
        _calibrated(order, ["EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8", "TFLITE_BUILTINS"]).convert,
        path,
    )


def _converter(order: Order, operators: Sequence[str] = ("TFLITE_BUILTINS",), dtype: str = "") -> Any:
    import tensorflow as tf

    function = inference_function(order, dtype or order.types[0]).get_concrete_function()
    # The converter freezes the variables that it sees, and into those of Keras it does not see.
    variables = tf.train.Checkpoint(variables=[variable.value for variable in order.model.variables])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], variables)
    operators = [*operators, *(["SELECT_TF_OPS"] if order.select_tf_ops else [])]
    converter.target_spec.supported_ops = [tf.lite.OpsSet[name] for name in operators]
    return converter


def _calibrated(order: Order, operators: Sequence[str]) -> Any:
    if (images := order.images) is None:
        shape = ", ".join(map(str, order.model.inputs[0].shape[1:]))
        raise ValueError(
            f"A file of integers needs images to measure the ranges of activations: pass calibration=images, "
            f"about 100 preprocessed training images, float32 of shape (N, {shape})."
        )
    converter = _of_integers(order, operators)
    converter.representative_dataset = lambda: ([np.repeat(image[None], order.batch or 1, axis=0)] for image in images)
    return converter


def _of_integers(order: Order, operators: Sequence[str] = ("TFLITE_BUILTINS",)) -> Any:
    import tensorflow as tf

    from kerascnn.graph.decompose import decompose

    # What is no single operator has parts that integers have no kernel for, or that round too early.
    converter = _converter(replace(order, model=decompose(order.model)), operators, "float32")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type, converter.inference_output_type = map(tf.dtypes.as_dtype, order.types)
    return converter


def _write(convert: Callable[[], bytes], path: Path) -> None:
    try:
        path.write_bytes(convert())
    except Exception as error:  # the class that the converter raises is not public
        lacking = dict(re.findall(r"(TF Select|Custom) ops: (.+)", str(error)))
        names = ", ".join(lacking.values())
        reason = f"it has no built-in operator for {names}" if names else str(error).splitlines()[0]
        way = f" {SELECT}" if [*lacking] == ["TF Select"] else ""
        raise ExportError(f"TensorFlow Lite cannot hold this network: {reason}.{way}") from error
