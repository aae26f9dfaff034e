"""Files that are made to do harm, or that only accident makes: each with what must be said of it, by name.

An entry is the reader, the file's name, a function that writes it to a path, and a pattern of the error; an empty one
where either an error or values are right, as long as reading ends soon and in little memory.
"""

import io
import json
import os
import re
import struct
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path

import h5py
import keras
import numpy as np
from sound import CARD, COCO, encoded, hdf5, images, safetensors
from torch_pickles import VALUES, items, state, storage, stream, tensor, text, whole, zipped

HOSTILE = {}


def add(name, reader, file, content, says=""):
    """``content`` is the bytes, or a function of the path."""
    assert name not in HOSTILE, name
    write = content if callable(content) else lambda path: path.write_bytes(content)
    HOSTILE[name] = (reader, file, write, says)


# -- PyTorch's ---------------------------------------------------------------------------------------------------------

PREFIX = b"\x80\x02"


def doubling(depth, one, two):
    """A pickle of containers that each hold the one before twice: 2 ** depth in all."""
    return one + b"".join(b"r" + i.to_bytes(4, "little") + two(i) for i in range(depth))


def lists(i):
    return b"0](" + 2 * (b"j" + i.to_bytes(4, "little")) + b"e"


def tuples(i):
    return b"0" + 2 * (b"j" + i.to_bytes(4, "little")) + b"\x86"


def dictionaries(i):
    again = b"j" + i.to_bytes(4, "little")
    return b"0}(" + text("a") + again + text("b") + again + b"u"


