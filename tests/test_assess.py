"""`kerascnn evaluate` on one trained network in three formats."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.data import open_data, open_source
from kerascnn.data.pipeline import batches, load_image
from kerascnn.data.sources.photos import FOLDER
from kerascnn.deploy import export
from kerascnn.runtime import open_model
from kerascnn.spec import Preprocess
from kerascnn.tasks.classification import crops
from kerascnn.weights.imagenet import classes
from kerascnn.workflows.common import opened_for_many

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
    assert "small: model.tflite" in page and "all 72 images of" in page and "kerascnn" in page


def test_the_page_lies_beside_the_model_and_is_replaced(trained, photos, capsys):
    data = open_data(photos)
    for split, images in (("train", len(data.train)), ("validation", len(data.validation)), ("all", 72)):
        assert main(["evaluate", str(trained / "model.keras"), "--data", str(photos), "--split", split]) == 0
        folder = trained / "model.keras.evaluation"
        assert json.loads((folder / "evaluation.json").read_text())["samples"] == images
        said = capsys.readouterr().out
        assert (
            str(folder / "evaluation.html") in said
            and (f"all 72 images of {photos}" if split == "all" else f"{images} {split} images of {photos}") in said
        )


def test_what_is_measured_of_a_source(trained, photos, tmp_path):
    """All of an unknown one, the validation images of the training's own, the test images where there are some."""
    model = tmp_path / "model.keras"
    shutil.copy(trained / "model.keras", model)
    data, card = open_data(photos), Card(model="small", labels=LABELS, preprocess=Preprocess(size=16))
    card.write(model)
    measured = kerascnn.evaluate(model, photos)
    assert measured.evaluation.samples == 72 and "nothing is known" in measured.text()

    facts = {"data": {"source": "my photos", "fingerprint": data.fingerprint}}
    replace(card, facts=facts).write(model)
    measured = kerascnn.evaluate(model, photos)
    assert measured.evaluation.samples == len(data.validation) < 72
    assert "the source that the model was trained on; they validated its training" in measured.text()
    assert kerascnn.evaluate(model, photos, split="all").evaluation.samples == 72
    half = open_data(photos, validation=0.5, seed=3)
    facts = {"fingerprint": half.fingerprint, "validation_fraction": half.validation_fraction, "seed": half.seed}
    replace(card, facts={"data": facts}).write(model)
    assert kerascnn.evaluate(model, photos).evaluation.samples == len(half.validation) > len(data.validation)
    replace(card, facts={"data": {"source": "my photos", "fingerprint": data.fingerprint}}).write(model)

    parts = tmp_path / "parts"
    for role, labels in (("train", LABELS), ("val", LABELS), ("test", LABELS[::2])):
        for label in labels:
            (parts / role / label).mkdir(parents=True)
            for number in range({"train": 2, "val": 4, "test": 8}[role]):
                shutil.copy(photos / label / f"{number:02d}.png", parts / role / label)
    measured = kerascnn.evaluate(model, parts)
    assert measured.evaluation.samples == 16 and measured.images.startswith("16 test images")
    assert measured.evaluation.support.tolist() == [8, 0, 8]
    assert "not the images that the model was trained on: those were my photos" in measured.comparison
    assert kerascnn.evaluate(model, parts, split="validation").evaluation.samples == 12
    only = kerascnn.evaluate(model, parts / "test")  # fewer classes, matched by name
    assert only.evaluation.confusion.tolist() == measured.evaluation.confusion.tolist()
    with pytest.raises(ValueError, match="has no validation images: it has 16 images"):
        kerascnn.evaluate(model, parts / "test", split="validation")
    with pytest.raises(ValueError, match="it must be one of all, train, validation, test"):
        kerascnn.evaluate(model, parts, split="tset")
    (parts / "test" / "sky").rename(parts / "test" / "skies")
    with pytest.raises(ValueError, match="The data has the classes field, skies, but the model knows"):
        kerascnn.evaluate(model, parts / "test")


def test_prediction_in_one_line(trained, photos, capsys):
    model, paths = trained / "model.tflite", [photos / "sky" / "00.png", photos / "night" / "01.png"]
    first, second = kerascnn.predict(model, paths)
    assert first.label in LABELS and 1 / 3 < first.confidence <= 1
    for one in (kerascnn.predict(str(model), str(paths[1])), kerascnn.predict(kerascnn.open_model(model), paths[1])):
        assert one.label == second.label and one.confidence == pytest.approx(second.confidence)
    pixels = np.asarray(Image.open(paths[0]))
    assert kerascnn.predict(model, pixels).confidence == pytest.approx(first.confidence)
    assert main(["predict", str(model), *map(str, paths), "--top", "1"]) == 0
    assert capsys.readouterr().out == f"{paths[0]}: {first.text(1)}\n{paths[1]}: {second.text(1)}\n"
    with pytest.raises(ValueError, match=r"uint8 of shape \(H, W, 1 or 3\), not float64 of \(4, 4, 3\)"):
        kerascnn.predict(model, np.zeros((4, 4, 3)))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        kerascnn.predict(model, "nowhere.jpg")
    with pytest.raises(FileNotFoundError, match=r"no model file nothing\.tflite"):
        kerascnn.predict("nothing.tflite", paths[0])


