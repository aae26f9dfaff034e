"""Some of the channels. Ma et al. 2018, ShuffleNet V2, figure 3c, splits a map with it."""

import keras


@keras.saving.register_keras_serializable("kerascnn")
class ChannelSlice(keras.layers.Layer):
    """Channels ``start`` to ``stop``, the latter left out: ``(B, H, W, C)`` to ``(B, H, W, stop - start)``."""

    def __init__(self, start, stop, **kwargs):
        super().__init__(**kwargs)
        self.start, self.stop = start, stop

    def build(self, input_shape):
        if not 0 <= self.start < self.stop <= input_shape[-1]:
            raise ValueError(f"There are no channels {self.start} to {self.stop} in a map of {input_shape[-1]}.")

    def call(self, x):
        return x[..., self.start : self.stop]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.stop - self.start)

    def get_config(self):
        return {**super().get_config(), "start": self.start, "stop": self.stop}
