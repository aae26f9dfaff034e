"""Structured pruning: whole filters leave the network, which is then really smaller and faster.

Li et al. 2016, Pruning filters for efficient ConvNets, https://arxiv.org/abs/1608.08710: those whose weights have the
least sum of absolute values go. Or Liu et al. 2017, Network slimming, https://arxiv.org/abs/1708.06519: those that
batch norms scale least. Channels that meet cannot go one without the other: an addition, a depthwise convolution, a
gate, a batch norm tie them, and what is tied goes together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import keras

from kerascnn.arguments import checked
from kerascnn.compression.channels import Channels, thinned, traced
from kerascnn.errors import suggest
from kerascnn.graph.fake_quantised import refuse_integers
from kerascnn.graph.inline import inline_models
from kerascnn.graph.rewrite import without_adapters
from kerascnn.runtime import deep_graphs

NORMS = ("l1", "gamma")


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which filters go.

    Parameters
    ----------
    fraction
        Fraction of filters to remove, from 0 to below 1: one for all layers, or by layer, ``{"stage4-*": 0.5}``, where
        the first pattern that a name fits decides. Layers whose channels are tied lose the same, the least that any of
        them is asked for, and none where one fits no pattern. Of each map at least one channel stays.
    norm
        What a filter weighs. "l1": the sum of its absolute weights, divided by the mean of its layer; the filters of
        tied channels weigh together. "gamma": the scales of the batch norms that see its channel, divided by their
        means; a filter that none sees stays.
    """

    fraction: float | Mapping[str, float] = 0.5
    norm: str = "l1"

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise ValueError(f"Unknown norm {self.norm!r}. {suggest(self.norm, NORMS)}")
        for fraction in self.fraction.values() if isinstance(self.fraction, Mapping) else [self.fraction]:
            if not 0 <= fraction < 1:
                raise ValueError(f"A fraction of filters is from 0 to below 1, such as 0.5; got {fraction}.")

    def of(self, layer: str) -> float:
        """The fraction of a layer's filters that may go."""
        if not isinstance(self.fraction, Mapping):
            return self.fraction
        return next((fraction for pattern, fraction in self.fraction.items() if fnmatchcase(layer, pattern)), 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Thinned:
    """A network without some of its filters."""

    model: keras.Model  # with weights of its own
    filters: dict[str, tuple[int, int]]  # by layer that makes channels, how many it made and how many it makes now
    # Those among them that had to keep all: their channels are the network's output, or a layer sees them that this
    # knows no rule for.
    untouched: tuple[str, ...]


HALF = Filters()


@checked
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
    refuse_integers(model)
    model = inline_models(without_adapters(model))
    channels = traced(model)
    for pattern in filters.fraction if isinstance(filters.fraction, Mapping) else ():
        if not any(fnmatchcase(name, pattern) for name in channels.made):
            near = suggest(pattern, channels.made)
            raise ValueError(f"{model.name} has no layer with filters {pattern!r}. {near}".rstrip())
    gone = chosen(channels, filters)
    if not gone:
        raise ValueError(
            f"No filter of {model.name} can go: of its {len(channels.made)} layers with filters, each must keep them, "
            "is tied to one that must, or would lose less than one filter at this fraction."
        )
    thin = thinned(model, channels, gone)
    free = {name for name, ids in channels.made.items() if not channels.fixed(ids).all()}
    return Thinned(
        model=thin,
        filters={name: (len(ids), int(channels.kept(ids, gone).sum())) for name, ids in channels.made.items()},
        untouched=tuple(name for name in channels.made if name not in free),
    )


def chosen(channels: Channels, filters: Filters) -> set[int]:
    """The sets of tied channels that go: of each set of tied layers those with the smallest norms."""
    norms, locked = set_norms(channels, filters.norm), channels.locked
    gone: set[int] = set()
    for layers in tied_layers(channels):
        sets = {root for name in layers for root in channels.sets_of(channels.made[name])}
        free = sorted((root for root in sets if root in norms and root not in locked), key=lambda r: (norms[r], r))
        fraction = min(filters.of(name) for name in layers)
        gone |= set(free[: round(fraction * len(sets))])
    for ids in channels.of.values():  # of each tensor one channel stays
        sets = channels.sets_of(ids)
        if gone.issuperset(sets):
            gone.discard(max(sets, key=lambda root: (norms.get(root, 0.0), root)))
    return gone


def set_norms(channels: Channels, norm: str) -> dict[int, float]:
    """How much each set of tied channels weighs; sets that nothing weighs are missing."""
    norms: dict[int, float] = {}
    filters = [(ids, channels.norms[name]) for name, ids in channels.made.items()]
    for ids, values in filters if norm == "l1" else channels.scales.values():
        relative = values / max(values.mean(), 1e-30)
        for root, value in zip(channels.roots(ids).tolist(), relative.tolist(), strict=True):
            norms[root] = norms.get(root, 0.0) + value
    return norms


def tied_layers(channels: Channels) -> list[list[str]]:
    """Layers in sets, each of layers that share tied channels with another one of the set."""
    found: list[tuple[set[int], list[str]]] = []
    for name, ids in channels.made.items():
        roots, names = channels.sets_of(ids), [name]
        for other in [each for each in found if each[0] & roots]:
            found.remove(other)
            roots, names = roots | other[0], other[1] + names
        found.append((roots, names))
    return [names for _, names in found]
