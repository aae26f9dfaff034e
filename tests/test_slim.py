"""The command that compresses: from a file with its card to a smaller one, measured on the way."""

import json

import pytest
from tiny_digits import trained

pytest.importorskip("tensorflow_model_optimization")
pytest.importorskip("ai_edge_litert")
from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.compress import sparsity, values
from kerascnn.runtime import load_keras
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
    again = ["export", str(file.with_name("small.keras")), "--format", "tflite-int8", "--overwrite"]
    assert main([*again, "--float-layers", "*"]) == 2
    assert "tuned for integers throughout" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ([], "Nothing is to be done"),
        (["--pattern", "2-4"], "--pattern is zeros:of so many, such as 2:4; got '2-4'"),
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
