"""The command that compresses: from a file with its card to a smaller one, measured on the way."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers as L
from tiny_digits import digits, trained

pytest.importorskip("with_toolkit", exc_type=ImportError)
pytest.importorskip("ai_edge_litert")
from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.compression import Pruning, Tuning, cluster, prune, quantize_aware, remove_filters, sparsity, values
from kerascnn.data import open_data
from kerascnn.layers import FakeQuantization
from kerascnn.runtime import load_keras
from kerascnn.spec import Preprocess
from kerascnn.tasks import Classification
from kerascnn.workflows.compress import said, training_batches

QUICK = ["--data", "digits", "--epochs", "1", "--batch", "512", "--lr", "0.0001"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.keras"
    trained().save(path)
    preprocess = Preprocess(size=8, crop=1.0, mean=(0.0,), std=(1.0,))
    card = Card(model="tiny_digits", labels=tuple("0123456789"), preprocess=preprocess, facts={"seed": 3})
    replace(card, network={"class": "of:Digits", "fields": {}}).write(path)
    return path


def test_all_at_once(file, capsys):
    out = file.with_name("model.compressed.keras")
    asked = ["--filters", "0.25", "--prune", "0.5", "--cluster", "16", "--epochs", "1", "--lr", "0.003"]
    assert main(["compress", str(file), "--data", "digits", *asked]) == 0
    printed = capsys.readouterr().out.splitlines()
    small, card = load_keras(out), Card.read(out)
    assert small.count_params() < load_keras(file).count_params()
    assert all(count <= 16 for count in values(small).values())
    assert all(abs(share - 0.5) < 0.02 for name, share in sparsity(small).items() if name != "head-dense")
    assert card.labels == tuple("0123456789") and card.facts["seed"] == 3
    facts = card.facts["compression"]
    assert facts["plan"]["pruning"]["sparsity"] == 0.5 and facts["top1"] > 0.5
    assert [line.partition("%")[2].partition(".")[0] for line in printed[:4]] == [
        " before",
        " after filters",
        " after pruning",
        " after clustering",
    ]
    assert list(facts["steps"]) == ["before", "filters", "pruning", "clustering"]
    assert facts["steps"]["clustering"] == facts["top1"] and f"{facts['steps']['before']:.2%} before" in printed[0]
    for line, was, now in zip(printed[1:], facts["steps"].values(), [*facts["steps"].values()][1:], strict=False):
        assert ("That is a fall of" in line) == (was - now > 0.01)
    assert printed[5].startswith("before") and printed[6].startswith("after") and facts["verdict"] in printed
    sizes = [[int(word.replace(",", "")) for word in line.split()[2:4]] for line in printed[5:7]]
    assert "zeros in the kernels of pruned layers: 0.0% before, 50.0% after" in printed
    assert sizes[1] < sizes[0] and json.loads(Card.path(out).read_text())
    assert main(["compress", str(file), "--data", "digits", *asked]) == 2
    assert "Pass --overwrite to replace it" in capsys.readouterr().err


def test_tuned_for_int8(file, capsys):
    """The file that is left knows its ranges, and is exported without calibration."""
    asked = ["--prune", "0.5", "--int8", "--epochs", "1", "--lr", "0.003", "--out", str(file.with_name("small.keras"))]
    assert main(["compress", str(file), "--data", "digits", *asked]) == 0
    assert "smaller" in capsys.readouterr().out
    assert main(["export", str(file.with_name("small.keras")), "--format", "tflite-int8"]) == 0
    facts = Card.read(file.with_name("small.int8.tflite")).facts
    assert facts["export"]["types"] == ["int8", "int8"] and "DEQUANTIZE" not in facts["export"]["operators"]
    assert facts["compression"]["top1"] > 0.5
    again = ["export", str(file.with_name("small.keras")), "--format", "tflite-int8", "--overwrite"]
    assert main([*again, "--float-layers", "*"]) == 2
    assert "tuned for integers throughout" in capsys.readouterr().err
    for format in ("tflite", "tflite-int16x8", "onnx"):
        assert main(["export", str(file.with_name("small.keras")), "--format", format]) == 2
        assert "was tuned for int8: export it as tflite-int8" in capsys.readouterr().err
    assert main(["compress", str(file.with_name("small.keras")), "--data", "digits", "--int8"]) == 2
    assert "was tuned for int8" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        remove_filters,
        lambda model: prune(model, digits()[0]),
        lambda model: cluster(model, digits()[0]),
        lambda model: quantize_aware(model, digits()[0]),
    ],
    ids=["filters", "prune", "cluster", "int8"],
)
def test_a_network_that_rounds_already_is_refused(change):
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, L.Dense(10)(L.Flatten()(FakeQuantization(0.0, 1.0)(image))), name="rounded")
    with pytest.raises(ValueError, match=r"rounded was tuned for int8: export it .* or take the network"):
        change(model)


def test_each_epoch_has_batches_of_its_own():
    card = Card(model="any", labels=(), preprocess=Preprocess(size=8, crop=1.0, mean=(0.0,), std=(1.0,)))
    data = open_data("digits")
    count = len(data.train)
    batches = training_batches(data, card, Classification(labels=()), Tuning(epochs=2, batch=count // 4))
    assert int(batches.cardinality()) == -(-2 * count // (count // 4))
    seen = np.concatenate([images.numpy().reshape(len(images), -1) for images, _ in batches])
    first, second = ([row.tobytes() for row in part] for part in (seen[:count], seen[count:]))
    assert sorted(first) == sorted(second) and set(first[: count // 4]) != set(second[: count // 4])


def test_what_was_trained_is_kept_when_it_cannot_be_measured(file, capsys, monkeypatch):
    def fail(*_):
        raise OSError("no room")

    monkeypatch.setattr("kerascnn.workflows.compress.measure", fail)
    out = file.with_name("model.compressed.keras")
    assert main(["compress", str(file), *QUICK, "--filters", "0.5"]) == 2
    assert f"{out} and its card are written, but measuring them failed: no room" in capsys.readouterr().err
    assert load_keras(out).count_params() < load_keras(file).count_params()
    facts = Card.read(out).facts["compression"]
    assert facts["plan"]["filters"]["fraction"] == 0.5 and "top1" not in facts


@pytest.mark.parametrize("plan", [["--filters", "0.5"], ["--prune", "0.5"]], ids=lambda plan: plan[0])
def test_a_network_without_some_filters_is_no_longer_that_of_its_row(plan, file, monkeypatch):
    def fail(*_):
        raise OSError("not measured here")

    monkeypatch.setattr("kerascnn.workflows.compress.measure", fail)
    assert main(["compress", str(file), *QUICK, *plan]) == 2
    card = Card.read(file.with_name("model.compressed.keras"))
    assert card.network == (None if "--filters" in plan else Card.read(file).network)


def test_a_fall_is_said():
    assert said("pruning", "Mean IoU", 0.5, 0.492) == "Mean IoU 49.20% after pruning."
    assert said("int8", "Mean IoU", 0.5, 0.48).startswith(
        "Mean IoU 48.00% after int8. That is a fall of 2.0 points, from Mean IoU 50.00%: take less away, or tune longer"
    )
    assert said("filters", "Mean IoU", 0.5, 0.6) == "Mean IoU 60.00% after filters."


def test_fractions_by_layer_at_once_in_blocks(tmp_path, capsys, monkeypatch):
    plans = []

    def noted(model, source, plan, out, **_):
        plans.append(plan.pruning)
        raise ValueError("enough")

    monkeypatch.setattr("kerascnn.workflows.compress.compress", noted)
    asked = ["--prune", "head-hidden=0.75", "--prune", "head-*=0.5", "--schedule", "constant", "--block", "4x2"]
    assert main(["compress", str(tmp_path / "model.keras"), "--data", "digits", *asked]) == 2
    assert plans == [Pruning(sparsity={"head-hidden": 0.75, "head-*": 0.5}, schedule="constant", block=(4, 2))]


def test_the_edge_safe_model(file, capsys):
    out = file.with_name("model.edge.keras")
    assert main(["edge-safe", str(file)]) == 0
    printed = capsys.readouterr().out
    assert ["head-hidden", "hard_silu", "relu6", "no"] in [line.split() for line in printed.splitlines()]
    for words in ("block2-conv", "outputs differ from the model's: train it on.", str(out)):
        assert words in printed
    assert load_keras(out).get_layer("head-hidden").activation is keras.activations.relu6
    card = Card.read(out)
    assert card.labels == tuple("0123456789") and card.facts["seed"] == 3
    assert card.facts["edge_safe"] == {"from": "model.keras", "exact": False, "dropped": []}
    assert main(["edge-safe", str(file)]) == 2
    assert "Pass --overwrite to replace it" in capsys.readouterr().err
    assert main(["edge-safe", str(file), "--out", "safe.tflite"]) == 2
    assert "ends in .keras, got 'safe.tflite'" in capsys.readouterr().err


def test_models_inside_models_are_tuned_for_int8():
    inner = keras.Sequential([keras.Input((8, 8, 1)), L.Conv2D(4, 3, name="deep"), L.BatchNormalization()], name="base")
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, L.Dense(10)(L.Flatten()(inner(image, training=False))))
    few = tuple(part[:64] for part in digits()[0])
    found = quantize_aware(model, few, Tuning(epochs=1, lr=1e-6))
    assert found.model.get_layer("deep") and found.ranges
    assert np.abs(found.predict(few[0])["scores"] - model.predict(few[0], verbose=0)).max() < 0.1


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ([], "Nothing is to be done"),
        (["--pattern", "2-4"], "--pattern is zeros:of so many, such as 2:4; got '2-4'"),
        (["--pattern", "4:2"], "A pattern is (zeros, of so many)"),
        (["--pattern", "2:4", "--prune", "0.8"], "2 zeros in 4 are a sparsity of 0.5, not of 0.8"),
        (["--prune", "80"], "from 0 to below 1, such as 0.8; got 80.0"),
        (["--prune", "a", "--prune", "head=0.5"], "--prune takes one fraction, such as 0.8, or fractions by layer"),
        (["--prune", "0.5", "--prune", "head=0.5"], "such as 'stage4-*=0.9'; got 0.5, head=0.5"),
        (["--prune", "0.5", "--block", "4"], "--block is height x width, such as 4x1; got '4'"),
        (["--prune", "0.5", "--schedule", "cubic"], "Unknown schedule 'cubic'"),
        (["--filters", "0.5", "--block", "4x1"], "--block say how to prune: pass --prune"),
        (["--filters", "1"], "from 0 to below 1, such as 0.5; got 1.0"),
        (["--cluster", "1"], "clusters must be 3 or more, got 1"),
        (["--prune", "0.5", "--epochs", "0"], "epochs of a Tuning must be 1 or more, got 0"),
        (["--prune", "0.5", "--out", "here.tflite"], "ends in .keras, got 'here.tflite'"),
    ],
)
def test_bad_arguments(asked, says, tmp_path, capsys):
    assert main(["compress", str(tmp_path / "model.keras"), "--data", "digits", *asked]) == 2
    assert says in capsys.readouterr().err
