"""The zeros of padding "same", as a layer of their own."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class SamePadding2D(keras.layers.ZeroPadding2D):
    """Zeros round a map, where padding "same" would put them for a window of ``size`` at ``stride``.

    ``(B, H, W, C)`` to ``(B, H + h, W + w, C)``: how many depends on the size of the map, which need not be known
    before. Pools pad nothing that counts; behind this layer the zeros are numbers of the map.
    """

    def __init__(self, size, stride, **kwargs):
        super().__init__(0, data_format="channels_last", **kwargs)
        if not 1 <= stride <= size:
            raise ValueError(f"A window of {size} pixels cannot move by {stride}: that skips pixels, or stands still.")
        self.size, self.stride = size, stride

    def build(self, input_shape):
        if None not in input_shape[1:3]:
            self.padding = self.border(input_shape)

    def border(self, shape: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Zeros above and below, left and right of a map of this shape."""
        height, width = (same_border(side, self.size, self.stride) for side in shape[1:3])
        return height, width

    def call(self, x):
        if None not in x.shape[1:3]:
            return ops.pad(x, [(0, 0), *self.border(x.shape), (0, 0)])
        before, after = (self.size - 1) // 2, self.size // 2  # the most there can be; what is too much is cut
        shape: Any = ops.shape(x)
        (top, bottom), (left, right) = self.border(shape)
        padded: Any = ops.pad(x, [(0, 0), (before, after), (before, after), (0, 0)])
        return padded[:, before - top : before + shape[1] + bottom, before - left : before + shape[2] + right]

    def compute_output_shape(self, input_shape):
        sides = [side and side + sum(same_border(side, self.size, self.stride)) for side in input_shape[1:3]]
        return (input_shape[0], *sides, input_shape[3])

    def get_config(self):
        config = super().get_config()
        del config["padding"], config["data_format"]  # which follow from the map
        return config | {"size": self.size, "stride": self.stride}


def same_border(side: Any, size: int, stride: int) -> tuple[Any, Any]:
    """Zeros before and after so many pixels where padding "same" has them, for a window no smaller than its stride."""
    total = size - 1 - (side - 1) % stride
    return total // 2, total - total // 2
