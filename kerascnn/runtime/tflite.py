"""``.tflite`` files, run in LiteRT; TensorFlow's own operators in them, called Flex, in TensorFlow."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import need
from kerascnn.runtime import flex
from kerascnn.runtime.runner import (
    Runner,
    count_of,
    image_shape,
    inputs_of,
    named,
    quiet,
    reading,
    rounded,
    takes_pixels,
)


def open_tflite(path: Path, threads: int | None, *, reference: bool = False) -> Runner:
    """Load a ``.tflite`` file. Outputs have the names of its signature, or else of its tensors.

    ``reference`` asks for LiteRT's plain kernels, which are slow, instead of the fast ones that it has for this CPU.
    """
    threads = threads or os.cpu_count()
    litert = need("ai_edge_litert.interpreter", "litert", "Running a .tflite file")
    with reading(path, "a TensorFlow Lite model"), quiet():
        kernels = litert.OpResolverType.BUILTIN_REF if reference else litert.OpResolverType.AUTO
        interpreter = litert.Interpreter(str(path), num_threads=threads, experimental_op_resolver_type=kernels)
        image, *beside = inputs_of((each["name"], each) for each in interpreter.get_input_details())
        outputs = outputs_of(interpreter)
        batch, shape = image_shape(image["shape_signature"].tolist())
        count = count_of([each["shape_signature"].tolist() for each in beside])
        scales = {name: scale_of(interpreter, each) for name, each in outputs.items()}
        if flex.holds_flex(interpreter):
            steps = list(flex.steps(path, threads))
        else:
            ends = ([each["index"] for each in given] for given in ([image, *beside], outputs.values()))
            steps = [flex.litert_step(interpreter, *ends)]

    def infer(*given: np.ndarray) -> dict[str, np.ndarray]:
        values = {each["index"]: quantised(rows, each) for each, rows in zip([image, *beside], given, strict=True)}
        for step in steps:
            values |= step(values)
        return {name: dequantised(values[each["index"]], each) for name, each in outputs.items()}

    dtype = image["dtype"].__name__
    return Runner(
        path,
        "tflite",
        shape,
        batch,
        infer,
        steps={name: scale for name, scale in scales.items() if scale},
        types=(dtype, *dict.fromkeys(each["dtype"].__name__ for each in outputs.values())),
        pixels=takes_pixels(dtype, image["quantization"][0]),
        proposals=count,
    )


def outputs_of(interpreter: Any) -> dict[str, dict[str, Any]]:
    """The details of each output, by name."""
    details = {each["index"]: each for each in interpreter.get_output_details()}
    signatures = list(interpreter._get_full_signature_list().values())
    found = signatures[0]["outputs"] if signatures else {each["name"]: index for index, each in details.items()}
    return {name: details[index] for name, index in zip(named(list(found)), found.values(), strict=True)}


def output_order(path: Path) -> list[str]:
    """The names of the outputs of a ``.tflite`` file in the order in which the file itself has them."""
    litert = need("ai_edge_litert.interpreter", "litert", "Running a .tflite file")
    with reading(path, "a TensorFlow Lite model"), quiet():
        interpreter = litert.Interpreter(str(path))
        names = {each["index"]: name for name, each in outputs_of(interpreter).items()}
        return [names[each["index"]] for each in interpreter.get_output_details()]


def scale_of(interpreter: Any, output: dict[str, Any]) -> float:
    """The step of an output that is quantised, or that was until the file's last operator made floats of it; else 0."""
    for operator in interpreter._get_ops_details():
        if operator["op_name"] == "DEQUANTIZE" and output["index"] in operator["outputs"]:
            details = {each["index"]: each for each in interpreter.get_tensor_details()}
            return float(details[operator["inputs"][0]]["quantization"][0])
    return float(output["quantization"][0])


def quantised(values: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    """Values as a tensor of a ``.tflite`` file holds them, by its details."""
    if tensor["dtype"] == np.float32:
        return values
    scale, zero_point = tensor["quantization"]
    return rounded(values / (scale or 1) + zero_point, tensor["dtype"])


def dequantised(values: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    """What a tensor of a ``.tflite`` file stands for, float32."""
    scale, zero_point = tensor["quantization"]
    values = values.astype(np.float32, copy=False)
    return (values - zero_point) * np.float32(scale) if scale else values
