"""The data room: from a source to batches a network can eat. ``sources`` is the table of the ways in.

``pipeline``, ``images`` and the augmentations need TensorFlow.
"""

from kerascnn.data.dataset import Data, Source, Split
from kerascnn.data.open import open_data, open_source

__all__ = ["Data", "Source", "Split", "open_data", "open_source"]
