"""``.onnx`` files, run in onnxruntime."""

from pathlib import Path

import numpy as np

from kerascnn.errors import need
from kerascnn.runtime.runner import Runner, count_of, image_shape, inputs_of, named, reading, takes_pixels, typed


def open_onnx(path: Path, threads: int | None) -> Runner:
    """Load an ``.onnx`` file for the CPU."""
    runtime = need("onnxruntime", "onnx", "Running an .onnx file")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or 0  # 0: as many as there are cores
    options.log_severity_level = 4  # what is wrong comes as an exception
    with reading(path, "an ONNX model"):
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        image, *beside = inputs_of((x.name, x) for x in session.get_inputs())
        outputs = session.get_outputs()
        names = named([output.name for output in outputs])
        batch, shape = image_shape(image.shape)
        count = count_of([x.shape for x in beside])
        dtype = onnx_dtype(image.type)
        types = (dtype, *dict.fromkeys(onnx_dtype(output.type) for output in outputs))

    def infer(images: np.ndarray, *proposals: np.ndarray) -> dict[str, np.ndarray]:
        given = {image.name: typed(images, dtype), **{x.name: rows for x, rows in zip(beside, proposals, strict=True)}}
        return dict(zip(names, session.run(None, given), strict=True))

    return Runner(path, "onnx", shape, batch, infer, types=types, pixels=takes_pixels(dtype), proposals=count)


def onnx_dtype(onnx: str) -> str:
    """NumPy's name of a type that onnxruntime writes as "tensor(float)"."""
    name = onnx.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(name, name)
