"""What turns a map of patches into a row of tokens and back. Dosovitskiy et al. 2020, section 3.1."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class ClassToken(keras.layers.Layer):
    """Put one learned token before the others: ``(B, N, D)`` to ``(B, 1 + N, D)``."""

    def build(self, input_shape):
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), initializer="zeros", name="token")

    def call(self, x):
        shape: Any = ops.shape(x)
        return ops.concatenate([ops.broadcast_to(self.token, (shape[0], 1, shape[2])), x], axis=1)

    def compute_output_shape(self, input_shape):
        batch, tokens, width = input_shape
        return (batch, None if tokens is None else tokens + 1, width)


@keras.saving.register_keras_serializable("kerascnn")
class PositionEmbedding(keras.layers.Layer):
    """Add to each token what was learned for its place.

    Tokens ``(B, 1 + H * W, D)`` and the map ``(B, H, W, D)`` that they were cut from, to tokens of the same shape.
    """

    def build(self, input_shapes):
        tokens, patches = input_shapes
        self.grid = tuple(patches[1:3])
        start = keras.initializers.RandomNormal(stddev=0.02)
        self.position = self.add_weight(shape=(1, *tokens[1:]), initializer=start, name="position")

    def call(self, inputs):
        return inputs[0] + self.position

    def compute_output_shape(self, input_shapes):
        return input_shapes[0]

    def resized(self, value):
        """Positions learned for another grid, ``(1, 1 + h * w, D)``, as this layer's."""
        return resize_positions(value, self.grid)


@keras.saving.register_keras_serializable("kerascnn")
class FirstToken(keras.layers.Layer):
    """The first token alone: ``(B, N, D)`` to ``(B, D)``."""

    def call(self, x):
        return x[:, 0]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])


@keras.saving.register_keras_serializable("kerascnn")
class TokensToMap(keras.layers.Layer):
    """Lay the tokens after the first out as the map they were cut from.

    Tokens ``(B, 1 + H * W, D)`` and that map, ``(B, H, W, D)``, to ``(B, H, W, D)``.
    """

    def call(self, inputs):
        tokens, patches = inputs
        shape: Any = ops.shape(patches)
        return ops.reshape(tokens[:, 1:], (-1, *shape[1:]))

    def compute_output_shape(self, input_shapes):
        return input_shapes[1]


def resize_positions(value: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """A position embedding for a square grid of patches as one for another grid; bicubic, smoothed where it shrinks.

    From ``(1, 1 + side * side, D)`` to ``(1, 1 + height * width, D)``, of a ``grid`` of height and width in patches.
    The first position is the class token's and stays. An old grid that is not square is refused.
    """
    side = round((value.shape[1] - 1) ** 0.5)
    if side * side != value.shape[1] - 1:
        raise ValueError(f"{value.shape[1]} positions are not those of one token and a square grid of patches.")
    old = value[0, 1:].reshape(side, side, -1)
    new = np.einsum("yi,xj,ijd->yxd", bicubic(side, grid[0]), bicubic(side, grid[1]), old)
    return np.concatenate([value[:, :1], new.reshape(1, -1, value.shape[2])], axis=1).astype(value.dtype)


def bicubic(old: int, new: int) -> np.ndarray:
    """How much each of ``old`` points gives to each of ``new``, ``(new, old)``, by Keys' kernel with a = -1/2.

    Where points get fewer the kernel is as many times wider, as Pillow and PyTorch's antialiasing have it.
    """
    width = max(old / new, 1)
    centres = (np.arange(new) + 0.5) * old / new
    t = np.abs(np.arange(old) + 0.5 - centres[:, None]) / width
    near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    weights = np.where(t < 1, near, np.where(t < 2, far, 0))
    return weights / weights.sum(axis=1, keepdims=True)
