"""The catalogue by name, and the ledger: every network counts what independent implementations of it count."""

import pytest

import kerascnn
from kerascnn.applications import ROWS
from kerascnn.catalogue import PACKAGES, describe, find, list_models, matching
from kerascnn.graph.cost import cost
from kerascnn.ledger import entries

DIGITS = 5e-7  # G; the ledger's multiply-adds have six decimals


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("resnet50", "resnet50"),
        ("ResNet-50", "resnet50"),
        ("RESNET_50", "resnet50"),
        ("EfficientNetV2-S", "efficientnet_v2_s"),
        ("efficientnet_v2.s", "efficientnet_v2_s"),
        ("mobilenet_v2_1.40", "mobilenet_v2_140"),
        ("MobileNetV2", "mobilenet_v2_100"),
        ("resnet50v1.5", "resnet50_v1_5"),
    ],
)
def test_any_spelling_finds_its_network(spelling, name):
    assert find(spelling).name == name


def test_every_name_and_identifier_is_found():
    for identifier, row in ROWS.items():
        assert find(identifier) is row and find(row.name) is row


@pytest.mark.parametrize(
    ("wrong", "near"), [("resnet51", "resnet50"), ("eficientnet_b0", "efficientnet_b0"), ("VGG17", "vgg16")]
)
def test_an_unknown_name_suggests_the_nearest(wrong, near):
    with pytest.raises(ValueError, match=f"There is no model '{wrong}'.*{near}"):
        kerascnn.build(wrong)


def test_patterns():
    assert list_models("effi*") == [n for n in list_models() if n.startswith("efficientnet")]
    assert list_models("EfficientNet-V2*") == list_models("efficientnet_v2*")
    assert list_models("no such*") == []
    assert list_models()[0] == "lenet5"


def test_a_task_has_its_networks():
    assert list_models("resnet50", task="classification") == ["resnet50"]
    with pytest.raises(ValueError, match="no network of the task 'juggling'"):
        list_models(task="juggling")
    with pytest.raises(ValueError, match=r"no network of the task 'classifiction'\. Did you mean 'classification'"):
        matching("*", "classifiction")
    with pytest.raises(ValueError, match=r"No network matches 'rasnet5\*'. Did you mean 'resnet"):
        matching("rasnet5*", "classification")


def test_a_package_may_derive_rows_from_others(monkeypatch):
    class Headed:
        @staticmethod
        def derive(name, find):
            head, _, backbone = name.partition("_on_")
            return find(backbone).replace(name=name) if head == "hat" else None

    monkeypatch.setattr("kerascnn.catalogue.PACKAGES", (*PACKAGES, Headed))
    assert find("hat_on_resnet18").depths == find("resnet18").depths
    assert kerascnn.build("hat_on_resnet18", input_shape=(32, 32, 3)).name == "hat_on_resnet18"
    with pytest.raises(ValueError, match=r"There is no model 'resnet19'.*resnet1"):
        find("hat_on_resnet19")
    assert describe("hat_on_resnet18").parameters is None


def test_a_description_has_what_is_known_without_building():
    known = describe("ResNet-50")
    assert known.row is find("resnet50") and known.identifiers == ("ResNet50",)
    assert (known.parameters, known.macs) == (25_557_032, 3_857_973_000)
    assert {entry.name for entry in known.ledger} == {record.network for record in known.weights} == {"resnet50"}


def test_build_takes_the_builders_keywords():
    model = kerascnn.build("resnet18", include_top=False, input_shape=(40, 48, 1), pooling="avg", name="mine")
    assert model.name == "mine" and model.input_shape == (None, 40, 48, 1) and model.output_shape == (None, 512)


def test_the_ledger_and_the_catalogue_hold_the_same_networks():
    counted = {entry.name for entry in entries()}
    assert counted <= set(list_models()) and set(list_models(task="classification")) <= counted


@pytest.mark.sharded
@pytest.mark.parametrize("name", dict.fromkeys(entry.name for entry in entries()))
def test_counts_are_those_of_independent_implementations(name):
    model = kerascnn.build(name)
    costs = {size: cost(model, size) for size in {entry.size for entry in entries() if entry.name == name}}
    agreeing = 0
    for entry in (entry for entry in entries() if entry.name == name):
        ours = costs[entry.size]
        equal = (entry.trainable, entry.parameters) == (ours.trainable, ours.parameters)
        close = abs(entry.gmacs - ours.macs / 1e9) <= max(1e-3 * entry.gmacs, DIGITS)
        assert (equal and close) != bool(entry.deviation), (entry, ours)
        agreeing += not entry.deviation
    assert agreeing, f"no implementation agrees with our {name}"
