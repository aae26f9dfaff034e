"""Files are written whole or not at all, cards come back as they were, and errors name the way out."""

import sys

import pytest

from kerascnn.card import Card
from kerascnn.errors import need, suggest
from kerascnn.files import write_text, written_whole
from kerascnn.spec import Preprocess

CARD = Card(
    model="resnet18",
    labels=("a", "b"),
    preprocess=Preprocess(size=32, mean=(0.5,), std=(0.25,)),
    facts={"top1": 0.5, "epochs": [1, 2]},
)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "before")
    with pytest.raises(RuntimeError), written_whole(path) as draft:
        draft.write_text("half of")
        raise RuntimeError
    assert path.read_text() == "before" and [p.name for p in path.parent.iterdir()] == ["file.txt"]
    write_text(path, "after")
    assert path.read_text() == "after"


def test_a_card_comes_back_as_it_was(tmp_path):
    CARD.write(tmp_path / "model.tflite")
    assert Card.read(tmp_path / "model.tflite") == CARD
    assert (tmp_path / "model.tflite.json").is_file()


def test_a_missing_or_damaged_card_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.onnx has no card: .*model\.onnx\.json is missing"):
        Card.read(tmp_path / "model.onnx")
    for text in ("{", "[]", '{"model": "x"}', '{"model": "x", "labels": [], "preprocess": {"mean": 3}}'):
        (tmp_path / "model.onnx.json").write_text(text)
        with pytest.raises(ValueError, match=r"model\.onnx\.json is not a model card"):
            Card.read(tmp_path / "model.onnx")


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"The report needs the package 'jinja2'.*pip install 'kerascnn\[report\]'"):
        need("jinja2", "report", "The report")


def test_suggestions():
    assert suggest("resnet5", ["resnet50", "vgg16"]) == "Did you mean 'resnet50'?"
    assert suggest("zzz", ["b", "a"]) == "Choose one of 'a', 'b'."
    assert suggest("zzz", [str(i) for i in range(40)]) == ""
