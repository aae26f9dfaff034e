"""The way back: a network's values in the layout of another implementation."""

from collections.abc import Mapping

import keras
import numpy as np

from kerascnn.ledger import Entry
from kerascnn.spec import Row
from kerascnn.weights.fill import map_foreign
from kerascnn.weights.load import TORCH_SOURCES, table


def to_source(model: keras.Model, row: Row, entry: Entry, like: Mapping[str, np.ndarray]) -> dict:
    """The values of ``model`` by the keys of another implementation.

    Parameters
    ----------
    model, row
        A network with its classifier, and its row.
    entry
        The implementation, as the ledger has it.
    like
        Its own values: names, shapes and what the model lacks are taken from them; biases before batch norm become 0.
    """
    mappings = map_foreign(model, table(row, entry), entry.source in TORCH_SOURCES, like)
    values = {key: np.array(value) for key, value in like.items()}
    for mapping in mappings:
        if mapping.bias in values:
            values[mapping.bias][...] = 0
    for mapping in mappings:  # converting the numbers 0, 1, 2 ... tells which number of the source each of ours is
        if mapping.key in values:
            order = mapping.convert(np.arange(values[mapping.key].size).reshape(values[mapping.key].shape))
            values[mapping.key].flat[order.ravel()] = np.ravel(mapping.variable)
    return values
