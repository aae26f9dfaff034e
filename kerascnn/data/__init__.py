"""Data sets: from stored images to the batches that a network takes.

``open`` has the table of sources. ``pipeline``, ``images`` and ``transforms`` need TensorFlow.
"""

from kerascnn.data.dataset import Data, Source, Split
from kerascnn.data.open import open_data, open_source

__all__ = ["Data", "Source", "Split", "open_data", "open_source"]
