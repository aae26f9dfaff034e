"""The command that compresses: from a file with its card to a smaller one, measured on the way."""

import json

import numpy as np
import pytest
from tiny_digits import trained

pytest.importorskip("tensorflow_model_optimization")
pytest.importorskip("ai_edge_litert")
from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.compress import Tuning, sparsity, values
from kerascnn.data import open_data
from kerascnn.runtime import load_keras
from kerascnn.slim import training
from kerascnn.spec import Preprocess


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.keras"
    trained().save(path)
    preprocess = Preprocess(size=8, crop=1.0, mean=(0.0,), std=(1.0,))
    Card(model="tiny_digits", labels=tuple("0123456789"), preprocess=preprocess, facts={"seed": 3}).write(path)
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
    assert printed[1].startswith("before") and printed[2].startswith("after") and facts["verdict"] in printed
    sizes = [[int(word.replace(",", "")) for word in line.split()[2:4]] for line in printed[1:3]]
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
    once_more = [
        "compress",
        str(file.with_name("small.keras")),
        "--data",
        "digits",
        "--out",
        str(file.with_name("a.keras")),
    ]
    for what in (["--int8"], ["--prune", "0.5"], ["--cluster", "8"], ["--filters", "0.5"]):
        assert main([*once_more, *what]) == 2
        assert "was tuned for int8, so export it as tflite-int8" in capsys.readouterr().err
    assert main(["export", str(file.with_name("small.keras"))]) == 2
    assert "was tuned for int8, which tflite is not: export it as tflite-int8" in capsys.readouterr().err
    again = ["export", str(file.with_name("small.keras")), "--format", "tflite-int8", "--overwrite"]
    assert main([*again, "--float-layers", "*"]) == 2
    assert "tuned for integers throughout" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ([], "Nothing is to be done"),
        (["--pattern", "2-4"], "--pattern is zeros:of so many, such as 2:4; got '2-4'"),
        (["--pattern", "2:0"], "--pattern is zeros:of so many, such as 2:4; got '2:0'"),
        (["--pattern", "4:2"], "A pattern is (zeros, of so many)"),
        (["--pattern", "2:4", "--prune", "0.8"], "2 zeros in 4 are a sparsity of 0.5, not of 0.8"),
        (["--prune", "80"], "from 0 to below 1, such as 0.8; got 80.0"),
        (["--filters", "1"], "from 0 to below 1, such as 0.5; got 1.0"),
        (["--cluster", "1"], "clusters must be 3 or more, got 1"),
        (["--prune", "0.5", "--epochs", "0"], "epochs of a Tuning must be 1 or more, got 0"),
        (["--prune", "0.5", "--out", "here.tflite"], "ends in .keras, got 'here.tflite'"),
    ],
)
def test_bad_arguments(asked, says, tmp_path, capsys):
    assert main(["compress", str(tmp_path / "model.keras"), "--data", "digits", *asked]) == 2
    assert says in capsys.readouterr().err


def test_what_was_trained_is_kept_when_it_cannot_be_measured(file, monkeypatch, capsys):
    def measure(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("kerascnn.slim.compared", measure)
    out = file.with_name("small.keras")
    asked = ["--prune", "0.5", "--epochs", "1", "--out", str(out)]
    assert main(["compress", str(file), "--data", "digits", *asked]) == 2
    assert "small.keras is written, and could not be measured: No space left on device" in capsys.readouterr().err
    assert (
        0.4 < sparsity(load_keras(out))["block2-conv"] < 0.6
        and Card.read(out).facts["compression"]["from"] == file.name
    )


def test_an_epoch_has_every_image_once_and_the_next_another_order():
    data, how = open_data("digits"), Preprocess(size=8, crop=1.0, mean=(0.0,), std=(1.0,))
    card = Card(model="tiny_digits", labels=tuple("0123456789"), preprocess=how)
    batches = training(data, card, Tuning(batch=64))
    one, two = (np.concatenate([targets for _, targets in batches.as_numpy_iterator()]) for _ in range(2))
    assert len(batches) == -(-len(data.train) // 64) and not np.array_equal(one, two)
    np.testing.assert_array_equal(np.sort(one), np.sort(data.train.targets))
    np.testing.assert_array_equal(np.sort(one), np.sort(two))
