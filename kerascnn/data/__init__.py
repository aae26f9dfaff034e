"""The data room: from a source to batches a network can eat. ``sources`` is the table of the ways in.

``pipeline``, ``images`` and the augmentations need TensorFlow.
"""

from kerascnn.data.sources import open_data
from kerascnn.data.split import Data, Split

__all__ = ["Data", "Split", "open_data"]
