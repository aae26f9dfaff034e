"""`kerascnn evaluate` on one trained network in three formats."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.data import open_data
from kerascnn.data.pipeline import batches
from kerascnn.deploy import export
from kerascnn.runtime import open_model
from kerascnn.spec import Preprocess
from kerascnn.tasks.classification import crops

FORMATS = ("model.keras", "model.tflite", "model.onnx")
LABELS = ("field", "night", "sky")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Noisy photos of three kinds of weather, a quarter of which bear the label of another."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    weathers = {"sky": (1.0, 1.0), "field": (0.9, 0.6), "night": (0.7, 0.8)}
    for label in weathers:
        (folder / label).mkdir()
        for i in range(24):
            light, horizon = weathers[random.choice(list(weathers)) if i % 4 == 0 else label]
            height, width = random.integers(20, 40, 2)
            image = random.integers(0, 90, (height, width, 3)) + light * np.array([60, 90, 140])
            image[int(horizon * height) :] *= random.uniform(0.3, 1)
            Image.fromarray(image.astype(np.uint8)).save(folder / label / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    """A small network that was trained on them, with its card, in three formats."""
    folder = tmp_path_factory.mktemp("trained")
    preprocess = Preprocess(size=16, crop=0.8, mean=(0.5,) * 3, std=(0.25,) * 3)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    data = open_data(photos)
    for _ in range(12):
        model.fit(batches(data.train, preprocess, 16).map(lambda x, y: (x, y["label"])), shuffle=False, verbose=0)
    model.save(folder / "model.keras")
    card = Card(model="small", labels=LABELS, preprocess=preprocess)
    card.write(folder / "model.keras")
    for name in FORMATS[1:]:
        export(folder / "model.keras", folder / name, Path(name).suffix[1:])
    return folder


def evaluated(file: Path, photos: Path, *options: str) -> dict:
    """What `kerascnn evaluate` writes."""
    out = file.parent / "out" / file.name
    assert main(["evaluate", str(file), "--data", str(photos), "--out", str(out), *options]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["evaluation.html", "evaluation.json"]
    return json.loads((out / "evaluation.json").read_text())


def leaves(value, path: str = ""):
    """Every number in what JSON holds, with the way to it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from leaves(inner, f"{path}/{key}")
    if isinstance(value, int | float):
        yield path, value


@pytest.mark.parametrize("name", FORMATS[1:])
@pytest.mark.parametrize("options", [(), ("--crops", "10", "--corruptions", "fog,jpeg", "--severities", "2,5")])
def test_every_format_gives_the_same_numbers(name, options, trained, photos):
    keras_numbers, numbers = (evaluated(trained / file, photos, *options) for file in (FORMATS[0], name))
    expected, found = (dict(leaves(one)) for one in (keras_numbers, numbers))
    assert found.keys() == expected.keys() and len(found) > 80
    for path, number in expected.items():
        # The temperature lies where the likelihood is flattest, so rounding moves it more than what it gives.
        assert found[path] == pytest.approx(number, rel=1e-3 if "scaling" in path else 1e-4, abs=1e-5), path
    assert 0.4 < keras_numbers["top1"] < 1  # there is something to get wrong


def test_what_is_printed_is_what_is_written(trained, photos, tmp_path, capsys):
    copied = tmp_path / "numbers.json"
    numbers = evaluated(trained / "model.tflite", photos, "--corruptions", "contrast", "--json", str(copied))
    said = capsys.readouterr().out
    assert json.loads(copied.read_text()) == numbers
    calibration, scaling = numbers["calibration"], numbers["temperature_scaling"]
    assert f"top-1 {numbers['top1']:.2%}\n" in said  # three classes have no top-5
    assert f"negative log-likelihood {calibration['nll']:.4f}" in said
    assert f"expected calibration error {calibration['ece']:.2%}" in said
    assert f"temperature {scaling['temperature']:.3f}" in said
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line}
    for row in numbers["classes"]:
        assert rows[row["label"]] == [str(row["support"]), f"{row['precision']:.2%}", f"{row['recall']:.2%}"]
    (contrast,) = numbers["corruptions"]["kinds"]
    assert rows["contrast"] == [f"{score:.2%}" for score in (*contrast["scores"], contrast["error"])]
    assert numbers["corruptions"]["whole"] == pytest.approx(numbers["top1"])
    page = (trained / "out/model.tflite/evaluation.html").read_text()
    assert "small: model.tflite" in page and "18 validation images" in page and "kerascnn" in page


def test_the_page_lies_beside_the_model_and_is_replaced(trained, photos, capsys):
    for split, images in (("train", 54), ("validation", 18)):
        assert main(["evaluate", str(trained / "model.keras"), "--data", str(photos), "--split", split]) == 0
        folder = trained / "model.keras.evaluation"
        assert json.loads((folder / "evaluation.json").read_text())["samples"] == images
        assert str(folder / "evaluation.html") in capsys.readouterr().out


def test_crops_are_of_the_resized_photo(trained, photos):
    """Ten views of 16 pixels of a photo whose short side has 20: by hand, from Keras' own outputs."""
    numbers = evaluated(trained / "model.keras", photos, "--crops", "10")
    card, runner, data = Card.read(trained / "model.keras"), open_model(trained / "model.keras"), open_data(photos)
    (images, targets), *_ = batches(
        data.validation, Preprocess(size=20, crop=1.0, mean=(0.5,) * 3, std=(0.25,) * 3), 99
    )
    views = crops.crops(images.numpy(), card.preprocess.size, 10)
    mean = np.mean([runner(view)["scores"] for view in views], axis=0)
    assert numbers["top1"] == (mean.argmax(axis=1) == targets["label"].numpy()).mean()
    of_targets = mean[np.arange(len(images)), targets["label"]]
    assert numbers["calibration"]["nll"] == pytest.approx(-np.log(of_targets).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--crops", "3"), "it must be one of 1, 5, 10"),
        (("--corruptions", "frogs"), "Did you mean 'frost' or 'fog'"),
        (("--corruptions", "fog", "--severities", "1,6"), "There is no severity 6"),
        (("--severities", "few"), "--severities takes whole numbers"),
    ],
)
def test_bad_options_get_one_clear_line(options, says, trained, photos, capsys, tmp_path):
    arguments = ["evaluate", str(trained / "model.keras"), "--data", str(photos), "--out", str(tmp_path / "out")]
    assert main([*arguments, *options]) == 2
    assert says in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_model_that_sees_the_whole_image_has_nothing_to_crop(trained, photos, tmp_path, capsys):
    (tmp_path / "model.keras").write_bytes((trained / "model.keras").read_bytes())
    Card(model="small", labels=LABELS, preprocess=Preprocess(size=16, crop=1.0)).write(tmp_path / "model.keras")
    assert main(["evaluate", str(tmp_path / "model.keras"), "--data", str(photos), "--crops", "5"]) == 2
    assert "sees the whole image" in capsys.readouterr().err
