"""The calibration linter: every seeded mistake is found for every family, and clean images raise no alarm."""

import json
from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images
from test_conformance import TINY

from kerascnn.applications import ROWS
from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.deploy import export
from kerascnn.deploy.calibration import check_calibration
from kerascnn.spec import Preprocess
from kerascnn.weights.records import all_records

PHOTOS = load_sample_images().images
DIGITS = load_digits()
COUNT = 64


@cache
def photos(size: int, seed: int, count: int = COUNT, squash: float = 1.0) -> np.ndarray:
    """Pieces of two photographs, of many sizes, as pixels (N, size, size, 3) of 0..1."""
    random = np.random.default_rng(seed)
    pieces = []
    for _ in range(count):
        photo = PHOTOS[random.integers(2)]
        height = int(random.integers(64, 427 / squash))
        width = int(height * squash)
        top, left = random.integers(0, 427 - height + 1), random.integers(0, 640 - width + 1)
        pieces.append(resized(photo[top : top + height, left : left + width], size))
    return np.stack(pieces)


def resized(image: np.ndarray, size: int, how=Image.Resampling.BILINEAR) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((size, size), how), np.float32) / 255


@cache
def digits(size: int, channels: int, seed: int, count: int = COUNT) -> tuple[np.ndarray, np.ndarray]:
    drawn = np.random.default_rng(seed).integers(0, len(DIGITS.images), count)
    grey = [resized(np.round(DIGITS.images[i] * (255 / 16)).astype("uint8"), size) for i in drawn]
    return np.repeat(np.stack(grey)[..., None], channels, axis=-1), DIGITS.target[drawn]


@cache
def textures(size: int, seed: int, count: int = COUNT) -> np.ndarray:
    """Noise with the spectrum of photographs, in random colours."""
    random = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    frequency[0, 0] = 1 / size
    made = []
    for _ in range(count):
        waves = np.fft.fft2(random.standard_normal((3, size, size))) / frequency**1.1
        image = np.moveaxis(np.fft.ifft2(waves).real, 0, -1)
        image = (image - image.mean(axis=(0, 1))) / image.std(axis=(0, 1))
        image = image @ (np.full((3, 3), 0.47) + 0.5 * random.standard_normal((3, 3)))
        made.append(np.clip(128 + 50 * image + random.normal(0, 30, 3), 0, 255).astype("uint8"))
    return np.stack(made).astype(np.float32) / 255


def clean(how: Preprocess, kind: str, seed: int) -> np.ndarray:
    """Pixels of 0..1 as a network takes them, before normalisation."""
    if how.channels == 1 or kind == "digits":
        return digits(how.size, how.channels, seed)[0]
    return photos(how.size, seed) if kind == "photos" else textures(how.size, seed)


def normalised(pixels: np.ndarray, how: Preprocess) -> np.ndarray:
    return ((pixels - how.mean) / how.std).astype(np.float32)


IMAGENET = Preprocess(size=224)
CAFFE = ((0.485019608, 0.457956863, 0.407603922), (1 / 255,) * 3)


def other_family(pixels, how):
    """-1..1 where ImageNet's mean and std, or nearly those, are asked for; these where anything else is."""
    if how.channels == 1:
        return (pixels - 0.485) / 0.229 if how.mean == (0.5,) else 2 * pixels - 1
    return 2 * pixels - 1 if np.allclose(how.std, IMAGENET.std, rtol=0.3) else normalised(pixels, IMAGENET)


