"""How good a classifier is, whoever runs it: a Keras model, a TFLite or an ONNX file, anything that maps arrays."""

from kerascnn.evaluation.metrics import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