HOLDS_ITSELF = PREFIX + b"}q\x00(" + text("state_dict") + b"h\x00" + text("conv.weight") + tensor() + b"u."
LIST_IN_ITSELF = PREFIX + b"}(" + text("w") + tensor() + text("x") + b"]q\x01h\x01a" + b"u."
PICKLES = {
    "holds itself": (HOLDS_ITSELF, ""),
    "a list in itself": (LIST_IN_ITSELF, ""),
    "only itself": (PREFIX + b"}q\x00" + text("model") + b"h\x00s.", "no tensors"),
    "lists in lists, 2 to the 60": (PREFIX + b"}" + text("x") + doubling(60, b"]", lists) + b"s.", "no tensors"),
    "dictionaries, 2 to the 60": (PREFIX + b"}" + text("x") + doubling(60, b"}", dictionaries) + b"s.", "no tensors"),
    "a key of tuples, 2 to the 60": (PREFIX + b"}" + doubling(60, b")", tuples) + b"Ns.", "tuples in each other"),
    "a key of 100,000 tuples": (PREFIX + b"})" + 100_000 * b"\x85" + b"Ns.", "tuples in each other"),
    "lists 100,000 deep": (PREFIX + b"}" + text("x") + 100_000 * b"](" + 100_000 * b"e" + b"s.", "torn"),
    "a table of 2 to the 31 parts": (PREFIX + b"}r\xff\xff\xff\x7f.", "numbers its parts"),
    "a word of 2 to the 62": (PREFIX + b"}\x8d" + (1 << 62).to_bytes(8, "little") + b"a.", "torn"),
    "a frame of 2 to the 62": (b"\x80\x04\x95" + (1 << 62).to_bytes(8, "little") + b"}.", "torn|truncated"),
    "a number of a million digits": (PREFIX + b"}" + text("x") + b"I" + 1_000_000 * b"9" + b"\ns.", "torn"),
    "no UTF-8": (PREFIX + b"}X\x02\x00\x00\x00\xff\xfeNs.", "torn"),
    "a half": (state()[:-40], "torn"),
    "nothing": (b"", "torn"),
    "no dictionary": (PREFIX + b"].", "no dictionary of tensors"),
    "no tensor": (items([(text("x"), whole(3))]), "no tensors"),
    "a function": (PREFIX + b"cos\nsystem\n" + b"(" + text("touch sprung") + b"tR.", r"it holds os\.system"),
    "a function by its name": (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", r"it holds os\.system"),
    "an extension": (PREFIX + b"\x82\x01.", "torn"),
    "2,850 tensors of a million": (
        items((text(f"w{i}"), tensor(shape=(1 << 20,), strides=(0,))) for i in range(2_850)), ""
    ),
    "a tensor of 10 to the 12": (items([(text("w"), tensor(shape=(10**12,), strides=(0,)))]), "shape that no tensor"),
    "a tensor of 70 dimensions": (items([(text("w"), tensor(shape=(1,) * 70, strides=(0,) * 70))]), "torn"),
    "a step beyond 64 bits": (items([(text("w"), tensor(shape=(2,), strides=(1 << 62,)))]), "reaches beyond"),
    "a step back": (items([(text("w"), tensor(offset=4, shape=(2,), strides=(-1,)))]), "shape that no tensor"),
    "a place below 0": (items([(text("w"), tensor(offset=-1))]), "shape that no tensor"),
    "a place beyond": (items([(text("w"), tensor(offset=1 << 40))]), "reaches beyond"),
    "a side below 0": (items([(text("w"), tensor(shape=(-2, 3)))]), "shape that no tensor"),
    "sides and steps that differ": (items([(text("w"), tensor(shape=(2,)))]), "shape that no tensor"),
    "a storage of 10 to the 12": (items([(text("w"), tensor(storage(count=10**12)))]), "a storage has|a storage"),
    "a storage of -1": (items([(text("w"), tensor(storage(count=-1)))]), "a storage has"),
    "a storage of another kind": (items([(text("w"), tensor(storage(kind="Quantum")))]), "it holds torch.Quantum"),
    "a storage elsewhere": (items([(text("w"), tensor(storage(key="../../0")))]), "torn"),
    "a parameter of no tensor": (
        items([(text("w"), b"ctorch._utils\n_rebuild_parameter\n(I1\ntR")]), "a parameter is no tensor"
    ),
}  # fmt: skip
for name, (pickled, says) in PICKLES.items():
    add(f"zip: {name}", "weights", "x.pth", zipped(pickled), says)
    add(f"stream: {name}", "weights", "x.pth", stream(pickled), "damaged" if says else "")
LONG = items([(text("w"), tensor(storage(count=1 << 40)))])
add("stream: numbers beyond the end", "weights", "x.pth", stream(LONG, count=1 << 40), "ends within a storage")
add("stream: another count", "weights", "x.pth", stream(state(), count=-5), "a storage has -5 numbers")


def zip_bomb(member):
    """An archive of a megabyte whose member unpacks to 320 of zeros."""

    def write(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("archive/data.pkl", state())
            archive.writestr("config.json", "{}")
            with archive.open(member, "w") as file:
                for _ in range(20):
                    file.write(bytes(1 << 24))

    return write


def claiming(content, size):
    """An archive that says of every member that it unpacks to ``size`` bytes."""
    content = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        place = archive.start_dir
        for _ in archive.infolist():
            content[place + 24 : place + 28] = size.to_bytes(4, "little")
            lengths = struct.unpack_from("<HHH", content, place + 28)
            place += 46 + sum(lengths)
    return bytes(content)


add("zip: a bomb", "weights", "x.pth", zip_bomb("archive/data/0"), "made to fill memory")
add("zip: claims 4 GB", "weights", "x.pth", claiming(zipped(state()), (1 << 32) - 2), "made to fill memory")
add("zip: claims 200 MB", "weights", "x.pth", claiming(zipped(state()), 50 << 20), "")
add("zip: no pickle", "weights", "x.pth", zipped(state()).replace(b"data.pkl", b"data.txt"), "without the data.pkl")
add("zip: torn", "weights", "x.pth", zipped(state())[:-30], "damaged")
add("zip: a changed number", "weights", "x.pth", zipped(state()).replace(VALUES, b"\1" + VALUES[1:]), "damaged")
add("zip: upside down", "weights", "x.pth", zipped(state(), byteorder="big"), "")
add("stream: no magic", "weights", "x.pth", PREFIX + b"K\x01.", "no file of PyTorch")
add("an empty file", "weights", "x.pth", b"", "damaged")
add("zeros", "weights", "x.pth", bytes(1000), "damaged")
add("HTML", "weights", "x.pth", b"<!DOCTYPE html><html>404</html>", "damaged")

# -- .safetensors ------------------------------------------------------------------------------------------------------

ONE = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
DATA = VALUES[:24]
LISTS = {
    "a shape of 12 GB": ({"w": ONE | {"shape": [3 << 30]}}, "24|6 numbers"),
    "a shape below 0": ({"w": ONE | {"shape": [-2, -3]}}, "6 numbers and the shape"),
    "a shape of text": ({"w": ONE | {"shape": "ab"}}, "damaged"),
    "places beyond the end": ({"w": ONE | {"data_offsets": [0, 1 << 60]}}, "do not end where it does"),
    "places turned round": ({"w": ONE | {"data_offsets": [24, 0]}}, "do not"),
    "places below 0": ({"w": ONE | {"data_offsets": [-24, 24]}}, "do not follow"),
    "one place for all": ({f"w{i}": ONE for i in range(3)}, "do not follow"),
    "a hole": (
        {"a": ONE | {"shape": [1], "data_offsets": [0, 4]}, "b": ONE | {"shape": [4], "data_offsets": [8, 24]}},
        "do not follow",
    ),
    "an unknown type": ({"w": ONE | {"dtype": "F7"}}, "which NumPy does not have"),
    "no type": ({"w": {"shape": [6], "data_offsets": [0, 24]}}, "damaged"),
    "a number for a tensor": ({"w": 5}, "damaged"),
    "a list": ([], "damaged"),
    "deep": (50_000 * b"[" + 50_000 * b"]", "damaged"),
    "no JSON": (b"{nonsense", "damaged"),
    "no UTF-8": (b"\xff\xfe{}", "damaged"),
}
for name, (header, says) in LISTS.items():
    add(f"safetensors: {name}", "weights", "x.safetensors", safetensors(header, DATA), says)
for name, content in {
    "a list of 2 to the 63": (1 << 63).to_bytes(8, "little") + b"{}",
    "a list longer than the file": (500).to_bytes(8, "little") + b"{}",
    "too short": b"\x01",
}.items():
    add(f"safetensors: {name}", "weights", "x.safetensors", content, "does not begin with the length")

# -- HDF5 --------------------------------------------------------------------------------------------------------------


def beside(group, name="x"):
    return Path(group.file.filename).with_name(name)


def secret(path):
    """Another file, whose bytes are not to come."""
    other = path.with_name("secret.bin")
    other.write_bytes(bytes(range(96)))
    return other


def keras_file(fill):
    """A file of one layer ``conv`` in Keras' older layout, of which ``fill`` writes the kernel into its group."""

    def write(path):
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = ["conv"]
            group = file.create_group("conv")
            group.attrs["weight_names"] = ["kernel"]
            fill(group, "kernel")

    return write


def numbered_file(fill):
    """The same in the layout of Keras 3."""

    def write(path):
        with h5py.File(path, "w") as file:
            group = file.create_group("layers/conv/vars")
            group.attrs["name"] = "conv"
            fill(group, "0")

    return write


def external(group, name):
    group.create_dataset(name, (24,), "f4", external=[(str(secret(beside(group))), 0, 96)])


def another_file(group, name):
    with h5py.File(beside(group, "other.h5"), "w") as other:
        other["kernel"] = np.ones(3)
    group[name] = h5py.ExternalLink("other.h5", "kernel")


def soft(group, name):
    group.file["there"] = np.ones(3)
    group[name] = h5py.SoftLink("/there")


def nowhere(group, name):
    group[name] = h5py.SoftLink("/nowhere")


def virtual(group, name):
    with h5py.File(beside(group, "other.h5"), "w") as other:
        other["kernel"] = np.ones(3)
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource(str(beside(group, "other.h5")), "kernel", (3,))
    group.create_virtual_dataset(name, layout)


def circle(group, name):
    group[name] = np.ones(3)
    group["again"] = group.file["/"]


def twice(group, name):
    group[name] = np.ones(3)
    for name in ("a", "b"):
        group.file[name] = group


def unwritten(group, name):
    group.create_dataset(name, (3 << 30,), "f4")


def packed(group, name):
    group.create_dataset(name, (100 << 20,), "f4", chunks=(1 << 20,), compression="gzip", fillvalue=1)


def words(group, name):
    group[name] = ["a", "b"]


def compound(group, name):
    group[name] = np.zeros(2, [("a", "f4"), ("b", "i4")])


def reference(group, name):
    group.create_dataset(name, (1,), h5py.ref_dtype)[0] = group.ref


def a_group(group, name):
    group.create_group(name)


def none(group, name):
    group[name] = h5py.Empty("f4")


HDF5 = {
    external: "lies in another file", another_file: r"a link, to kernel in other\.h5", soft: "a link, to /there",
    nowhere: "a link, to /nowhere", virtual: "lies in another file", circle: "stands elsewhere in it too",
    twice: "stands elsewhere in it too", unwritten: "made to fill memory", packed: "made to fill memory",
    words: "holds no numbers", compound: "holds no numbers", reference: "holds no numbers", a_group: "damaged",
    none: "",
}  # fmt: skip


for fill, says in HDF5.items():
    add(f"h5: {fill.__name__}", "weights", "x.h5", keras_file(fill), says)
    add(f"weights.h5: {fill.__name__}", "weights", "x.weights.h5", numbered_file(fill), says)
add("h5: no list of layers", "weights", "x.h5", hdf5(lambda file: file.create_group("conv")), "no list layer_names")
for name, value in {"a layer that is missing": "conv", "a list of numbers": 3}.items():
    content = hdf5(lambda file, value=value: file.attrs.update(layer_names=[value]))
    add(f"h5: {name}", "weights", "x.h5", content, "damaged")
add("h5: empty", "weights", "x.h5", b"", "damaged")
add("h5: a beginning alone", "weights", "x.h5", b"\x89HDF\r\n\x1a\n" + bytes(40), "damaged")

# -- .keras ------------------------------------------------------------------------------------------------------------


def keras_archive(fill=None, config="{}"):
    def write(path):
        inner = path.with_name("inner.h5")
        numbered_file(fill or (lambda group, name: None))(inner)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)
            archive.writestr("metadata.json", "{}")
            archive.write(inner, "model.weights.h5")

    return write


CODE = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": {
    "class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}}}  # fmt: skip


def larger(field, value):
    """A network whose configuration has another number than its weights are of."""

    def write(path):
        image = keras.Input((8, 8, 3))
        x = keras.layers.Flatten()(keras.layers.Conv2D(2, 3, name="conv")(image))
        keras.Model(image, keras.layers.Dense(3, name="head")(x)).save(path)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        config = members["config.json"].decode()
        assert f'"{field}": ' in config
        members["config.json"] = re.sub(f'"{field}": [0-9]+', f'"{field}": {value}', config).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return write


for name, (content, says) in {
    "units, 2 to the 31": (larger("units", 2**31), "with layer 'head' its weights take .* larger network"),
    "filters, 2 to the 24": (larger("filters", 2**24), "with layer 'conv' its weights take .* larger network"),
    "units, 100": (larger("units", 100), "damaged"),
    "external": (keras_archive(external), "lies in another file"),
    "a link": (keras_archive(another_file), "a link, to kernel"),
    "a circle": (keras_archive(circle), "stands elsewhere in it too"),
    "numbers unwritten": (keras_archive(unwritten), "made to fill memory"),
    "a bomb": (zip_bomb("model.weights.h5"), "made to fill memory"),
    "no configuration": (keras_archive(config=""), "damaged"),
    "deep": (keras_archive(config=20_000 * "[" + 20_000 * "]"), "damaged"),
    "a list": (keras_archive(config="[]"), "damaged"),
    "code": (keras_archive(config=json.dumps(CODE)), "holds a Lambda layer"),
    "a foreign class": (
        keras_archive(config='{"module": "os", "class_name": "system", "config": {}}'),
        "not known here",
    ),
    "no archive": (b"PK\x03\x04 and nothing more", "damaged"),
    "empty": (b"", "damaged"),
}.items():
    add(f"keras: {name}", "model", "x.keras", content, says)
add("keras: weights without a configuration", "weights", "x.keras", keras_archive(config="[]"), "damaged")

# -- .tflite, .onnx ----------------------------------------------------------------------------------------------------

for suffix in ("tflite", "onnx"):
    for name, content in {
        "empty": b"",
        "zeros": bytes(4096),
        "a beginning": b"\x1c\0\0\0TFL3" + b"\xff" * 64,
        "text": b"a model" * 40,
        "places that lead back": struct.pack("<I4sIII", 8, b"TFL3", 0xFFFFFFFC, 0, 0x80000000) * 20,
    }.items():
        add(f"{suffix}: {name}", "model", f"x.{suffix}", content, "is damaged, or is not|no model|damaged")

# -- cards -------------------------------------------------------------------------------------------------------------


def card(**changed):
    return json.dumps(asdict(CARD) | changed).encode()


for name, (content, says) in {
    "empty": (b"", "not JSON"),
    "no UTF-8": (b'{"model": "\xff"}', "not JSON"),
    "deep": (100_000 * b"[" + 100_000 * b"]", "not JSON"),
    "a list": (b"[]", "must be an object"),
    "a number": (b"5", "must be an object"),
    "half a character": (card(labels=["\ud800"]), "labels must be class names"),
    "half a character in the model": (card(model="\udfff"), "model must be a string"),
    "an unknown field": (card(labells=[]), "no field 'labells'. Did you mean 'labels'"),
    "no labels": (json.dumps({"model": "x", "preprocess": {}}).encode(), "labels is missing"),
    "labels in a dictionary": (card(labels={"a": 1}), "labels must be class names"),
    "facts of text": (card(facts="x"), "facts must be an object"),
    "a size of 1e999": (card().replace(b'"size": 8', b'"size": 1e999'), "size must be a whole number"),
    "a mean that is not finite": (card().replace(b"0.485", b"NaN"), "mean must be a finite number"),
    "a network of numbers": (card(network=3), "network must be an object"),
}.items():
    add(f"card: {name}", "card", "x.keras.json", content, f"is not a model card.*{says}")

# -- images ------------------------------------------------------------------------------------------------------------


def png(width, height, data=b""):
    def chunk(kind, content):
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


SOUND = images()


def claims(name, place, content):
    """A sound image with other bytes at a place."""
    return SOUND[name][:place] + content + SOUND[name][place + len(content) :]


def jpeg(height, width):
    start = SOUND["a.jpg"].index(b"\xff\xc0") + 5
    return claims("a.jpg", start, struct.pack(">HH", height, width))


def exif(entries, offset=8):
    data = b"Exif\0\0II*\0" + offset.to_bytes(4, "little") + entries
    return b"\xff\xd8\xff\xe1" + (len(data) + 2).to_bytes(2) + data + encoded("JPEG")[2:]


def film(count):
    """A GIF whose pictures are large and empty."""
    part = b"\x2c" + struct.pack("<HHHHB", 0, 0, 30_000, 30_000, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 30_000, 30_000, 0x80, 0, 0) + bytes(6) + count * part + b";"


LARGE = "pixels, and would fill memory"
for name, (file, content, says) in {
    "a PNG of 15,000 squared": ("x.png", png(15_000, 15_000), f"15,000 x 15,000 {LARGE}"),
    "a PNG of 2 to the 31": ("x.png", png(2**31 - 1, 2**31 - 1), LARGE),
    "a PNG of no pixels": ("x.png", png(0, 0), "that can be decoded"),
    "a PNG without pixels": ("x.png", png(40, 50), "that can be decoded"),
    "a JPEG of 65,000 squared": ("x.jpg", jpeg(65_000, 65_000), LARGE),
    "a JPEG of no lines": ("x.jpg", jpeg(0, 50), "that can be decoded"),
    "a GIF of 65,535 squared": ("x.gif", claims("a.gif", 6, b"\xff\xff\xff\xff"), ""),
    "a GIF film of 900 million a picture": ("x.gif", film(5), LARGE),
    "a BMP of 2 to the 31": ("x.bmp", claims("a.bmp", 18, b"\xff\xff\xff\x7f" * 2), LARGE),
    "a BMP upside down": ("x.bmp", claims("a.bmp", 22, (-(2**31)).to_bytes(4, "little", signed=True)), LARGE),
    "a WebP canvas of 2 to the 24": ("x.webp", claims("film.webp", 24, b"\xff" * 6), "WebP film|pixels"),
    "a WebP of 16,383 squared": ("x.webp", encoded("WEBP")[:26] + b"\xff\x3f\xff\x3f" + encoded("WEBP")[30:], LARGE),
    "EXIF that leads beyond": ("x.jpg", exif(b"", offset=2**32 - 1), ""),
    "EXIF of 65,535 entries": ("x.jpg", exif(b"\xff\xff" + bytes(24)), ""),
    "EXIF that turns by 200": ("x.jpg", exif(b"\x01\0" + struct.pack("<HHIHH", 0x112, 3, 1, 200, 0)), ""),
    "empty": ("x.jpg", b"", "that can be decoded"),
    "text": ("x.png", b"not an image", "that can be decoded"),
    "a beginning": ("x.png", SOUND["a.png"][:20], "that can be decoded"),
    "a GIF's beginning": ("x.gif", b"GIF89a", "that can be decoded"),
    "a JPEG of markers": ("x.jpg", b"\xff\xd8" + b"\xff" * 100_000, "that can be decoded"),
    "an SVG": ("x.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "that can be decoded"),
}.items():
    add(f"image: {name}", "image_file", file, content, says)


def pipe(path):
    os.mkfifo(path)


def zeros(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


for name, write in {"a pipe": pipe, "a device": zeros}.items():
    for reader, file in {
        "weights": "x.pth", "image_file": "x.png", "model": "x.keras", "data": "x.csv", "card": "x.keras.json"
    }.items():  # fmt: skip
        add(f"{name} for {file}", reader, file, write, r"x\.")
add("a folder for x.pth", "weights", "x.pth", folder, "x.pth")
add("a folder for x.keras", "model", "x.keras", folder, "x.keras")

# -- data --------------------------------------------------------------------------------------------------------------


def table(content):
    def write(path):
        path.write_bytes(content)
        path.with_name("a.png").write_bytes(SOUND["a.png"])

    return write


for name, (content, says) in {
    "empty": (b"", "no column 'path'"),
    "no UTF-8": (b"path,label\na.png,\xff\n", "not UTF-8"),
    "zero bytes": (b"path,label\na.png,\0cat\n", ""),
    "an open quote": (b'path,label\n"a.png,cat\n' + 200_000 * b"x", "cannot be read as a table"),
    "too many fields": (b"path,label\na.png,cat,x,y\n", "4 fields, expected 2"),
    "a path to a device": (b"path,label\n/dev/zero,cat\na.png,dog\n", "/dev/zero"),
    "a path of zero bytes": (b"path,label\na\0.png,cat\n", ""),
    "a path of 100,000": (b"path,label\n" + 100_000 * b"x" + b",cat\n", ""),
}.items():
    add(f"csv: {name}", "data", "x.csv", table(content), says)


def npy(shape, dtype="|u1", data=b""):
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def npz(x, y):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", x)
        archive.writestr("y.npy", y)
    return file.getvalue()


FIT = npy("(2, 8, 8)", data=bytes(128))
for name, (content, says) in {
    "an array of objects": (npz(npy("(1,)", "|O", b"cos\nsystem\n."), FIT), "cannot be read as an .npz"),
    "text for an array": (npz(b"text", b"text"), "x.npz"),
    "a shape of text": (npz(npy("'ab'"), FIT), "x.npz"),
    "classes below 0": (
        npz(FIT, npy("(2,)", "<i8", (-(2**63)).to_bytes(8, "little", signed=True) * 2)),
        "class numbers from 0",
    ),
    "no archive": (b"PK\x03\x04", "cannot be read as an .npz"),
}.items():
    add(f"npz: {name}", "data", "x.npz", content, says)
for name, content in {
    "empty": b"",
    "zeros": bytes(100),
    "a length of 2 to the 63": (1 << 63).to_bytes(8, "little") + bytes(20),
    "text": b"a record" * 10,
}.items():
    add(f"tfrecord: {name}", "data", "x.tfrecord", content, r"x\.tfrecord")


def coco(**changed):
    def write(path):
        (path.parent / "images").mkdir()
        (path.parent / "images" / "a.png").write_bytes(encoded("PNG"))
        path.write_text(json.dumps(COCO | changed).replace('"HUGE"', "9" * 5000))

    return write


BOX = COCO["annotations"][0]
for name, (write, says) in {
    "a number of 5,000 digits": (coco(annotations=[BOX | {"area": "HUGE"}]), "cannot be read as JSON"),
    "a side of 300 digits": (coco(annotations=[BOX | {"bbox": [0, 0, 10**300, 1]}]), "has the box"),
    "a width of 300 digits": (coco(images=[COCO["images"][0] | {"width": 10**300}]), "for the width or height"),
    "lists without end": (lambda path: path.write_text("[" * 100_000), "cannot be read as JSON"),
    "an id of lists": (coco(images=[COCO["images"][0] | {"id": [[]]}]), "for the id of an image"),
    "a category of a list": (coco(annotations=[BOX | {"category_id": [7]}]), "for the category_id of an object"),
    "no categories": (coco(categories=[], annotations=[]), "has no object"),
}.items():
    add(f"coco: {name}", "labels", "annotations.json", write, says)
