"""Structured pruning: whole filters leave the network, which is then really smaller and faster.

Li et al. 2016, Pruning filters for efficient ConvNets, https://arxiv.org/abs/1608.08710: those whose weights have the
least sum of absolute values go. Or Liu et al. 2017, Network slimming, https://arxiv.org/abs/1708.06519: those that
batch norms scale least. Channels that meet cannot go one without the other: an addition, a depthwise convolution, a
gate, a batch norm tie them, and what is tied goes together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import keras
import numpy as np

from kerascnn.compression.channels import Channels, thinned, traced
from kerascnn.errors import suggest
from kerascnn.graph.inline import inline_models
from kerascnn.graph.rounded import need_floats
from kerascnn.runtime import deep_graphs


def sums_of_weights(channels: Channels) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(ids, channels.norms[name]) for name, ids in channels.made.items()]


def scales_of_norms(channels: Channels) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(channels.scales.values())


NORMS = {"l1": sums_of_weights, "gamma": scales_of_norms}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which filters go.

    Parameters
    ----------
    share
        Share of filters to remove, from 0 to below 1: one for all layers, or by layer, ``{"stage4-*": 0.5}``, where
        the first pattern that a name fits decides. Layers whose channels are tied lose the same, the least that any of
        them is asked for, and none where one fits no pattern. Of each map at least one channel stays.
    norm
        What a filter weighs. "l1": the sum of its absolute weights, as a share of the mean of its layer; the filters of
        tied channels weigh together. "gamma": the scales of the batch norms that see its channel, as shares of their
        means; a filter that none sees stays.
    """

    share: float | Mapping[str, float] = 0.5
    norm: str = "l1"

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise ValueError(f"Unknown norm {self.norm!r}. {suggest(self.norm, NORMS)}")
        for share in self.share.values() if isinstance(self.share, Mapping) else [self.share]:
            if not 0 <= share < 1:
                raise ValueError(f"A share of filters is from 0 to below 1, such as 0.5; got {share}.")

    def of(self, layer: str) -> float:
        """The share of a layer's filters that may go."""
        if not isinstance(self.share, Mapping):
            return self.share
        return next((share for pattern, share in self.share.items() if fnmatchcase(layer, pattern)), 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Thinned:
    """A network without some of its filters.

    Parameters
    ----------
    model
        The network, with weights of its own.
    filters
        By layer that makes channels, how many it made and how many it makes now.
    untouched
        Those among them that had to keep all: their channels are the network's output, or a layer sees them that this
        knows no rule for.
    """

    model: keras.Model
    filters: dict[str, tuple[int, int]]
    untouched: tuple[str, ...]


HALF = Filters()


@deep_graphs()
def remove_filters(model: keras.Model, filters: Filters = HALF) -> Thinned:
    """A copy of ``model`` without the filters that weigh least, with fewer parameters and multiply-adds.

    Filters of convolutions, transposed, grouped and separable ones too, and units of dense layers go; channels are
    followed through depthwise convolutions, batch norms, activations, pools, paddings, additions, products (so the
    gates of squeeze-and-excitation), concatenations, channel shuffles, slices and flattening. Places that a grouped
    convolution or a shuffle has in each group go in all groups. The network computes what it did with the weights at
    0 that take the removed channels in; train it on afterwards.

    Models inside the model become part of its own graph. Never touched are the classes, and what meets group, layer or
    local response normalisation, weight standardisation, attention, softmax, a layer used twice, an operation that is
    no layer, or a layer unknown here: see ``untouched``.

    Raises
    ------
    ValueError
        When no filter can go, a pattern fits no layer, or the model shows no graph or was tuned for int8.
    """
    need_floats(model)
    model = inline_models(model)
    channels = traced(model)
    check_patterns(filters, channels.made, model.name)
    gone = chosen(channels, filters)
    if not gone:
        raise ValueError(
            f"No filter of {model.name} can go: of its {len(channels.made)} layers with filters, each must keep them, "
            "is tied to one that must, or would lose less than one filter at this share."
        )
    thin = thinned(model, channels, gone)
    free = {name for name, ids in channels.made.items() if not channels.fixed(ids).all()}
    return Thinned(
        model=thin,
        filters={name: (len(ids), int(channels.kept(ids, gone).sum())) for name, ids in channels.made.items()},
        untouched=tuple(name for name in channels.made if name not in free),
    )


def check_patterns(filters: Filters, names: Iterable[str], model: str) -> None:
    for pattern in filters.share if isinstance(filters.share, Mapping) else ():
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"{model} has no layer with filters {pattern!r}. {suggest(pattern, names)}".rstrip())


def chosen(channels: Channels, filters: Filters) -> set[int]:
    """The bunches of tied channels that go: of each set of tied layers those with the smallest norms."""
    norms, locked = bunch_norms(channels, filters.norm), channels.locked
    gone: set[int] = set()
    for layers in tied_layers(channels):
        bunches = {b for name in layers for b in channels.bunches(channels.made[name])}
        free = sorted((b for b in bunches if b in norms and b not in locked), key=lambda b: (norms[b], b))
        share = min(filters.of(name) for name in layers)
        gone |= set(free[: round(share * len(bunches))])
    for ids in channels.of.values():  # of each tensor one channel stays
        bunches = channels.bunches(ids)
        if gone.issuperset(bunches):
            gone.discard(max(bunches, key=lambda b: (norms.get(b, 0.0), b)))
    return gone


def bunch_norms(channels: Channels, norm: str) -> dict[int, float]:
    """How much each bunch weighs; bunches that nothing weighs are missing."""
    norms: dict[int, float] = {}
    for ids, values in NORMS[norm](channels):
        shares = values / max(values.mean(), 1e-30)
        for bunch, value in zip(channels.roots(ids).tolist(), shares.tolist(), strict=True):
            norms[bunch] = norms.get(bunch, 0.0) + value
    return norms


def tied_layers(channels: Channels) -> list[list[str]]:
    """Layers in sets, each of layers that share a bunch with another one of the set."""
    sets: list[tuple[set[int], list[str]]] = []
    for name, ids in channels.made.items():
        bunches, names = channels.bunches(ids), [name]
        for other in [s for s in sets if s[0] & bunches]:
            sets.remove(other)
            bunches, names = bunches | other[0], other[1] + names
        sets.append((bunches, names))
    return [names for _, names in sets]
