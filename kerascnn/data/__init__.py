"""The data room: from a name or a folder to batches a network can eat. ``pipeline`` and ``images`` need TensorFlow."""

from kerascnn.data.sources import Data, Split, open_data

__all__ = ["Data", "Split", "open_data"]
