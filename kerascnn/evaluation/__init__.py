"""What a model's answers are worth, whoever runs it: a Keras model, a TFLite or an ONNX file. It knows no task."""

from kerascnn.evaluation.loop import Evaluator, evaluate
from kerascnn.evaluation.robustness import Robustness, robustness

__all__ = ["Evaluator", "Robustness", "evaluate", "robustness"]