def test_a_folder_is_predicted_file_by_file(trained, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kerascnn.workflows.predict.BATCH", 3)  # several batches, and one that is not full
    (tmp_path / "in").mkdir()
    for label in ("sky", "night"):
        shutil.copy(photos / label / "00.png", tmp_path / f"{label}.png")
        for number in (1, 2):
            shutil.copy(photos / label / f"{number:02d}.png", tmp_path / "in" / f"{label}{number}.png")
    (tmp_path / "notes.txt").write_text("no image")
    paths = sorted(tmp_path.glob("in/*.png")) + sorted(tmp_path.glob("*.png"))
    assert main(["predict", str(trained / "model.tflite"), str(tmp_path), "--top", "1"]) == 0
    one_by_one = [kerascnn.predict(trained / "model.tflite", path) for path in paths]
    lines = [f"{path}: {prediction.text(1)}" for path, prediction in zip(paths, one_by_one, strict=True)]
    assert capsys.readouterr().out.splitlines() == lines and len(lines) == 6
    paths[4].write_bytes(paths[4].read_bytes()[:60])
    assert main(["predict", str(trained / "model.tflite"), str(tmp_path)]) == 2
    assert f"{paths[4]} is not a JPEG, PNG" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(trained / "model.tflite"), str(tmp_path / "empty")]) == 2
    assert "empty holds no images" in capsys.readouterr().err


def test_many_images_run_without_batch_norms_of_their_own(tmp_path, monkeypatch):
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, use_bias=False)(image)
    x = keras.layers.BatchNormalization(
        beta_initializer="ones", moving_variance_initializer=keras.initializers.Constant(0.3)
    )(x)
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    model.save(tmp_path / "net.keras")
    ran = []
    call = keras.layers.BatchNormalization.call
    monkeypatch.setattr(
        keras.layers.BatchNormalization,
        "call",
        lambda self, *of, **how: ran.append(self.name) or call(self, *of, **how),
    )
    images = np.random.default_rng(0).standard_normal((3, 8, 8, 3), dtype=np.float32)
    plain, traced = open_model(tmp_path / "net.keras"), len(ran)
    many, compared = opened_for_many(tmp_path / "net.keras"), len(ran) - traced
    np.testing.assert_allclose(many(images)["scores"], plain(images)["scores"], rtol=1e-5, atol=1e-6)
    assert (traced, compared) == (1, 1)  # the one of a network that is not traced with it
    monkeypatch.setattr("kerascnn.graph.fold.folded", keras.models.clone_model)  # with other weights
    np.testing.assert_array_equal(opened_for_many(tmp_path / "net.keras")(images)["scores"], plain(images)["scores"])


def test_real_weights_name_what_is_in_real_photographs():
    """ImageNet's classes 0 to 7 and 389 to 397 are fish; of the photographs of fish nearly all are called so."""
    names = [name.replace("_", " ") for _, name in classes()]
    fish = {names[i] for i in (*range(8), *range(389, 398))}
    paths = sorted((FOLDER / "fish").glob("*.jpg"))
    seen = kerascnn.predict("efficientnet_lite0.imagenet", paths)
    assert sum(prediction.label in fish for prediction in seen) >= 0.9 * len(paths) and len(paths) == 28


def test_a_network_of_the_catalogue_predicts_by_its_record(photos, monkeypatch):
    record = kerascnn.find_record("mobilenet_v2_035")
    model = kerascnn.build("mobilenet_v2_035", input_shape=(96, 96, 3))  # as downloaded, here with random weights
    built = {}
    monkeypatch.setattr("kerascnn.workflows.predict.build", lambda name, **how: built.update({name: how}) or model)
    prediction = kerascnn.predict(record.name, photos / "sky" / "00.png")
    images = load_image(photos / "sky" / "00.png", record.preprocess)[None]
    best = int(np.argmax(model(images)))
    assert built == {record.name: {"input_shape": (96, 96, 3)}}
    assert prediction.label == classes()[best][1].replace("_", " ") and len(prediction.labels) == 1000


def test_crops_are_of_the_resized_photo(trained, photos):
    """Ten views of 16 pixels of a photo whose short side has 20: by hand, from Keras' own outputs."""
    numbers = evaluated(trained / "model.keras", photos, "--crops", "10")
    card, runner, data = Card.read(trained / "model.keras"), open_model(trained / "model.keras"), open_source(photos)
    (images, targets), *_ = batches(data.whole(), Preprocess(size=20, crop=1.0, mean=(0.5,) * 3, std=(0.25,) * 3), 99)
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
