"""Every reader of files, in a process of its own that may die, hang or fill memory: it answers jobs, line by line.

A job is a reader's name and a path; the answer says what was read, as a hash, or which error came, and how far memory
grew. The process is limited to ``SPARE`` more than it has at its start.
"""

import hashlib
import json
import os
import resource
import sys
import traceback
import warnings
from pathlib import Path

SPARE = 4 << 30  # bytes
MANY = 10_000  # values of an array: of more, only the first count
SIZE = 8  # pixels of the images that models take


def image_file(path):
    from kerascnn.data.pipeline import load_image
    from kerascnn.spec import Preprocess

    yield "image", load_image(path, Preprocess(size=SIZE))


def weights(path):
    from kerascnn.weights.load import is_path, read

    assert is_path(path)
    for name, value in read(path).values.items():
        yield name, value if value.size < MANY else value[:1]


def model(path):
    import numpy as np

    from kerascnn import open_model

    images = np.random.default_rng(0).normal(size=(1, SIZE, SIZE, 3)).astype("float32")
    yield from open_model(path)(images).items()


def served(path):
    yield from model(next(folder for folder in path.parents if folder.name.endswith("served")))


def card(path):
    from kerascnn.card import Card

    yield "card", repr(Card.read(str(path).removesuffix(".json")))


def data(path):
    import tensorflow as tf

    from kerascnn.data.open import open_source

    source = open_source(path, progress=False)
    yield "labels", repr(source.labels)
    for role, part in source.parts.items():
        yield role, part.annotations.get("label", "")
        for row in part.images:
            yield "image", part.store.read(tf.constant(row)).numpy()


def index(path):
    yield from data(next(path.parent.glob("*.tfrecord")))


def labels(path):
    yield from data(path.parent)


def boxes(path):
    yield from data(path.parent.parent)


def proposals(path):
    from kerascnn.data.open import open_source

    source = open_source(path.parent, progress=False, proposals=True)
    yield "proposals", source.parts["all"].annotations["proposals"]


def recipe(path):
    from kerascnn.training import recipes_of

    yield from ((name, repr(each)) for name, each in recipes_of(path).items())


READERS = {
    of.__name__: of for of in (image_file, weights, model, served, card, data, index, labels, boxes, proposals, recipe)
}


def answer(reader, path):
    hashed = hashlib.sha256()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            for name, value in READERS[reader](path):
                content = value if isinstance(value, bytes) else getattr(value, "tobytes", str(value).encode)()
                hashed.update(f"{name}:{getattr(value, 'shape', '')}:".encode(errors="replace") + content)
    except Exception as error:
        kind = type(error)
        documented = kind.__module__.startswith("kerascnn") or kind in (ValueError, RuntimeError, *os_errors())
        clear = documented and isinstance(error, ValueError | OSError | RuntimeError)
        text = f"{kind.__name__}: {error}"
        return {"ended": "error" if clear else "raised", "text": text, "trace": "" if clear else traceback.format_exc()}
    return {"ended": "values", "text": hashed.hexdigest(), "said": [str(each.message) for each in said]}


def os_errors():
    return (OSError, *OSError.__subclasses__())


def memory(field):
    """Bytes of this process, of a field of Linux' status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


def serve():
    answers = os.fdopen(os.dup(1), "w")
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    measured = Path("/proc/self/status").exists()
    for line in sys.stdin:
        job = json.loads(line)
        if measured:
            Path("/proc/self/clear_refs").write_text("5")  # the highest mark begins anew
            before = memory("VmRSS")
        found = answer(job["reader"], Path(job["path"]))
        found["grown"] = memory("VmHWM") - before if measured else 0
        if job["limit"] and measured:  # everything is imported: from now on memory is limited
            most = memory("VmSize") + SPARE
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    serve()
