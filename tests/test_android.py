"""The Android project: complete, the same every time, and its numbers those that LiteRT and training give."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.deploy import export
from kerascnn.deploy.android import PHOTO, PROJECT, name_of, write_android_project
from kerascnn.deploy.images import noise
from kerascnn.runtime import open_model
from kerascnn.spec import Preprocess

SIZE = 24
SOURCES = "app/src/main/kotlin/org/kerascnn/classifier"
ASSETS = "app/src/main/assets"
ANDROID = "{http://schemas.android.com/apk/res/android}"


def card(**how) -> Card:
    how = {"size": SIZE, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.25, 0.3)} | how
    return Card(model="Tiny-Net.1", labels=("cat", "großer Hund", "owl"), preprocess=Preprocess(**how))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(8, 3, 2, activation="relu")(image)
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(x)))
    return keras.Model(image, layers.Softmax()(x), name="tiny")


FILES = [
    ("tflite", {}),
    ("tflite", {"pixels": True}),
    ("tflite-int8", {}),
    ("tflite-int8", {"pixels": True}),
    ("tflite-int16x8", {}),
]


@pytest.fixture(scope="module", params=FILES, ids=lambda p: "-".join([p[0], *p[1]]))
def file(request, model, tmp_path_factory) -> Path:
    format, how = request.param
    path = tmp_path_factory.mktemp("files") / "net.tflite"
    images = np.clip(noise((SIZE, SIZE, 3)), -1, 2.3)  # within what pixels become
    export(model, path, format, calibration=images, card=card(), **how)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def floats(path: Path) -> np.ndarray:
    return np.fromfile(path, "<f4")


def properties(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_two_runs_are_equal_to_the_byte(file, tmp_path):
    one = contents(write_android_project(file, tmp_path / "one"))
    assert one == contents(write_android_project(file, tmp_path / "far" / "two"))
    written = {f"{ASSETS}/{name}" for name in ("model.tflite", "labels.txt", "preprocess.properties")}
    written |= {f"app/src/androidTest/assets/{name}" for name in ("inputs.bin", "outputs.bin", "golden.properties")}
    written |= {f"app/src/test/resources/{name}" for name in ("photo.bin", "values.bin", "photo.properties")}
    assert set(one) == written | set(contents(PROJECT))
    assert one[f"{ASSETS}/model.tflite"] == file.read_bytes()
    assert not [name for name, content in one.items() if b"@NAME@" in content or str(tmp_path).encode() in content]


def test_the_parts_fit_together(file, tmp_path):
    app = write_android_project(file, tmp_path / "app")
    settings, build = ((app / name).read_text() for name in ("settings.gradle.kts", "app/build.gradle.kts"))
    assert 'rootProject.name = "tiny_net_1"' in settings and 'include(":app")' in settings
    assert (app / "app").is_dir() and (app / "build.gradle.kts").is_file()
    namespace = re.search(r'namespace = "(.+)"', build)[1]
    assert 'applicationId = "org.kerascnn.tiny_net_1"' in build and 'noCompress += "tflite"' in build
    assert "com.google.ai.edge.litert:litert:" in build and "androidx.exifinterface:exifinterface:" in build

    manifest = ElementTree.parse(app / "app/src/main/AndroidManifest.xml").getroot()
    hardware = {f.get(f"{ANDROID}name"): f.get(f"{ANDROID}required") for f in manifest.iter("uses-feature")}
    assert hardware["android.hardware.camera"] == "false", "the permission alone would make it required"
    activity = manifest.find("application/activity").get(f"{ANDROID}name")
    assert (app / SOURCES / f"{activity.removeprefix('.')}.kt").is_file()
    strings = {s.get("name") for s in ElementTree.parse(app / "app/src/main/res/values/strings.xml").getroot()}
    sources = {path: path.read_text(encoding="utf-8") for path in app.rglob("*.kt")}
    assert len(sources) == 5
    used = set(re.findall(r"R\.string\.(\w+)", "".join(sources.values()))) | {"app_name"}
    assert used == strings
    for path, text in sources.items():
        package = re.search(r"^package (.+)$", text, re.MULTILINE)[1]
        assert package == namespace and path.parent.as_posix().endswith(package.replace(".", "/"))
        assert f"class {path.stem}" in text
        for opening, closing in ("()", "[]", "{}"):
            assert text.count(opening) == text.count(closing), path
    assets = {p.name for p in (app / ASSETS).iterdir()}
    assert set(re.findall(r'assets\.open(?:Fd)?\("(.+?)"\)', sources[app / SOURCES / "Classifier.kt"])) == assets
    golden = app / "app/src/androidTest"
    opened = re.findall(r'"([\w.]+\.(?:bin|properties))"', next(golden.rglob("GoldenTest.kt")).read_text())
    assert set(opened) == {p.name for p in (golden / "assets").iterdir()}
    unit = app / "app/src/test"
    resources = re.findall(r'resource\("([\w.]+)"\)', next(unit.rglob("PreprocessTest.kt")).read_text())
    assert set(resources) == {p.name for p in (unit / "resources").iterdir()}
    assert (app / ASSETS / "labels.txt").read_text(encoding="utf-8").splitlines() == list(card().labels)


def test_vectors_come_out_of_litert(file, tmp_path):
    app = write_android_project(file, tmp_path / "app")
    golden = app / "app/src/androidTest/assets"
    facts = properties(golden / "golden.properties")
    count = int(facts["count"])
    inputs = floats(golden / "inputs.bin").reshape(count, SIZE, SIZE, 3)
    outputs = floats(golden / "outputs.bin").reshape(count, 3)
    np.testing.assert_array_equal(open_model(app / ASSETS / "model.tflite")(inputs)["scores"], outputs)
    step = open_model(file).steps.get("scores", 0.0)
    assert float(facts["tolerance"]) == pytest.approx(2 * step if step else 1e-3, rel=1e-5)
    assert outputs.std() > 0.5 * float(facts["tolerance"]), "vectors that are all alike would prove nothing"


HOWS = [
    {},
    {"squash": True, "interpolation": "bicubic"},
    {"interpolation": "bicubic", "crop": 0.9},
    {"interpolation": "nearest", "crop": 0.8},
    {"mean": (0.4,), "std": (0.3,)},
    {"size": 224, "mean": (0, 0, 0), "std": (1 / 255, 1 / 255, 1 / 255)},
    {"size": 32, "interpolation": "nearest", "crop": 0.7, "photo": (56, 101, 3)},  # places that fall between two
]


@pytest.mark.skipif(not shutil.which("kotlinc") or not shutil.which("java"), reason="needs kotlinc and java")
def test_kotlin_makes_of_a_picture_what_training_makes_of_it(tmp_path, monkeypatch):
    test = tmp_path / "Main.kt"
    test.write_text(
        "package org.kerascnn.classifier\nimport java.io.File\nimport java.nio.*\nimport java.util.Properties\n"
        "fun main(folders: Array<String>) = folders.forEach { folder ->\n"
        "val facts = Properties().apply { File(folder, \"preprocess.properties\").inputStream().use { load(it) } }\n"
        "val photo = Properties().apply { File(folder, \"photo.properties\").inputStream().use { load(it) } }\n"
        "val width = photo.getProperty(\"width\").toInt()\nval height = photo.getProperty(\"height\").toInt()\n"
        "val bytes = File(folder, \"photo.bin\").readBytes()\n"
        "val argb = IntArray(bytes.size / 3) { (bytes[3 * it].toInt() and 255 shl 16) or "
        "(bytes[3 * it + 1].toInt() and 255 shl 8) or (bytes[3 * it + 2].toInt() and 255) }\n"
        "val values = Preprocess(facts).values(Pixels(width, height, argb))\n"
        "val out = ByteBuffer.allocate(4 * values.size).order(ByteOrder.LITTLE_ENDIAN)\n"
        "values.forEach { out.putFloat(it) }\nFile(folder, \"made.bin\").writeBytes(out.array()) }\n"
    )  # fmt: skip
    folders = []
    for i, how in enumerate(HOWS):
        how = dict(how)
        monkeypatch.setattr("kerascnn.deploy.android.PHOTO", how.pop("photo", PHOTO))
        size = how.get("size", SIZE)
        channels = len(how.get("mean", "rgb"))
        net = keras.Sequential([keras.Input((size, size, channels)), layers.GlobalAveragePooling2D(), layers.Dense(3)])
        export(net, tmp_path / f"{i}.tflite", card=card(**how))
        app = write_android_project(tmp_path / f"{i}.tflite", tmp_path / f"app{i}")
        folders.append(tmp_path / f"case{i}")
        shutil.copytree(app / "app/src/test/resources", folders[-1])
        shutil.copy(app / ASSETS / "preprocess.properties", folders[-1])
    jar, source = tmp_path / "it.jar", PROJECT / SOURCES / "Preprocess.kt"
    subprocess.run(["kotlinc", str(source), str(test), "-include-runtime", "-d", str(jar)], check=True, cwd=tmp_path)
    subprocess.run(["java", "-cp", str(jar), "org.kerascnn.classifier.MainKt", *map(str, folders)], check=True)
    for folder, how in zip(folders, HOWS, strict=True):
        near = 0.01 / 255 / min(how.get("std", card().preprocess.std))  # a hundredth of a level of 0..255
        np.testing.assert_allclose(floats(folder / "made.bin"), floats(folder / "values.bin"), atol=near, rtol=0)


def test_the_command_writes_a_project(model, tmp_path, capsys):
    model.save(tmp_path / "net.keras")
    card().write(tmp_path / "net.keras")
    command = ["export", str(tmp_path / "net.keras"), "--android", str(tmp_path / "app")]
    assert main(command) == 0
    assert "an Android app" in capsys.readouterr().out
    assert (tmp_path / "app" / ASSETS / "model.tflite").read_bytes() == (tmp_path / "net.tflite").read_bytes()
    assert main(command) == 2
    assert "app is already there" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "net.tflite"), "--android", str(tmp_path / "again")]) == 0
    assert contents(tmp_path / "again") == contents(tmp_path / "app")
    assert main(["export", str(tmp_path / "net.keras"), "--format", "onnx", "--android", str(tmp_path / "more")]) == 2
    assert "--android goes with a tflite format" in capsys.readouterr().err and not (tmp_path / "more").exists()


def test_the_command_is_refused_before_it_writes(model, tmp_path, capsys):
    model.save(tmp_path / "net.keras")
    command = ["export", str(tmp_path / "net.keras"), "--android", str(tmp_path / "app")]
    assert main(command) == 2
    assert "net.keras has no card" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["net.keras"]
    card().write(tmp_path / "net.keras")
    assert main(command) == 0
    options = ["--format", "tflite-int8", "--out", "x.tflite", "--pixels"]
    assert main(["export", str(tmp_path / "net.tflite"), "--android", str(tmp_path / "more"), *options]) == 2
    assert "as it is: leave out --format, --out, --pixels" in capsys.readouterr().err
    assert not (tmp_path / "more").exists()


def test_what_makes_no_app(file, tmp_path):
    write_android_project(file, tmp_path / "app")
    before = contents(tmp_path / "app")
    with pytest.raises(FileExistsError, match="already there"):
        write_android_project(file, tmp_path / "app")
    assert contents(tmp_path / "app") == before
    for wrong, says in [
        (card(size=32), r"takes images of shape \(24, 24, 3\), and its card makes them \(32, 32, 3\)"),
        (Card(model="x", labels=("a", "b"), preprocess=card().preprocess), "names 2 classes, and the file has 3"),
    ]:
        with pytest.raises(ValueError, match=says):
            write_android_project(file, tmp_path / "other", wrong)
    shutil.copy(file, tmp_path / "alone.tflite")
    with pytest.raises(FileNotFoundError, match="has no card"):
        write_android_project(tmp_path / "alone.tflite", tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="There is no model file"):
        write_android_project(tmp_path / "none.tflite", tmp_path / "other")
    (tmp_path / "net.onnx").write_bytes(b"")
    with pytest.raises(ValueError, match=r"runs a \.tflite file"):
        write_android_project(tmp_path / "net.onnx", tmp_path / "other")
    assert not (tmp_path / "other").exists() and not list(tmp_path.glob(".writing-*"))


@pytest.mark.parametrize(
    ("model", "name"), [("resnet50", "resnet50"), ("Größe 2", "gr__e_2"), ("2nd-net", "net_2nd_net")]
)
def test_names_are_what_android_takes(model, name):
    assert name_of(model) == name and re.fullmatch(r"[a-z][a-z0-9_]*", name_of(model))
