"""From a row of a paper's table to a Keras model."""

from kerascnn.networks.architecture import Architecture
from kerascnn.networks.codec import decode_row, encode_row

__all__ = ["Architecture", "decode_row", "encode_row"]
