"""Structured pruning: the network without filters is the network with their readers' weights at 0, only smaller."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers as L
from parity import assert_equal, images, randomise
from test_conformance import TINY
from tiny_digits import digits, top1, trained

from kerascnn.compression import Filters, Tuning, footprints, remove_filters, tuned, verdict
from kerascnn.compression.channels import traced
from kerascnn.compression.filters import chosen
from kerascnn.deploy import export
from kerascnn.graph.cost import cost
from kerascnn.graph.graph import Graph
from kerascnn.graph.inline import inline_models

NOTHING_GOES = {"BiT", "CondenseNet", "LeNet1998"}


def with_readers_at_0(model: keras.Model, filters: Filters) -> keras.Model:
    """``model`` with zeros in place of the weights that take the channels in which are to go."""
    channels = traced(model)
    gone = chosen(channels, filters)
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    for call in Graph(model).calls:
        taken = channels.kept(channels.of[id(call.inputs[0])], gone) if call.inputs else np.ones(1, bool)
        if taken.all() or not isinstance(call.operation, L.Conv2D | L.Conv2DTranspose | L.SeparableConv2D | L.Dense):
            continue
        layer = other.get_layer(call.operation.name)
        values = layer.get_weights()
        if isinstance(layer, L.SeparableConv2D):
            values[1][:, :, ~np.repeat(taken, layer.depth_multiplier)] = 0
        elif isinstance(layer, L.Conv2DTranspose):
            values[0][..., ~taken] = 0
        else:
            rows = taken[: values[0].shape[-2]]
            assert np.array_equal(taken, np.tile(rows, len(taken) // len(rows))), "groups lose different places"
            values[0][..., ~rows, :] = 0
        layer.set_weights(values)
    return other


def thin(model: keras.Model, filters: Filters = Filters()):  # noqa: B008
    """``model`` without filters, after proof that it computes what it should and costs less."""
    randomise(model)
    x = images(model)
    found = remove_filters(model, filters)
    assert_equal(np.asarray(found.model(x)), np.asarray(with_readers_at_0(model, filters)(x)))
    assert [layer.name for layer in found.model.layers] == [layer.name for layer in model.layers]
    assert found.model.output_shape == model.output_shape
    before, after = cost(model), cost(found.model)
    assert after.macs < before.macs and after.parameters < before.parameters
    for name, (was, now) in found.filters.items():
        assert 1 <= now <= was and (now == was or name not in found.untouched)
    assert any(now < was for was, now in found.filters.values())
    return found


@pytest.mark.sharded
@pytest.mark.parametrize("family", TINY)
def test_families(family):
    model = TINY[family](classes=7, classifier_activation=None)
    if family in NOTHING_GOES:
        with pytest.raises(ValueError, match=r"No filter of .* can go"):
            remove_filters(model)
    else:
        thin(model)


@pytest.mark.parametrize("family", ["ResNet", "DenseNet", "ShuffleNetV2", "MobileNetV3Family", "CifarResNeXt"])
def test_ties(family):
    """Additions, concatenations, slices and shuffles, gates and depthwise convolutions, and groups."""
    found = thin(TINY[family](classes=7, classifier_activation=None), Filters(fraction=0.4))
    assert sum(now < was for was, now in found.filters.values()) > len(found.filters) // 2


@pytest.mark.parametrize(
    "layers",
    [
        lambda: (L.Conv2DTranspose(8, 3, strides=2), L.Conv2D(4, 1)),
        lambda: (L.SeparableConv2D(8, 3, depth_multiplier=2), L.SeparableConv2D(6, 3)),
        lambda: (L.Conv2D(8, 3), L.DepthwiseConv2D(3, depth_multiplier=2), L.Conv2D(4, 1, groups=2)),
        lambda: (L.Conv2D(8, 3), L.BatchNormalization(scale=False), L.Flatten(), L.Dense(5)),
    ],
    ids=["transposed", "separable", "multiplied", "flattened"],
)
def test_layers(layers):
    image = x = keras.Input((9, 9, 6))
    for layer in layers():
        x = layer(x)
    thin(keras.Model(image, x))


def test_a_softmax_inside_the_classifier_keeps_its_classes_alone():
    image = keras.Input((8, 8, 3))
    x = L.Conv2D(32, 3, name="last")(L.Conv2D(16, 3, name="first")(image))
    model = keras.Model(image, L.Dense(10, activation="softmax", name="head")(L.GlobalAveragePooling2D()(x)))
    found = thin(model)
    assert found.filters == {"first": (16, 8), "last": (32, 16), "head": (10, 10)} and found.untouched == ("head",)


def test_models_inside_models():
    inner = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(6, 3, name="deep"), L.ReLU()], name="base")
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, L.Dense(2, name="head")(L.GlobalAveragePooling2D()(inner(image))))
    found = remove_filters(model)
    assert found.filters == {"deep": (6, 3), "head": (2, 2)} and found.model.output_shape == model.output_shape
    x = images(model)
    assert_equal(np.asarray(found.model(x)), np.asarray(with_readers_at_0(inline_models(model), Filters())(x)))


def test_the_least_filters_go():
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, L.Dense(2)(L.GlobalAveragePooling2D()(L.Conv2D(6, 3, name="conv")(image))))
    kernel, bias = model.get_layer("conv").get_weights()
    signs = np.sign(kernel)
    model.get_layer("conv").set_weights([signs * [3, 1, 5, 2, 6, 4], bias])  # the norm, not the sum
    left = remove_filters(model, Filters(fraction=0.5)).model.get_layer("conv").get_weights()[0]
    np.testing.assert_array_equal(left, (signs * [3, 1, 5, 2, 6, 4])[..., [2, 4, 5]])


def test_what_batch_norms_scale_least_goes():
    image = keras.Input((8, 8, 3))
    x = L.BatchNormalization(name="bn")(L.Conv2D(6, 3, name="conv")(image))
    x = L.Conv2D(4, 1, name="bare")(x)  # no batch norm sees it
    model = keras.Model(image, L.Dense(2)(L.GlobalAveragePooling2D()(x)))
    model.get_layer("bn").gamma.assign([0.5, -3.0, 0.1, 2.0, -0.2, 1.0])
    found = remove_filters(model, Filters(fraction=0.5, norm="gamma"))
    np.testing.assert_array_equal(found.model.get_layer("bn").gamma, [-3.0, 2.0, 1.0])
    assert found.filters["conv"] == (6, 3) and found.filters["bare"] == (4, 4)
    thin(TINY["PreActResNet"](classes=7, classifier_activation=None), Filters(norm="gamma"))


def test_patterns_and_what_is_tied():
    model = trained()
    found = remove_filters(model, Filters(fraction={"block2-*": 0.5, "head-hidden": 0.25}))
    assert found.filters == {
        "stem-conv": (16, 16),
        "block1-project": (16, 16),
        "block2-conv": (32, 16),
        "head-hidden": (32, 24),
        "head-dense": (10, 10),
    }
    assert found.untouched == ("head-dense",)
    tied = remove_filters(model, Filters(fraction={"stem-conv": 0.75, "block1-project": 0.5})).filters
    assert tied["stem-conv"] == tied["block1-project"] == (16, 8)
    with pytest.raises(ValueError, match="No filter of tiny_digits can go"):
        remove_filters(model, Filters(fraction={"stem-conv": 0.5}))  # the other end of the addition keeps all


def test_one_filter_stays():
    found = remove_filters(trained(), Filters(fraction=0.99)).filters
    assert {now for name, (_, now) in found.items() if name != "head-dense"} <= {1, 2}


def test_half_of_the_filters_still_know_the_digits(tmp_path):
    pytest.importorskip("with_toolkit", exc_type=ImportError)
    pytest.importorskip("ai_edge_litert")
    model = trained()
    found = remove_filters(model, Filters(fraction=0.5))
    again = tuned(found.model, digits()[0], Tuning(epochs=4, lr=1e-2))
    assert cost(again).macs < 0.4 * cost(model).macs
    assert top1(again) > top1(model) - 0.03, (top1(again), top1(model))
    files = [export(m, tmp_path / f"{i}.tflite").path for i, m in enumerate((model, again))]
    before, after = footprints(files, repeats=5)
    assert after.bytes < before.bytes and after.gzipped < before.gzipped < before.bytes
    assert before.spread_ms[0] <= before.latency_ms <= before.spread_ms[1]
    check_verdicts(before)


def check_verdicts(before):
    one = replace(before, bytes=400, gzipped=300, latency_ms=2.0, spread_ms=(1.9, 2.2))
    small = replace(one, bytes=200, gzipped=100, latency_ms=1.0, spread_ms=(0.9, 1.1))
    assert verdict(one, small) == (
        "The file is 2.00 times smaller, and 3.00 times smaller after gzip; it runs 2.00 times as fast."
    )
    assert verdict(one, one) == "The file is no smaller, and no smaller after gzip; there is no speed-up."
    assert verdict(one, replace(small, spread_ms=(0.9, 2.0))).endswith("there is no speed-up.")
    assert verdict(one, replace(one, spread_ms=(2.3, 2.5))).endswith("it is slower.")


@pytest.mark.parametrize(
    ("fraction", "says"), [(1.0, "from 0 to below 1, such as 0.5; got 1.0"), ({"*": -1.0}, "got -1.0")]
)
def test_bad_fractions(fraction, says):
    with pytest.raises(ValueError, match=says):
        Filters(fraction=fraction)


def test_an_unknown_norm():
    with pytest.raises(ValueError, match=r"Unknown norm 'gama'. Did you mean 'gamma'"):
        Filters(norm="gama")


def test_a_pattern_that_fits_nothing():
    with pytest.raises(ValueError, match=r"has no layer with filters .stem-cnv.\. Did you mean .stem-conv."):
        remove_filters(trained(), Filters(fraction={"stem-cnv": 0.5}))
