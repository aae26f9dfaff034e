"""Model files, run in the runtime they are made for: what a phone or a server computes, computed here."""

from kerascnn.runtime.backend import need_tensorflow
from kerascnn.runtime.gradients import gradients_of_graphs
from kerascnn.runtime.keras import keras_runner, load_keras, output_names, outputs_by_name
from kerascnn.runtime.making import draw, undrawn
from kerascnn.runtime.onnx import onnx_dtype
from kerascnn.runtime.open import open_model
from kerascnn.runtime.recursion import deep_graphs
from kerascnn.runtime.runner import (
    LOGITS,
    OUTPUT,
    Runner,
    check_images,
    existing,
    latencies,
    quiet,
    reading,
    takes_pixels,
    typed,
)
from kerascnn.runtime.tflite import dequantised, open_tflite, quantised

__all__ = [
    "LOGITS",
    "OUTPUT",
    "Runner",
    "check_images",
    "deep_graphs",
    "dequantised",
    "draw",
    "existing",
    "gradients_of_graphs",
    "keras_runner",
    "latencies",
    "load_keras",
    "need_tensorflow",
    "onnx_dtype",
    "open_model",
    "open_tflite",
    "output_names",
    "outputs_by_name",
    "quantised",
    "quiet",
    "reading",
    "takes_pixels",
    "typed",
    "undrawn",
]