MISTAKES = {  # what is fed instead, from clean pixels of 0..1, and how it must be called
    "raw": (lambda x, how: 255 * x, "range"),
    "raw uint8": (lambda x, how: (255 * x).astype("uint8"), "type"),
    "divided by 255 only": (lambda x, how: x, "range"),
    "divided by 255 twice": (lambda x, how: x / 255, "range"),
    "divided by 255 twice, then normalised": (lambda x, how: normalised(x / 255, how), "range"),
    "not divided, but normalised": (lambda x, how: normalised(255 * x, how), "range"),
    "normalised twice": (lambda x, how: normalised(normalised(x, how), how), "range"),
    "another family's": (other_family, "range"),
    "channels first": (lambda x, how: normalised(x, how).transpose(0, 3, 1, 2), "layout"),
    "reshaped": (lambda x, how: np.moveaxis(normalised(x, how), -1, 1).reshape(x.shape), "layout"),
    "wrong size": (lambda x, how: normalised(x, how)[:, 1:, 1:], "size"),
    "too few": (lambda x, how: normalised(x, how)[:8], "too few"),
    "duplicates": (lambda x, how: np.tile(normalised(x, how)[:40], (3, 1, 1, 1)), "duplicates"),
    "noise": (
        lambda x, how: normalised(np.random.default_rng(0).uniform(size=x.shape), how),
        "noise",
    ),
    "black": (lambda x, how: normalised(0 * x, how), "constant"),
    "some blank": (
        lambda x, how: normalised(np.where(np.arange(len(x))[:, None, None, None] % 4, x, 1), how),
        "constant",
    ),
    "not a number": (lambda x, how: np.where(np.arange(len(x))[:, None, None, None] == 3, np.nan, x), "not finite"),
    "pixels repeated": (
        lambda x, how: normalised(x[:, ::4, ::4].repeat(4, 1).repeat(4, 2)[:, : how.size, : how.size], how),
        "enlarged",
    ),
}


def preprocess_of(row) -> Preprocess:
    """What images go through for a family: that of its first published weights, in the size of its tiny variant."""
    networks = {each.name for each in ROWS.values() if type(each) is type(row)}
    record = next((r.preprocess for r in all_records() if r.network in networks), None)
    if record is None:
        grey = Preprocess(size=row.size, mean=(0.5,), std=(0.5,))
        record = grey if row.channels == 1 else Preprocess(size=row.size)
    return replace(record, size=row.size)


RECORDED = {(r.preprocess.mean, r.preprocess.std): replace(r.preprocess, size=48) for r in all_records()}
ASKED = {name: preprocess_of(row) for name, row in TINY.items()} | {
    f"mean {how.mean[0]:.3f} std {how.std[0]:.4f}": how for how in RECORDED.values()
}
CONTRACTS = {  # once for all families that ask for the same, whatever the interpolation: images here are made
    (how.size, how.mean, how.std): (name, how) for name, how in ASKED.items()
}
CONTRACTS = dict(CONTRACTS.values())


def named(images, how, **more) -> dict[str, str]:
    return {f.mistake: f.certainty for f in check_calibration(images, how, **more)}


def meaningless(mistake: str, how: Preprocess) -> bool:
    """Whether a mistake is none here: 0..1 is what is asked for, or there is one channel only."""
    as_pixels = set(how.mean) == {0.0} and set(how.std) == {1.0}
    return (mistake in ("divided by 255 only", "normalised twice") and as_pixels) or (
        mistake == "reshaped" and how.channels == 1
    )


@pytest.mark.parametrize("name", CONTRACTS)
def test_seeded_mistakes_are_found(name):
    how = CONTRACTS[name]
    pixels = clean(how, "photos", seed=1)
    found = {}
    for mistake, (make, called) in MISTAKES.items():
        if not meaningless(mistake, how):
            made = make(pixels, how)
            made = made if made.dtype == np.uint8 else made.astype(np.float32)
            found[mistake] = called in named(made, how)
    assert len(found) >= 15 and all(found.values()), [mistake for mistake, there in found.items() if not there]


