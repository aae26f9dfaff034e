"""Names that others have chosen do nothing to a terminal, and a card that lacks labels is told as that."""

import keras
import numpy as np
import pytest
from keras import layers as L

from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.cli.common import escaped
from kerascnn.spec import Preprocess
from kerascnn.tasks import Classification, Segmentation

NAMES = {
    "\x1b[2Jcat": "\\x1b[2Jcat",
    "\x1b]0;title\x07": "\\x1b]0;title\\x07",
    "a\rb\x08\x9b31m\x7f": "a\\rb\\x08\\x9b31m\\x7f",
    "right\u202etxt": "right\\u202etxt",
    "line\u2028end": "line\\u2028end",
    "\udcff.jpg": "\\udcff.jpg",  # a file name that is no UTF-8
    "two\nlines\tand\\x1b": "two\nlines\tand\\x1b",
    "Käfer 猫 नी\u200d 👩\u200d🔬\u00a0x": "Käfer 猫 नी\u200d 👩\u200d🔬\u00a0x",
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_what_drives_a_terminal_is_escaped_and_nothing_else(name):
    assert escaped(name) == NAMES[name]
    escaped(name).encode()


@pytest.fixture
def file(tmp_path):
    image = keras.Input((8, 8, 1))
    keras.Model(image, L.Dense(3)(L.Flatten()(image)), name="net").save(tmp_path / "net.keras")
    return tmp_path / "net.keras"


def with_labels(file, *labels):
    Card(model="net", labels=labels, preprocess=Preprocess(size=8, mean=(0.0,), std=(1.0,))).write(file)


def test_labels_and_files_are_printed_so(file, tmp_path, capsys):
    from PIL import Image

    with_labels(file, "\x1b[31mred", "b\x07", "c")
    photo = tmp_path / "\x1b[2J.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(photo)
    assert main(["predict", str(file), str(photo)]) == 0
    assert main(["predict", str(file), str(tmp_path / "\x1b[1A.png")]) == 2
    said = capsys.readouterr()
    assert "\\x1b[31mred" in said.out and "\\x1b[2J.png: " in said.out and "\\x1b[1A.png" in said.err
    assert not {"\x1b", "\x07"} & {*said.out, *said.err}


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c", "d")], ids=len)
@pytest.mark.parametrize("command", ["predict", "evaluate", "export", "compress"])
def test_a_card_with_other_labels_than_outputs_is_one_clear_error(command, labels, file, tmp_path, capsys):
    from PIL import Image

    with_labels(file, *labels)
    for label in labels:
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(np.full((8, 8), 60 * number, np.uint8)).save(tmp_path / "data" / label / f"{number}.png")
    data = ["--data", str(tmp_path / "data")]
    more = {"predict": [str(tmp_path / "data/a/0.png")], "export": []}.get(command, data)
    more += ["--cluster", "4"] if command == "compress" else []
    assert main([command, str(file), *more]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "3" in said and str(len(labels)) in said and "Traceback" not in said
    assert {path.name for path in tmp_path.iterdir()} <= {"net.keras", "net.keras.json", "data"}


def test_masks_need_a_label_for_each_score():
    outputs = {"scores": np.zeros((1, 4, 4, 3), np.float32)}
    for task in (Classification, Segmentation):
        with pytest.raises(ValueError, match="gives 3 outputs, but its card names 2 labels"):
            task(labels=("a", "b")).decode(outputs if task is Segmentation else {"scores": outputs["scores"][0, 0]})
