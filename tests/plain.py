"""Plain NumPy readings of what every paper uses, to hold drawings against."""

import numpy as np


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
    """A convolution of odd size that keeps the map's: (B, H, W, C) and (h, w, C, F) to (B, H, W, F)."""
    height, width = kernel.shape[:2]
    up, left = height // 2, width // 2
    padded = np.pad(x, ((0, 0), (up, up), (left, left), (0, 0)))
    out = np.zeros((*x.shape[:3], kernel.shape[3])) + bias
    for i in range(height):
        for j in range(width):
            out += padded[:, i : i + x.shape[1], j : j + x.shape[2]] @ kernel[i, j]
    return out


def normalise(x: np.ndarray, gamma, beta, mean, variance, epsilon: float) -> np.ndarray:
    """Batch norm at inference."""
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)