@pytest.mark.parametrize("name", CONTRACTS)
def test_mistakes_that_a_reference_tells(name):
    how = CONTRACTS[name]
    reference = normalised(clean(how, "photos", seed=2), how)
    if how.channels == 3:
        right = photos(how.size, seed=3)
        assert named(normalised(right, how), how, reference=reference) == {}
        assert named(normalised(right[..., ::-1], how), how, reference=reference)["colours"] == "certain"
        tiny = np.stack([resized((255 * x).astype("uint8"), how.size) for x in photos(max(4, how.size // 4), seed=3)])
        assert "enlarged" in named(normalised(tiny, how), how, reference=reference)
        squashed = photos(how.size, seed=3, squash=2.0)
        assert "squashed" in named(normalised(squashed, how), how, reference=reference)
    pixels, targets = digits(how.size, how.channels, seed=4, count=600)
    threes = normalised(pixels[targets == 3], how)
    assert named(threes, how, targets=targets[targets == 3])["one class"] == "likely"
    reference = normalised(pixels, how)
    assert named(threes, how, reference=reference)["one class"] == "possible"
    again, _ = digits(how.size, how.channels, seed=5)
    assert named(normalised(again, how), how, reference=reference) == {}


@pytest.mark.parametrize("kind", ["photos", "digits", "textures"])
@pytest.mark.parametrize("name", CONTRACTS)
def test_clean_images_raise_no_alarm(name, kind):
    how = CONTRACTS[name]
    for seed in range(3):
        images = normalised(clean(how, kind, seed), how)
        assert named(images, how) == {}
        assert named(images[: COUNT // 2], Card(model="any", labels=("a", "b"), preprocess=how)) == {}


@pytest.mark.parametrize("name", [name for name, how in CONTRACTS.items() if how.channels == 3])
def test_exchanged_colours_of_photographs_are_possible_without_a_reference(name):
    how = CONTRACTS[name]
    assert named(normalised(photos(how.size, 1)[..., ::-1], how), how) == {"colours": "possible"}


def test_skies_may_be_blue():
    how, random = Preprocess(size=32), np.random.default_rng(0)
    skies = random.integers(0, 60, (COUNT, 32, 32, 3)).cumsum(axis=2) % 60 + np.array([90, 140, 190])
    smooth = np.stack([resized(sky[:8, :8].astype("uint8"), 32) for sky in skies])
    assert "colours" not in named(normalised(smooth, how), how)


def acquainted(row, how: Preprocess) -> keras.Model:
    """A network whose batch norms have seen photographs, as they have after training."""
    model = row(classes=4)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.7
    seen = normalised(np.concatenate([photos(how.size, seed) for seed in (7, 8)]), how)
    random = np.random.default_rng(0)
    for _ in range(12):
        model(random.permutation(seen)[:48], training=True)
    return model


@pytest.mark.parametrize("family", ["MobileNetV3Family", "ShuffleNetV2", "EffNetFamily", "ResNetV2"])
def test_a_network_remembers_how_its_images_were_made(family):
    how = preprocess_of(TINY[family])
    model = acquainted(TINY[family], how)
    pixels = photos(how.size, seed=42)
    for kind in "photos", "digits", "textures":
        assert named(normalised(clean(how, kind, seed=9), how), model) == {}
    if family in ("ShuffleNetV2", "EffNetFamily"):  # the random filters of the others weigh red and blue alike
        assert named(normalised(pixels[..., ::-1], how), model) == {"colours": "likely"}
    for fed in (255 * pixels, other_family(pixels, how)):
        assert named(fed.astype(np.float32), model) == {"range": "likely"}


def test_a_network_that_was_not_trained_says_nothing():
    how = preprocess_of(TINY["ResNet"])
    assert named(normalised(photos(how.size, 1)[..., ::-1], how), TINY["ResNet"](classes=4)) == {}


@pytest.fixture
def model_file(tmp_path):
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, 2, name="conv")(image)
    x = keras.layers.Dense(4, name="dense")(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    path = tmp_path / "net.keras"
    keras.Model(image, x, name="net").save(path)
    Card(model="net", labels=tuple("abcd"), preprocess=Preprocess(size=32)).write(path)
    return path


def test_export_to_int8_refuses_what_is_certain_and_warns_of_the_rest(model_file):
    how, pixels = Preprocess(size=32), photos(32, 1)
    with pytest.raises(ValueError, match=r"cannot be right\. range \(certain\): values from 0 to 255: raw pixels"):
        export(model_file, format="tflite-int8", calibration=255 * pixels, path=model_file.with_name("net.tflite"))
    assert not model_file.with_name("net.tflite").exists()
    with pytest.warns(UserWarning, match=r"Calibration images: too few \(likely\): 8 different images\. Expected at"):
        few = normalised(pixels[:8], how)
        export(model_file, format="tflite-int8", calibration=few, path=model_file.with_name("net.tflite"))


@pytest.mark.filterwarnings("error::UserWarning:kerascnn")
def test_export_is_silent_about_clean_images(model_file):
    clean = normalised(photos(32, 1), Preprocess(size=32))
    export(model_file, format="tflite-int8", calibration=clean, path=model_file.with_name("net.tflite"))


def test_the_command_line_lints(model_file, tmp_path, capsys):
    how, pixels = Preprocess(size=32), photos(32, 1)
    for name, images in (("good", normalised(pixels, how)), ("bad", 255 * pixels), ("bgr", pixels[..., ::-1])):
        np.save(tmp_path / f"{name}.npy", normalised(images, how) if name == "bgr" else images)
    assert main(["lint-calibration", str(model_file), str(tmp_path / "good.npy")]) == 0
    assert "nothing is wrong with these 64 images" in capsys.readouterr().out
    assert main(["lint-calibration", str(model_file), str(tmp_path / "bad.npy"), "--json"]) == 2
    said = capsys.readouterr()
    assert [finding["mistake"] for finding in json.loads(said.out)] == ["range"]
    assert "bad.npy cannot be right: range." in said.err
    command = [
        "lint-calibration",
        str(model_file),
        str(tmp_path / "bgr.npy"),
        "--reference",
        str(tmp_path / "good.npy"),
    ]
    assert main(command) == 2
    assert "colours (certain)\n    found     red and blue are exchanged" in capsys.readouterr().out


def test_what_is_no_array_of_images_is_named(model_file, tmp_path, capsys):
    (tmp_path / "text.npy").write_text("no array at all")
    np.save(tmp_path / "scalar.npy", np.float32(1))
    np.save(tmp_path / "names.npy", np.array(["a", None], object), allow_pickle=True)
    for name, says in {
        "none": "There is no file {}",
        "text": "{} is damaged, or is no .npy file of numbers",
        "names": "{} is damaged, or is no .npy file of numbers",
        "scalar": "{} holds float32 of shape ()",
    }.items():
        file = str(tmp_path / f"{name}.npy")
        assert main(["lint-calibration", str(model_file), file]) == 2
        said = capsys.readouterr().err
        assert says.format(file) in said and "expected a .npy file of preprocessed images, a float32 array" in said


def test_a_data_source_is_prepared_as_the_card_says(model_file, tmp_path, capsys):
    images = {f"x_{part}": (255 * photos(48, seed)).astype("uint8") for part, seed in (("train", 2), ("val", 3))}
    labels = {"y_train": np.arange(64) % 2, "y_val": np.arange(64) % 2}
    np.savez(tmp_path / "two.npz", **images, **labels)
    assert main(["lint-calibration", str(model_file), str(tmp_path / "two.npz")]) == 0
    assert "nothing is wrong with these 64 images" in capsys.readouterr().out


def test_what_cannot_be_looked_at_is_said():
    with pytest.raises(ValueError, match="There are no calibration images"):
        check_calibration([], Preprocess(size=32))
    with pytest.raises(ValueError, match=r"The reference is float64 of shape \(64, 32, 32, 3\); expected float32"):
        images = normalised(photos(32, 1), Preprocess(size=32))
        check_calibration(images, Preprocess(size=32), reference=images.astype("float64"))
    sizes = [np.zeros((30, 20, 3), np.float32), np.zeros((20, 30, 3), np.float32)]
    found = check_calibration(sizes, Preprocess(size=32))
    assert [(f.mistake, f.found) for f in found] == [("size", "images of shape (20, 30, 3), (30, 20, 3)")]
