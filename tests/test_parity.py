"""Our drawings compute what others' compute once they hold the same weights, carried over by their names, both ways."""

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from parity import assert_equal, fill_torch, logits, randomise, randomise_torch
from references import installed, keras_model, torch_model
from support.foreign import to_source

from kerascnn.catalogue import find
from kerascnn.ledger import entries
from kerascnn.weights.formats import recount, whole_key
from kerascnn.weights.load import TORCH_SOURCES, WeightSource
from kerascnn.weights.tables import sections

SCORED = ("classification", "segmentation")  # networks that give scores alone; of objects: their own tests
LOADABLE = [entry for entry in entries() if entry.loads and find(entry.name).task in SCORED]
SMALLEST = list({(type(find(e.name)), e.source): e for e in sorted(LOADABLE, key=lambda e: -e.parameters)}.values())
# All take 107 pixels but these: HRNet, BN-Inception and NASNet of others fail where a map inside is odd, and
# keras.applications pads MobileNet's depthwise convolutions below and to the right there. Of 127 pixels, all maps
# inside are even, but for NASNet's first.
EVEN_INSIDE = {
    "hrnet": TORCH_SOURCES,
    "inception_v2": TORCH_SOURCES,
    "mobilenet": ("keras.applications",),
    "nasnet": ("pytorchcv",),
}
BY_FILE = 30e6  # parameters; larger networks are carried over in memory
LARGE = 3.5e8  # parameters; larger networks need the memory of the machine for themselves


def family(row) -> str:
    return type(row).__module__.rpartition(".")[2]


def side(row, entry) -> int:
    """A small image, unless the size is part of the network."""
    if not row.any_size:
        return entry.size
    flattens = any(line.source.chw for section in sections(family(row)) for line in section.lines)
    return row.size if flattens or row.size < 96 else max(96, row.min_size)


def ids(entry) -> str:
    return f"{entry.name}-{entry.source}-{entry.source_name}"


def marked(entry):
    return pytest.param(entry, marks=pytest.mark.large) if entry.parameters > LARGE else entry


