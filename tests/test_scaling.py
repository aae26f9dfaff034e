"""Compound scaling, against the networks that its authors scaled."""

import pytest

from kerascnn import list_models, scale
from kerascnn.applications import EfficientNetB0, EfficientNetV2S
from kerascnn.catalogue import find
from kerascnn.graph.cost import cost
from kerascnn.ledger import published

PRINTED = {"alpha": 1.2, "beta": 1.1, "gamma": 1.15}


def columns(row):
    return row.width, row.depth, row.size


@pytest.mark.parametrize(
    ("base", "phi", "name"),
    [
        ("efficientnet_b0", 0.5, "efficientnet_b1"),
        ("efficientnet_b0", 1, "efficientnet_b2"),
        ("efficientnet_b0", 2, "efficientnet_b3"),
        ("efficientnet_b0", 5, "efficientnet_b5"),
        ("efficientnet_b0", 6, "efficientnet_b6"),
        ("efficientnet_lite0", 0.5, "efficientnet_lite1"),
        ("efficientnet_lite0", 1, "efficientnet_lite2"),
        ("efficientnet_v2_b0", 0.5, "efficientnet_v2_b1"),
        ("efficientnet_v2_b0", 1, "efficientnet_v2_b2"),
        ("efficientnet_v2_b0", 2, "efficientnet_v2_b3"),
        ("efficientnet_edgetpu_s", 0.5, "efficientnet_edgetpu_m"),
        ("efficientnet_edgetpu_s", 2, "efficientnet_edgetpu_l"),
    ],
)
def test_published_networks_come_out(base, phi, name):
    row, theirs = scale(base, phi), find(name)
    assert row == theirs.replace(name=row.name, dropout=row.dropout)


@pytest.mark.parametrize(("phi", "name", "size"), [(3.5, "efficientnet_b4", 368), (7, "efficientnet_b7", 608)])
def test_two_published_networks_come_out_but_for_the_image(phi, name, size):
    row, theirs = scale(EfficientNetB0, phi), find(name)
    assert row == theirs.replace(name=row.name, dropout=row.dropout, size=size) and theirs.size != size


def test_printed_constants_give_what_the_documentation_says():
    rows = [scale(EfficientNetB0, phi, **PRINTED) for phi in (0.5, 1, 2, 3.5, 5, 6, 7)]
    theirs = [find(f"efficientnet_b{i}") for i in range(1, 8)]
    assert [row.depth for row in rows] == [1.1, 1.2, 1.4, 1.9, 2.5, 3.0, 3.6]
    assert [row.width == b.width for row, b in zip(rows, theirs, strict=True)] == [True] * 6 + [False]
    assert [row.size == b.size for row, b in zip(rows, theirs, strict=True)] == [True] + [False] * 6


@pytest.mark.parametrize("name", ["efficientnet_b0", "efficientnet_v2_s", "efficientnet_edgetpu_l"])
def test_no_scaling_changes_nothing(name):
    assert columns(scale(name, 0)) == columns(find(name))


def test_a_scaled_network_counts_what_the_published_one_does():
    model = scale("EfficientNet-B0", 0.5)()
    ours, theirs = cost(model, 240), published("efficientnet_b1", 240)
    assert (ours.trainable, ours.parameters) == (theirs.trainable, theirs.parameters)
    assert abs(ours.macs / 1e9 - theirs.gmacs) <= 1e-3 * theirs.gmacs


def test_smaller_and_named():
    row = scale(EfficientNetV2S, -1.5)
    assert columns(row) == (0.9, 0.8, 308) and row.name == "efficientnet_v2_s_phi-1_5"
    assert row.replace(**row.tiny)(classes=3).name == row.name


def test_what_cannot_be_scaled_says_so():
    with pytest.raises(ValueError, match="resnet50 cannot be scaled: its table has no multipliers"):
        scale("resnet50", 1)
    with pytest.raises(ValueError, match="phi=-30 leaves too little of efficientnet_b0"):
        scale(EfficientNetB0, -30)
    scalable = [
        n for n in list_models() if all(isinstance(getattr(find(n), c, None), float) for c in ("width", "depth"))
    ]
    assert all(name.startswith("efficientnet") for name in scalable)
