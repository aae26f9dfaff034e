"""What a classifier's outputs may be: probabilities, or logits."""

import numpy as np

TINY = 1e-7  # the least probability a loss is taken of, as in Keras: a quantised output can be exactly 0
SLACK = 0.05  # how far a row of probabilities may sum from 1: eight-bit outputs are rounded one by one


def are_probabilities(outputs: np.ndarray) -> bool:
    """Whether every row of (N, classes) outputs is a distribution, as nearly as eight bits can say."""
    bounded = outputs.min() >= 0 and outputs.max() <= 1 + SLACK
    return bool(bounded and np.abs(outputs.sum(axis=1) - 1).max() <= SLACK)


def probabilities(outputs: np.ndarray) -> np.ndarray:
    """(N, classes) the outputs, or their softmax where they are none, for then they are taken for logits."""
    return outputs if are_probabilities(outputs) else softmax(outputs)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows of probabilities, (N, classes), computed in 64 bits."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return raised / raised.sum(axis=1, keepdims=True)
