"""One sound file for every reader, small."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from torch_pickles import NAMES, VALUES, state, stream, zipped

import kerascnn
from kerascnn.card import Card
from kerascnn.data.open import open_source
from kerascnn.spec import Preprocess

SIZE = 8


def picture():
    y, x = np.mgrid[0:40, 0:50]
    return Image.fromarray(np.stack([5 * x, 6 * y, 2 * (x + y)], -1).astype("uint8"))


def encoded(kind, image=None, **how):
    file = io.BytesIO()
    (image or picture()).save(file, kind, **how)
    return file.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def images():
    film = [picture().rotate(turn) for turn in (0, 90, 180)]
    return {
        "a.jpg": encoded("JPEG", exif=turned()),
        "progressive.jpg": encoded("JPEG", progressive=True),
        "a.png": encoded("PNG", exif=turned()),
        "palette.png": encoded("PNG", picture().quantize(16)),
        "a.gif": encoded("GIF", film[0], save_all=True, append_images=film[1:]),
        "a.bmp": encoded("BMP"),
        "a.webp": encoded("WEBP", exif=turned()),
        "lossless.webp": encoded("WEBP", lossless=True),
        "film.webp": encoded("WEBP", film[0], save_all=True, append_images=film[1:]),
    }


def safetensors(header=None, values=VALUES):
    if header is None:
        header = {
            name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [24 * i, 24 * i + 24]}
            for i, name in enumerate(NAMES)
        }
        values = values[:72]
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + values


def network():
    parts = [keras.layers.Conv2D(2, 3, name="conv"), keras.layers.BatchNormalization(name="norm")]
    parts += [keras.layers.GlobalAveragePooling2D(name="pool"), keras.layers.Dense(3, name="head")]
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), *parts])


VOC = """<annotation><size><width>50</width><height>40</height></size><object><name>cat</name><bndbox><xmin>3</xmin>
<ymin>4</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object></annotation>"""
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 50, "height": 40}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [3, 4, 17, 26], "area": 300, "iscrowd": 0}],
    "categories": [{"id": 7, "name": "cat"}],
}
PROPOSED = [{"image_id": 1, "bbox": [3, 4, 17, 26], "score": 0.5}, {"image_id": 1, "bbox": [0, 0, 9, 8]}]
YOLO = "1 0.5 0.5 0.2 0.4\n0 0.25 0.5 0.1 0.1\n"
CARD = Card(model="small", labels=("a", "b", "c"), preprocess=Preprocess(size=SIZE))


def records(folder):
    photo = encoded("PNG", picture().resize((8, 8)))
    with tf.io.TFRecordWriter(str(folder / "train.tfrecord")) as writer:
        for label in (0, 1, 2, 0, 1, 2):
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[photo])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def write_all(folder):
    """Lay every sound file in a folder; returns its path by the name of the case."""
    for name, content in images().items():
        (folder / name).write_bytes(content)
    (folder / "zip.pth").write_bytes(zipped(state()))
    (folder / "packed.pth").write_bytes(zipped(state(), compression=zipfile.ZIP_DEFLATED))
    (folder / "stream.pth").write_bytes(stream(state()))
    (folder / "a.safetensors").write_bytes(safetensors())
    net = network()
    for name in ("a.keras", "old.h5"):
        net.save(folder / name)
    net.save_weights(folder / "a.weights.h5")
    for format, name in (("tflite", "a.tflite"), ("onnx", "a.onnx")):
        kerascnn.export(net, folder / name, format, card=CARD)
        (folder / f"bare-{name}").write_bytes((folder / name).read_bytes())
    kerascnn.export(net, folder / "served", "saved_model", card=CARD)
    shutil.copytree(folder / "served", folder / "bare-served")
    CARD.write(folder / "some.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8), "uint8")
    np.savez(folder / "a.npz", x=pixels, y=np.arange(6) % 3)
    np.savez_compressed(folder / "packed.npz", x=pixels, y=np.arange(6) % 3)
    (folder / "a.csv").write_text("path,label,split\na.png,cat,train\na.bmp,dog,validation\na.gif,cat,test\n")
    for name in ("records", "indexed", "masks"):
        (folder / name).mkdir()
    for name in ("records", "indexed"):
        records(folder / name)
    open_source(folder / "indexed" / "train.tfrecord", progress=False)
    for kind in ("images", "masks"):
        (folder / "masks" / kind).mkdir()
    (folder / "masks" / "images" / "a.png").write_bytes(encoded("PNG"))
    (folder / "masks" / "masks" / "a.png").write_bytes(encoded("PNG", Image.new("L", (50, 40), 1)))
    (folder / "masks" / "labels.txt").write_text("wall\nfloor\nsky\n")
    for photos, texts, name, text in (("JPEGImages", "Annotations", "a.xml", VOC), ("images", "labels", "a.txt", YOLO)):
        root = folder / texts.lower()
        for inside in (photos, texts):
            (root / inside).mkdir(parents=True)
        (root / photos / "a.png").write_bytes(encoded("PNG"))
        (root / texts / name).write_text(text)
        (root / "classes.txt").write_text("cat\ndog\n")
    (folder / "coco" / "images").mkdir(parents=True)
    (folder / "coco" / "images" / "a.png").write_bytes(encoded("PNG"))
    (folder / "coco" / "annotations.json").write_text(json.dumps(COCO))
    (folder / "proposed" / "images").mkdir(parents=True)
    (folder / "proposed" / "images" / "a.png").write_bytes(encoded("PNG"))
    (folder / "proposed" / "annotations.json").write_text(json.dumps(COCO))
    (folder / "proposed" / "proposals.json").write_text(json.dumps(PROPOSED))
    (folder / "page.py").write_bytes((Path(__file__).parents[2] / "recipes" / "digits.py").read_bytes())
    return {name: next(folder.glob(place)) for name, (_, place, _) in CASES.items()}


# By name: the reader, the sound file, and whether its format, or its card, tells of any change to the values.
CASES = {
    **{name: ("image_file", name, False) for name in (
        "a.jpg", "progressive.jpg", "a.png", "palette.png", "a.gif", "a.bmp", "a.webp", "lossless.webp", "film.webp"
    )},
    **{name: ("weights", name, True) for name in ("zip.pth", "packed.pth", "a.keras")},
    **{name: ("weights", name, False) for name in ("stream.pth", "a.safetensors", "a.weights.h5", "old.h5")},
    **{name: ("model", name, True) for name in ("a.tflite", "a.onnx")},
    **{name: ("model", name, False) for name in ("bare-a.tflite", "bare-a.onnx")},
    "model.keras": ("model", "a.keras", True),
    "graph.pb": ("served", "served/saved_model.pb", True),
    "bare-graph.pb": ("served", "bare-served/saved_model.pb", False),
    "variables": ("served", "bare-served/variables/*.data*", True),
    "card.json": ("card", "some.keras.json", False),
    **{name: ("data", name, True) for name in ("a.npz", "packed.npz")},
    "a.csv": ("data", "a.csv", False),
    "train.tfrecord": ("data", "records/train.tfrecord", True),
    "index.npz": ("index", "indexed/.kerascnn-*.npz", True),
    "labels.txt": ("labels", "masks/labels.txt", False),
    "mask.png": ("boxes", "masks/masks/a.png", False),
    "annotations.json": ("labels", "coco/annotations.json", False),
    "proposals.json": ("proposals", "proposed/proposals.json", False),
    "a.xml": ("boxes", "annotations/Annotations/a.xml", False),
    "a.txt": ("boxes", "labels/labels/a.txt", False),
    "page.py": ("recipe", "page.py", False),
}  # fmt: skip


def hdf5(write):
    """The bytes of an HDF5 file that ``write`` fills."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write(file)
    return content.getvalue()
