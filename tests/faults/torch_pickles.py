"""PyTorch's files written by hand, sound and otherwise."""

import io
import pickle
import zipfile

MAGIC = 0x1950A86A20F9469CFC6C
NAMES = ("conv.weight", "conv.bias", "norm.running_mean")
VALUES = b"".join(int(n).to_bytes(4, "little") for n in range(0x3F800000, 0x3F800000 + 24))  # floats above 1


def text(value):
    return f"V{value}\n".encode()


def whole(value):
    return f"I{value}\n".encode()


def several(*values):
    return b"(" + b"".join(values) + b"t"


def storage(key="0", count=24, kind="Float"):
    return several(text("storage"), f"ctorch\n{kind}Storage\n".encode(), text(key), text("cpu"), whole(count)) + b"Q"


def tensor(held=None, offset=0, shape=(2, 3), strides=(3, 1)):
    how = (several(*map(whole, shape)), several(*map(whole, strides)))
    inside = several(held or storage(), whole(offset), *how, b"I00\n", b"ccollections\nOrderedDict\n)R")
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + inside + b"R"


def items(pairs):
    """A pickle of a dictionary."""
    return b"\x80\x02}(" + b"".join(key + value for key, value in pairs) + b"u."


def state():
    return items((text(name), tensor(offset=6 * i)) for i, name in enumerate(NAMES))


def zipped(pickled, values=VALUES, compression=zipfile.ZIP_STORED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", values)
        for name, content in members.items():
            archive.writestr(f"archive/{name}", content)
    return file.getvalue()


def stream(pickled, values=VALUES, count=24):
    system = {"protocol_version": 1001, "little_endian": True}
    parts = [pickle.dumps(each, 2) for each in (MAGIC, 1001, system)]
    return b"".join([*parts, pickled, pickle.dumps(["0"], 2), count.to_bytes(8, "little", signed=True), values])
