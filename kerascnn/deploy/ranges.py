"""The ranges of what a network computes, which integers are to hold.

TensorFlow Lite's calibrator looks at the inputs of an operator before it runs, and once more behind it: ``LoggingEval``
in tensorflow/lite/tools/optimize/calibration/calibrator.cc. One that works in place has then written its output over
its input, so that exponentials get the range of the product that they go into, and a residual branch that of the sum.
Here the calibrator only makes room for ranges, which are measured where every tensor has memory of its own.
"""

import os
from itertools import islice
from typing import Any

import numpy as np

from kerascnn.errors import need


def measured(converter: Any) -> bytes:
    """The model of a converter in floats, with the range of each of its tensors on the representative images."""
    images = converter.representative_dataset
    converter.representative_dataset = lambda: islice(images(), 1)
    converter._experimental_calibrate_only = True
    content = bytearray(converter.convert())
    litert = need("ai_edge_litert.interpreter", "litert", "Measuring the ranges of activations")
    schema = need("ai_edge_litert.schema_py_generated", "litert", "Measuring the ranges of activations")
    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    tensors = {index: graph.Tensors(index).Quantization() for index in range(graph.TensorsLength())}
    ranges = {index: each for index, each in tensors.items() if each is not None and each.MinLength() == 1}
    interpreter = litert.Interpreter(
        model_content=bytes(content),
        num_threads=os.cpu_count(),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    places = [each["index"] for each in interpreter.get_input_details()]
    low, high = dict.fromkeys(ranges, np.inf), dict.fromkeys(ranges, -np.inf)
    for batch in images():
        for place, rows in zip(places, batch, strict=True):
            interpreter.set_tensor(place, rows)
        interpreter.invoke()
        for index in ranges:
            values = interpreter.get_tensor(index)
            low[index], high[index] = min(low[index], values.min()), max(high[index], values.max())
    for index, each in ranges.items():
        each.MinAsNumpy()[0], each.MaxAsNumpy()[0] = low[index], high[index]
    return bytes(content)
