"""TensorFlow Lite files, in five precisions. They hold built-in operators only, or TensorFlow's own where allowed."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.deploy.float_layers import quantiser
from kerascnn.deploy.measurable import need_measurable
from kerascnn.deploy.request import ExportRequest, inference_function
from kerascnn.deploy.verification import SELECT, ExportError
from kerascnn.graph.fake_quantised import is_fake_quantised


def write_float32(request: ExportRequest, path: Path) -> None:
    """Weights and arithmetic in float32."""
    write(converter_of(request).convert, path)


def write_float16(request: ExportRequest, path: Path) -> None:
    """Weights in float16, half the size; a CPU computes in float32, a GPU may in float16."""
    import tensorflow as tf

    converter = converter_of(request)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    write(converter.convert, path)


def write_dynamic(request: ExportRequest, path: Path) -> None:
    """Weights of 1024 values or more in int8; activations are quantised while the file runs."""
    import tensorflow as tf

    converter = converter_of(request)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    write(converter.convert, path)


def write_int8(request: ExportRequest, path: Path) -> None:
    """Everything in integers of 8 bits; kernels per channel.

    The images set the ranges of activations, unless the network has learned them: ``quantize_aware``.
    """
    converter, learned = int8_converter(request), is_fake_quantised(request.model)
    write(converter.convert if learned else lambda: quantiser(converter, request)(request.float_layers), path)


def int8_converter(request: ExportRequest) -> Any:
    """What converts a request to integers of 8 bits, calibrated unless the network has learned its ranges."""
    learned = is_fake_quantised(request.model)
    return integer_converter(request) if learned else calibrated(request, ["TFLITE_BUILTINS_INT8"])


def write_int16x8(request: ExportRequest, path: Path) -> None:
    """Activations in int16, weights in int8 per channel. What has no kernel in int16, as ELU, stays float32.

    Raises ``ExportError`` for a file that is to choose boxes, which is done in floats.
    """
    if request.ending:
        raise ExportError("a file of int16 is of integers throughout, and boxes are chosen in floats. Take tflite-int8")
    operators = ["EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8", "TFLITE_BUILTINS"]
    write(calibrated(request, operators).convert, path)


def converter_of(request: ExportRequest, operators: Sequence[str] = ("TFLITE_BUILTINS",), dtype: str = "") -> Any:
    import tensorflow as tf

    from kerascnn.graph.graph import leaves

    if names := [layer.name for layer in leaves(request.model) if getattr(layer, "quantization_mode", None)]:
        raise ExportError(
            f"TensorFlow Lite cannot hold {names[0]!r}, which Keras has quantised: export the network that it was made "
            "of, as tflite-int8 for a file of integers"
        )
    function = inference_function(request, dtype or request.types[0]).get_concrete_function()
    # The converter freezes the variables that it sees, and into those of Keras it does not see.
    variables = tf.train.Checkpoint(variables=[variable.value for variable in request.model.variables])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], variables)
    operators = [*operators, *(["SELECT_TF_OPS"] if request.select_tf_ops else [])]
    converter.target_spec.supported_ops = [tf.lite.OpsSet[name] for name in operators]
    return converter


def calibrated(request: ExportRequest, operators: Sequence[str]) -> Any:
    if (images := request.images) is None:
        shape = ", ".join(map(str, request.model.inputs[0].shape[1:]))
        raise ValueError(
            f"A file of integers needs images to measure the ranges of activations: pass calibration=images, "
            f"about 100 preprocessed training images, float32 of shape (N, {shape})."
        )
    need_measurable(request, images)
    converter = integer_converter(request, operators)
    rows = [images] if request.proposals is None else [images, request.proposals]
    converter.representative_dataset = lambda: (
        [np.repeat(each[None], request.batch or 1, axis=0) for each in of_image] for of_image in zip(*rows, strict=True)
    )
    return converter


def integer_converter(request: ExportRequest, operators: Sequence[str] = ("TFLITE_BUILTINS",)) -> Any:
    import tensorflow as tf

    converter = converter_of(request, operators, "float32")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type, converter.inference_output_type = map(tf.dtypes.as_dtype, request.types)
    return converter


def write(convert: Callable[[], bytes], path: Path) -> None:
    try:
        content = convert()
    except (OSError, MemoryError):  # a full disk says nothing of the network
        raise
    except Exception as error:  # the class that the converter raises is not public
        missing = dict(re.findall(r"(TF Select|Custom) ops: (.+)", str(error)))
        names = ", ".join(missing.values())
        reason = f"it has no built-in operator for {names}" if names else str(error).splitlines()[0]
        way = f" {SELECT}" if [*missing] == ["TF Select"] else ""
        if "BitwiseAnd" in names or "Bitcast" in names:
            way = " keras.ops.argmax is made of it: let the network put out its scores, and take the largest outside."
        raise ExportError(f"TensorFlow Lite cannot hold this network: {reason}.{way}") from error
    path.write_bytes(content)
