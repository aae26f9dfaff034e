"""Blocks that begin as their shortcuts: which batch norms these are, and that nothing comes out of the branches."""

import keras
import numpy as np
import pytest
from references import import_torchvision
from test_conformance import TINY

from kerascnn.catalogue import find
from kerascnn.graph.residual import zero_last_gammas
from kerascnn.ledger import entries
from kerascnn.weights.fill import map_foreign
from kerascnn.weights.load import table

WHOLE = (  # every Add of their tiny rows ends a residual block
    "ResNet ResNetCIFAR ResNeXt CifarResNeXt WideResNet StochasticDepth SENet SENet154Family XceptionFamily "
    "MobileNetV2Family MobileNetV3Family MnasNet EfficientNet EfficientNetLite EfficientNetEdgeTPU FBNet ShuffleNet"
)


@pytest.mark.parametrize("family", WHOLE.split())
def test_every_block_begins_as_its_shortcut(family):
    row = TINY[family]
    row = row.replace(drop_path=0.2) if hasattr(row, "drop_path") else row
    model = row(classes=4)
    zeroed = zero_last_gammas(model)
    adds = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)]
    assert len(zeroed) == len(adds) > 0
    ends = keras.Model(model.input, {add.name: [*add.input, add.output] for add in adds})
    images = np.random.default_rng(0).normal(size=(3, *model.input_shape[1:]))
    for training in (False, True):
        for name, (one, other, out) in ends(images, training=training).items():
            branch, kept = (one, other) if not np.any(one) else (other, one)
            assert not np.any(branch) and np.any(kept) and np.array_equal(out, kept), name


def test_what_is_no_residual_branch_is_left_alone():
    """HRNet adds maps of several branches up; EfficientNetV2's first blocks end in an activation."""
    zeroed = zero_last_gammas(TINY["HRNet"](classes=4))
    assert len(zeroed) == 1 + 2 + 3 + 3  # blocks of the three stages, and one on each branch at the end
    assert zero_last_gammas(TINY["EfficientNetV2"](classes=4)) == ["stage3-block2-project-bn"]


@pytest.mark.parametrize("family", ["VGG", "DenseNet", "WRN", "PreActResNet", "InceptionResNet", "BiT", "SqueezeNeXt"])
def test_networks_without_such_branches_say_so(family):
    model = TINY[family](classes=4)
    with pytest.raises(ValueError, match=f"{model.name} has no residual branch that ends in a batch norm"):
        zero_last_gammas(model)


def test_the_branch_wakes():
    """A first step moves every scale that was zero."""
    model = TINY["ResNet"](classes=4)
    zeroed = zero_last_gammas(model)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.fit(np.random.default_rng(0).normal(size=(8, 32, 32, 3)), np.arange(8) % 4, verbose=0)
    assert all(np.all(np.abs(model.get_layer(name).gamma) > 0) for name in zeroed)


@pytest.mark.parametrize("name", ["resnet18", "resnet50_v1_5"])
def test_they_are_those_of_torchvision(name):
    import torch

    torchvision = import_torchvision()
    row = find(name)
    entry = next(e for e in entries() if (e.name, e.source) == (name, "torchvision"))
    theirs = torchvision.models.get_model(entry.source_name, zero_init_residual=True, num_classes=2)
    held = {key: value.numpy() for key, value in theirs.state_dict().items()}
    expected = {key for key, value in theirs.named_parameters() if value.ndim == 1 and "bias" not in key}
    expected = {key for key in expected if not torch.any(theirs.state_dict()[key])}
    model = row(classes=2, input_shape=(32, 32, 3))
    zeroed = {f"{layer}/gamma" for layer in zero_last_gammas(model)}
    found = {b.key for b in map_foreign(model, table(row, entry), True, held) if b.variable.path in zeroed}
    assert found == expected and len(found) == len(zeroed)
