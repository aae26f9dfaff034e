"""A model in segments, for a training that holds only what passes from one to the next: where to cut it."""

from dataclasses import dataclass
from math import prod
from typing import Any

import keras
import numpy as np

from kerascnn.graph.graph import Graph

FINER = 1.1  # from one limit of what a segment makes to the next that is tried


@dataclass(frozen=True)
class Segment:
    """A stretch of a model as a model of its own, which shares the layers.

    Attributes
    ----------
    takes
        The tensors of the whole model's graph that go in: its input, or what earlier segments give.
    gives
        Those that come out: what later segments take, and outputs of the whole model.
    """

    model: keras.Model
    takes: tuple[Any, ...]
    gives: tuple[Any, ...]


def segments(model: keras.Model, shape: tuple[int, int, int]) -> list[Segment]:
    """Cut a model where what passes between segments and the features of the largest are fewest numbers together.

    So many a training holds at a time that computes the features of a segment again for its gradients. Chen et al.
    2016, https://arxiv.org/abs/1604.06174, whose segments are equally long.

    Parameters
    ----------
    shape
        Of one image, (H, W, C), for a model that takes images of any size.

    Raises
    ------
    ValueError
        When the model shows no graph.
    """
    graph = Graph(model)
    count = len(graph.calls)
    size = sizes_of(graph, shape)
    last = {id(x): place for place, call in enumerate(graph.calls) for x in call.inputs}
    made = np.array([sum(size[id(x)] for x in call.outputs) for call in graph.calls], float)
    passed = np.zeros((count, count))  # by where it is made, what is taken after each place
    for place, call in enumerate(graph.calls):
        for x in call.outputs:
            passed[place, place : last.get(id(x), place)] += size[id(x)] if "float" in x.dtype else np.inf
    ends = [*cuts(made, passed), count - 1]
    return [segment(graph, last, begin + 1, end) for begin, end in zip([-1, *ends], ends, strict=False)]


def segment(graph: Graph, last: dict[int, int], begin: int, end: int) -> Segment:
    """The calls from place ``begin`` to ``end``; ``last`` says where a tensor is taken for the last time."""
    calls = graph.calls[begin : end + 1]
    made = {id(x): x for call in calls for x in call.outputs}
    takes = {id(x): x for call in calls for x in call.inputs if id(x) not in made}
    if begin == 0:
        takes = {id(x): x for x in graph.model.inputs}
    gives = [x for key, x in made.items() if graph.is_output(x) or last.get(key, -1) > end]
    return Segment(keras.Model([*takes.values()], gives), tuple(takes.values()), tuple(gives))


def sizes_of(graph: Graph, shape: tuple[int, int, int]) -> dict[int, int]:
    """The numbers of each tensor for one image, by the tensor's id."""
    tensors = [x for call in graph.calls for x in call.outputs]
    image = keras.KerasTensor((1, *shape), graph.model.inputs[0].dtype)
    drawn: Any = keras.Function(graph.model.inputs, tensors).compute_output_spec([image])
    return {id(x): prod(known.shape) for x, known in zip(tensors, drawn, strict=True)}


def cuts(made: np.ndarray, passed: np.ndarray) -> list[int]:
    """The places after which to cut, for the least sum of all that is passed and of the most that a segment makes.

    For one limit after the other on what a segment makes, the cuts that pass least are found from front to back.

    Parameters
    ----------
    made
        (N,) numbers that each call makes.
    passed
        (N, N) numbers made by the call of the row and taken behind that of the column; infinite where no cut may be.
    """
    count = len(made)
    until = np.concatenate([[0], np.cumsum(made)])  # before each place
    since = np.cumsum(passed[::-1], axis=0)[::-1]  # made at the row's place or later, and passed by the column's
    least, chosen, limit = until[-1], [], until[-1]
    while limit >= made.max():
        best, before = np.zeros(count + 1), np.zeros(count + 1, int)
        for end in range(1, count + 1):
            first = int(np.searchsorted(until, until[end] - limit))
            costs = best[first:end] + (since[first:end, end - 1] if end < count else 0)
            before[end] = first + int(np.argmin(costs))
            best[end] = costs[before[end] - first]
        places = [count]
        while before[places[-1]]:
            places.append(int(before[places[-1]]))
        largest = max(np.diff(until[[0, *places[::-1]]]))
        if np.isfinite(best[count]) and best[count] + largest < least:
            least, chosen = best[count] + largest, [place - 1 for place in places[:0:-1]]
        limit = min(limit, largest) / FINER
    return chosen
