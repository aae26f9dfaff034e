"""Model files, run in the runtime they are made for: what a phone or a server computes, computed here."""

from kerascnn.runtime.runner import (
    Runner,
    check_images,
    dequantised,
    existing,
    keras_runner,
    latency,
    load_keras,
    onnx_dtype,
    open_model,
    quantised,
    quiet,
    reading,
    takes_pixels,
    typed,
)

__all__ = [
    "Runner",
    "check_images",
    "dequantised",
    "existing",
    "keras_runner",
    "latency",
    "load_keras",
    "onnx_dtype",
    "open_model",
    "quantised",
    "quiet",
    "reading",
    "takes_pixels",
    "typed",
]