@pytest.mark.sharded
@pytest.mark.parametrize("entry", map(marked, LOADABLE), ids=ids)
def test_logits_are_equal_both_ways(entry, tmp_path):
    if not installed(entry.source):
        pytest.skip(f"{entry.source} is not installed")
    if entry.parameters > LARGE and "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip(f"{entry.name} needs the memory of the machine for itself: pytest -m large, without -n")
    if (needed := 24 * entry.parameters) > (there := os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")):
        pytest.skip(f"{entry.name} needs {needed / 1e9:.0f} GB of memory, and there are {there / 1e9:.0f}")
    check(entry, side(find(entry.name), entry), tmp_path)


@pytest.mark.sharded
@pytest.mark.parametrize("entry", SMALLEST, ids=ids)
def test_logits_are_equal_at_an_odd_size(entry, tmp_path):
    row = find(entry.name)
    if not installed(entry.source):
        pytest.skip(f"{entry.source} is not installed")
    if not row.any_size or side(row, entry) != 96:
        pytest.skip(f"{row.name} takes one size")
    check(entry, 127 if entry.source in EVEN_INSIDE.get(family(row), ()) else 107, tmp_path)


def check(entry, size, folder):
    row = find(entry.name)
    x = np.random.default_rng(1).normal(size=(2, size, size, row.channels)).astype("float32")
    theirs = Torch(entry, row) if entry.source in TORCH_SOURCES else Keras(entry, row, size)
    arguments = {"input_shape": x.shape[1:], "classifier_activation": None}
    styled = replace(row, style=replace(row.style, **entry.style))
    if entry.parameters > LARGE:
        return check_precisely(row, entry, theirs, x, lambda: styled(**arguments))
    expected = theirs(x)
    if entry.parameters < BY_FILE:
        ours = row(weights=theirs.save(folder), **arguments)
    else:
        ours = styled(**arguments)
        WeightSource(folder, row, entry, theirs.values()).fill(ours, new_classifier=False)
    compare(ours, theirs, x, expected, lambda: styled(**arguments))
    randomise(ours, seed=2)
    leave_out_what_they_lack(ours, entry)
    theirs.take(to_source(ours, row, entry, theirs.values()))
    compare(ours, theirs, x, theirs(x), lambda: styled(**arguments))


def check_precisely(row, entry, theirs, x, draw):
    """In float64 alone, which is what networks of this size come to, and one at a time, for the memory's sake."""
    expected = theirs.precisely(x)
    with float64():
        ours = draw()
    WeightSource(Path(), row, entry, theirs.values()).fill(ours, new_classifier=False)
    assert_equal(head(ours(x.astype("float64"), training=False)), expected, 1e-6)
    randomise(ours, seed=2)
    theirs.take(to_source(ours, row, entry, theirs.values()))
    assert_equal(head(ours(x.astype("float64"), training=False)), theirs.precisely(x), 1e-6)


@contextmanager
def float64():
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")


def test_the_comparison_sees_a_wrong_stride(tmp_path):
    entry = next(e for e in LOADABLE if (e.name, e.source) == ("resnet50", "keras.applications"))
    theirs = Keras(entry, find("resnet50"), 64)
    x = np.random.default_rng(1).normal(size=(2, 64, 64, 3)).astype("float32")
    ours = find("resnet50_v1_5")(input_shape=(64, 64, 3), classifier_activation=None)
    WeightSource(tmp_path, find("resnet50"), entry, theirs.values()).fill(ours, new_classifier=False)
    with pytest.raises(AssertionError, match="they differ by"):
        assert_equal(head(ours(x, training=False)), theirs(x))


def compare(ours, theirs, x, expected, draw):
    """Equal to 1e-5; a network that magnifies float32's rounding beyond that is held to 1e-6 in float64."""
    try:
        assert_equal(head(ours(x, training=False)), expected)
    except AssertionError:
        if not isinstance(theirs, Torch):
            raise
        with float64():
            precise = draw()
        precise.set_weights(ours.get_weights())
        assert_equal(head(precise(x.astype("float64"), training=False)), theirs.precisely(x), 1e-6)


def head(outputs):
    """What the main classifier says: theirs computes no auxiliary heads at inference."""
    return np.asarray(outputs["head"] if isinstance(outputs, dict) else outputs)


def leave_out_what_they_lack(ours, entry):
    if "no gamma" in entry.deviation:
        for w in ours.weights:
            if w.path.endswith("gamma"):
                w.assign(np.ones(w.shape))


class Torch:
    def __init__(self, entry, row):
        self.entry = entry
        self.module = torch_model(entry.source, entry.source_name)
        randomise_torch(self.module)

    def __call__(self, x):
        import torch

        with torch.no_grad():
            scores = self.module(torch.tensor(x.transpose(0, 3, 1, 2).copy()))
        scores = scores["out"] if isinstance(scores, dict) else scores  # of a network that scores pixels
        return np.moveaxis(scores.numpy(), 1, -1)

    def precisely(self, x):
        self.module.double()
        exact = self(x.astype("float64"))
        self.module.float()
        return exact

    def save(self, folder):
        import torch
        from safetensors.torch import save_file

        if self.entry.source == "timm":
            path = folder / f"{self.entry.source_name}.safetensors"
            save_file(self.module.state_dict(), path)
        else:
            path = folder / f"{self.entry.source_name.partition('(')[0]}-0123abcd.pth"
            torch.save(self.module.state_dict(), path)
        return path

    def values(self):
        return {key: value.numpy() for key, value in self.module.state_dict().items()}

    def take(self, values):
        import torch

        fill_torch(self.module, {key: torch.as_tensor(value) for key, value in values.items()})


class Keras:
    def __init__(self, entry, row, size):
        self.entry = entry
        self.model = keras_model(entry.source_name, size, row.classes)
        randomise(self.model)
        self.logits = logits(self.model)
        self.scale = 255 if any(layer.name.startswith("rescaling") for layer in self.model.layers) else 1

    def __call__(self, x):
        return np.asarray(self.logits(self.scale * x, training=False))

    def save(self, folder):
        path = folder / "theirs.h5"
        self.model.save(path)
        return path

    def values(self):
        return {key: np.asarray(w) for key, w in self.keyed()}

    def take(self, values):
        for key, w in self.keyed():
            w.assign(values[key])

    def keyed(self):
        """Variables by the keys that a file of theirs has."""
        names = recount([layer.name for layer in self.model.layers])
        for layer in self.model.layers:
            inside = len({w.path.rpartition("/")[0] for w in layer.weights}) > 1  # a model among the layers
            yield from ((whole_key(names[layer.name], w.path, inside), w) for w in layer.weights)
