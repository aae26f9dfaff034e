"""Clustering: as few different values as were asked for, and the zeros of a pruned network stay zeros."""

import keras
import numpy as np
import pytest
from keras import layers as L
from tiny_digits import digits, top1, trained

pytest.importorskip("with_toolkit", exc_type=ImportError)
from kerascnn.compression import Clustering, Pruning, Tuning, cluster, prune, sparsity, values

TUNING = Tuning(epochs=2, lr=1e-3)
SHORT = Tuning(epochs=1, batch=512, lr=1e-3)


def test_a_pruned_network_keeps_its_zeros():
    model, train = trained(), digits()[0]
    pruned = prune(model, train, Pruning(sparsity=0.5), Tuning(epochs=2, lr=1e-2))
    clustered = cluster(pruned, train, Clustering(clusters=8), TUNING)
    found = values(clustered)
    assert set(found) == {"stem-conv", "block1-project", "block2-conv", "head-hidden", "head-dense"}
    assert all(3 <= count <= 8 for count in found.values()), found
    for name in set(found) - {"head-dense"}:
        before, after = (np.asarray(m.get_layer(name).kernel) for m in (pruned, clustered))
        assert np.all(after[before == 0] == 0), name
    assert all(share >= sparsity(pruned)[name] for name, share in sparsity(clustered).items())
    assert [layer.name for layer in clustered.layers] == [layer.name for layer in model.layers]
    assert {type(layer) for layer in clustered.layers} == {type(layer) for layer in model.layers}
    assert top1(clustered) > top1(model) - 0.05, (top1(clustered), top1(model))


@pytest.mark.parametrize("start", ["linear", "density", "random"])
def test_values_without_zeros(start):
    clustered = cluster(trained(), digits()[0], Clustering(clusters=4, preserve_sparsity=False, start=start), SHORT)
    assert all(2 <= count <= 4 for count in values(clustered).values())
    assert values(trained())["head-hidden"] > 1000


def test_a_kernel_with_no_more_weights_than_clusters_is_left():
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), L.Conv2D(2, 2, name="small"), L.Flatten(), L.Dense(10, name="large")]
    )
    clustered = cluster(model, digits()[0], Clustering(clusters=8), SHORT)
    assert values(clustered)["small"] == 8 and values(clustered)["large"] <= 8
    with pytest.raises(ValueError, match="no kernel of more than 100000 weights"):
        cluster(model, digits()[0], Clustering(clusters=100000), SHORT)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"clusters": 2}, "clusters must be 3 or more, got 2"),
        ({"clusters": 1, "preserve_sparsity": False}, "2 or more, got 1"),
        ({"start": "kmean"}, "Unknown start 'kmean'. Did you mean 'kmeans"),
    ],
)
def test_bad_arguments(arguments, says):
    with pytest.raises(ValueError, match=says):
        Clustering(**arguments)
