"""The Android project: complete, the same every time, and its numbers those that LiteRT, training and tasks give."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.deploy import export
from kerascnn.deploy.android import ANSWERS, PHOTO, PROJECT, ROOM, SOURCES, name_of, write_android_project
from kerascnn.deploy.images import noise
from kerascnn.runtime import open_model
from kerascnn.spec import Preprocess
from kerascnn.tasks import find_task
from kerascnn.tasks.detection.drawing import colours
from kerascnn.tasks.drawing import palette

SIZE = 24
ASSETS = "app/src/main/assets"
ANDROID = "{http://schemas.android.com/apk/res/android}"


def card(task: str = "classification", **how) -> Card:
    how = {"size": SIZE, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.25, 0.3)} | how
    return Card(model="Tiny-Net.1", task=task, labels=("cat", "großer Hund", "owl"), preprocess=Preprocess(**how))


def network(task: str) -> keras.Model:
    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(8, 3, 2, "same", activation="relu")(image)
    if task == "classification":
        x = layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(x)))
        return keras.Model(image, layers.Softmax()(x), name="tiny")
    if task == "segmentation":
        return keras.Model(image, layers.UpSampling2D(2, interpolation="bilinear")(layers.Conv2D(3, 1)(x)), name="tiny")
    boxes = layers.Rescaling(SIZE)(layers.Reshape((-1, 4))(layers.Conv2D(4, 1, activation="sigmoid")(x)))
    scores = layers.Reshape((-1, 3))(layers.Conv2D(3, 1, activation="sigmoid")(x))
    return keras.Model(image, {"boxes": boxes, "scores": scores}, name="tiny")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return network("classification")


FILES = [
    ("classification", "tflite", {}),
    ("classification", "tflite", {"pixels": True}),
    ("classification", "tflite-int8", {}),
    ("classification", "tflite-int8", {"pixels": True}),
    ("classification", "tflite-int16x8", {}),
    ("segmentation", "tflite", {}),
    ("segmentation", "tflite-int8", {}),
    ("detection", "tflite", {}),
    ("detection", "tflite-int8", {}),
]
OUTPUTS = {"classification": ["scores"], "segmentation": ["scores"], "detection": ["boxes", "scores"]}
APPS = {"classification": "classes", "segmentation": "mask", "detection": "boxes"}


@pytest.fixture(scope="module", params=FILES, ids=lambda p: "-".join([*p[:2], *p[2]]))
def file(request, tmp_path_factory) -> Path:
    task, format, how = request.param
    path = tmp_path_factory.mktemp("files") / "net.tflite"
    images = np.clip(noise((SIZE, SIZE, 3)), -1, 2.3)  # within what pixels become
    export(network(task), path, format, calibration=images, card=card(task), **how)
    return path


def task_of_file(file: Path) -> str:
    return Card.read(file).task


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def floats(path: Path) -> np.ndarray:
    return np.fromfile(path, "<f4")


def properties(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_two_runs_are_equal_to_the_byte(file, tmp_path):
    one = contents(write_android_project(file, tmp_path / "one"))
    assert one == contents(write_android_project(file, tmp_path / "far" / "two"))
    written = {f"{ASSETS}/{name}" for name in ("model.tflite", "labels.txt", "network.properties")}
    golden = ("inputs.bin", "golden.properties", *(f"{name}.bin" for name in OUTPUTS[task_of_file(file)]))
    written |= {f"app/src/androidTest/assets/{name}" for name in golden} | {f"{SOURCES}/Answers.kt"}
    written |= {f"app/src/test/resources/{name}" for name in ("photo.bin", "values.bin", "photo.properties")}
    assert set(one) == written | set(contents(PROJECT))
    assert one[f"{ASSETS}/model.tflite"] == file.read_bytes()
    assert one[f"{SOURCES}/Answers.kt"] == (ANSWERS / APPS[task_of_file(file)] / "Answers.kt").read_bytes()
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
    assert len(sources) == 8
    used = set(re.findall(r"R\.string\.(\w+)", "".join(sources.values()))) | {"app_name"}
    assert used == strings
    for path, text in sources.items():
        package = re.search(r"^package (.+)$", text, re.MULTILINE)[1]
        assert package == namespace and path.parent.as_posix().endswith(package.replace(".", "/"))
        assert f"class {path.stem}" in text or path.stem == "Drawing"
        for opening, closing in ("()", "[]", "{}"):
            assert text.count(opening) == text.count(closing), path
    assets = {p.name for p in (app / ASSETS).iterdir()}
    assert set(re.findall(r'assets\.open(?:Fd)?\("(.+?)"\)', sources[app / SOURCES / "Network.kt"])) == assets
    facts = properties(app / ASSETS / "network.properties")
    asked = re.findall(r'facts\.getProperty\("(\w+)"\)', "".join(sources.values()))
    assert {*asked} - {"tolerance"} == {*facts}, "what the sources ask for is there, and all of it is asked for"
    assert sorted(facts["outputs"].split(",")) == OUTPUTS[task_of_file(file)]
    outputs = sources[app / SOURCES / "Answers.kt"]
    assert sorted(re.findall(r'outputs\.getValue\("(\w+)"\)', outputs)) == OUTPUTS[task_of_file(file)]
    golden = app / "app/src/androidTest"
    opened = re.findall(r'"([\w.]+\.(?:bin|properties))"', next(golden.rglob("GoldenTest.kt")).read_text())
    there = {p.name for p in (golden / "assets").iterdir()}
    assert there == {*opened, *(f"{name}.bin" for name in OUTPUTS[task_of_file(file)])}
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
    found, steps = open_model(app / ASSETS / "model.tflite")(inputs), open_model(file).steps
    assert sorted(facts["outputs"].split(",")) == OUTPUTS[task_of_file(file)] == sorted(found)
    for name, values in found.items():
        outputs = floats(golden / f"{name}.bin").reshape(values.shape)
        np.testing.assert_array_equal(values, outputs)
        largest = max(1.0, abs(outputs).max())
        wanted = 2 * steps[name] if steps.get(name) else 1e-3 * largest
        assert float(facts[f"tolerance.{name}"]) == pytest.approx(wanted, rel=1e-5)
        assert outputs.std() > 0.5 * wanted, "vectors that are all alike would prove nothing"


def test_large_vectors_are_few(tmp_path):
    net = keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.UpSampling2D(64)])
    export(net, tmp_path / "net.tflite", card=card("segmentation"))
    app = write_android_project(tmp_path / "net.tflite", tmp_path / "app")
    golden = app / "app/src/androidTest/assets"
    assert properties(golden / "golden.properties")["count"] == "1"
    assert (golden / "scores.bin").stat().st_size == 4 * 3 * (64 * SIZE) ** 2 > ROOM


HOWS = [
    {},
    {"squash": True, "interpolation": "bicubic"},
    {"interpolation": "bicubic", "crop": 0.9},
    {"interpolation": "nearest", "crop": 0.8},
    {"mean": (0.4,), "std": (0.3,)},
    {"size": 224, "mean": (0, 0, 0), "std": (1 / 255, 1 / 255, 1 / 255)},
    {"size": 32, "interpolation": "nearest", "crop": 0.7, "photo": (56, 101, 3)},  # places that fall between two
]


KOTLIN = pytest.mark.skipif(not shutil.which("kotlinc") or not shutil.which("java"), reason="needs kotlinc and java")


def run_kotlin(folder: Path, main: Path, sources: list[Path], *arguments: Path) -> None:
    jar = folder / "it.jar"
    command = ["kotlinc", *map(str, sources), str(main), "-include-runtime", "-d", str(jar)]
    subprocess.run(command, check=True, cwd=folder)
    subprocess.run(["java", "-cp", str(jar), "org.kerascnn.app.MainKt", *map(str, arguments)], check=True)


@KOTLIN
def test_kotlin_makes_of_a_picture_what_training_makes_of_it(tmp_path, monkeypatch):
    test = tmp_path / "Main.kt"
    test.write_text(
        "package org.kerascnn.app\nimport java.io.File\nimport java.nio.*\nimport java.util.Properties\n"
        "fun main(folders: Array<String>) = folders.forEach { folder ->\n"
        "val facts = Properties().apply { File(folder, \"network.properties\").inputStream().use { load(it) } }\n"
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
        shutil.copy(app / ASSETS / "network.properties", folders[-1])
    run_kotlin(tmp_path, test, [PROJECT / SOURCES / "Preprocess.kt", PROJECT / SOURCES / "Answer.kt"], *folders)
    for folder, how in zip(folders, HOWS, strict=True):
        near = 0.01 / 255 / min(how.get("std", card().preprocess.std))  # a hundredth of a level of 0..255
        np.testing.assert_allclose(floats(folder / "made.bin"), floats(folder / "values.bin"), atol=near, rtol=0)


SIDE, WIDE, HIGH = 8, 120, 60  # of a mask; of a picture


def outputs_by_hand(task: str) -> dict[str, np.ndarray]:
    """Outputs of one image in which there is much to choose from."""
    rng = np.random.default_rng(0)
    if task != "detection":
        shape = (1, SIDE, SIDE, 3) if task == "segmentation" else (1, 3)
        return {"scores": rng.random(shape).astype("float32")}
    middle = rng.uniform(4, SIZE - 4, (20, 2))
    corners = np.concatenate([middle - rng.uniform(2, 4, (20, 2)), middle + rng.uniform(2, 4, (20, 2))], 1)
    boxes = np.concatenate([corners + rng.normal(0, 0.5, corners.shape) for _ in range(12)])
    return {"boxes": boxes[None].astype("float32"), "scores": rng.random((1, 240, 3)).astype("float32") ** 2}


@KOTLIN
@pytest.mark.parametrize("task", APPS)
def test_kotlin_finds_in_outputs_what_the_task_finds(task, tmp_path):
    """On a picture twice as wide as high, of which the network sees the middle square of 0.8 of the height."""
    export(network(task), tmp_path / "net.tflite", card=card(task, crop=0.8))
    app = write_android_project(tmp_path / "net.tflite", tmp_path / "app")
    outputs = outputs_by_hand(task)
    for name, values in outputs.items():
        (tmp_path / f"{name}.bin").write_bytes(values.astype("<f4").tobytes())
    test = tmp_path / "Main.kt"
    test.write_text(
        "package org.kerascnn.app\nimport java.io.File\nimport java.nio.*\nimport java.util.Properties\n"
        "fun main(given: Array<String>) { val (folder, assets) = given\n"
        "val facts = Properties().apply { File(assets, \"network.properties\").inputStream().use { load(it) } }\n"
        "val labels = File(assets, \"labels.txt\").readLines()\n"
        "val outputs = facts.getProperty(\"outputs\").split(\",\").associateWith { name ->\n"
        "val bytes = ByteBuffer.wrap(File(folder, \"$name.bin\").readBytes()).order(ByteOrder.LITTLE_ENDIAN)\n"
        "FloatArray(bytes.capacity() / 4) { bytes.getFloat() } }\n"
        f"val answer = Answers(labels, facts).of(outputs, Preprocess(facts).seen({WIDE}, {HIGH}))\n"
        "fun of(area: Area) = listOf(area.left, area.top, area.right, area.bottom).joinToString(\" \")\n"
        "val boxes = answer.boxes.map { of(it.area) + \" ${it.score} ${it.colour.toUInt()} ${it.label}\" }\n"
        "val mask = listOfNotNull(answer.mask)\n"
        "val colours = mask.flatMap { it.argb.map { colour -> colour.toUInt().toString() } }\n"
        "val lines = answer.text.split(\"\\n\") + boxes + mask.map { of(it.area) } + colours\n"
        "File(folder, \"made.txt\").writeText(lines.joinToString(\"\\n\")) }\n"
    )  # fmt: skip
    sources = [app / SOURCES / f"{name}.kt" for name in ("Answer", "Answers", "Preprocess")]
    run_kotlin(tmp_path, test, sources, tmp_path, app / ASSETS)
    made = (tmp_path / "made.txt").read_text(encoding="utf-8").split("\n")
    (wanted,) = find_task(task)(labels=card().labels).decode(outputs)
    if task == "classification":
        assert [line.split("  ")[0] for line in made] == [card().labels[i] for i in np.argsort(-outputs["scores"][0])]
        return
    wide = HIGH * 0.8  # pixels of the picture that the network sees, across and down
    left, top = (WIDE - wide) / 2, (HIGH - wide) / 2
    if task == "segmentation":
        assert made[:3] == [f"{label}  {100 * share:.1f}%" for label, share in wanted.fractions.items()]
        np.testing.assert_allclose([*map(float, made[3].split())], [left, top, left + wide, top + wide], atol=1e-9)
        of_class = palette().astype(int) @ [1 << 16, 1 << 8, 1] + (153 << 24)
        assert [*map(int, made[4:])] == np.where(wanted.mask > 0, of_class[wanted.mask], 0).ravel().tolist()
        return
    rows = [line.split(" ", 6) for line in made[3:]]
    assert 10 < wanted.sure == len(rows) < 100
    np.testing.assert_allclose([float(row[4]) for row in rows], wanted.scores[: wanted.sure], rtol=1e-6)
    assert [row[6] for row in rows] == [card().labels[i] for i in wanted.classes[: wanted.sure]]
    places = np.array([[float(value) for value in row[:4]] for row in rows])
    seen = wanted.boxes[: wanted.sure] * wide / SIZE + [left, top, left, top]
    np.testing.assert_allclose(places, seen, atol=1e-4)
    of_class = colours(3).astype(int) @ [1 << 16, 1 << 8, 1] + (255 << 24)
    assert [int(row[5]) for row in rows] == of_class[wanted.classes[: wanted.sure]].tolist()


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


def test_files_of_another_task_make_no_app(tmp_path, monkeypatch):
    export(network("detection"), tmp_path / "net.tflite", card=card("detection"))
    with pytest.raises(ValueError, match=r"net\.tflite gives .*, and the app needs scores"):
        write_android_project(tmp_path / "net.tflite", tmp_path / "app", card())
    monkeypatch.setattr("kerascnn.tasks.Detection.app", lambda self, classes: None)
    with pytest.raises(ValueError, match=r"There is no app for the task of .*net\.tflite, detection"):
        write_android_project(tmp_path / "net.tflite", tmp_path / "app")
    assert not (tmp_path / "app").exists()


def test_what_makes_no_app(file, tmp_path):
    write_android_project(file, tmp_path / "app")
    before = contents(tmp_path / "app")
    with pytest.raises(FileExistsError, match="already there"):
        write_android_project(file, tmp_path / "app")
    assert contents(tmp_path / "app") == before
    for wrong, says in [
        (card(size=32), r"takes images of shape \(24, 24, 3\), and its card makes them \(32, 32, 3\)"),
        (replace(card(task_of_file(file)), labels=("a", "b")), "names 2 classes, and the file has 3"),
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
