"""What a recipe leaves open, and the network that it then begins with."""

from dataclasses import replace

import numpy as np
import pytest
from test_train import RECIPE, blobs, trained

from kerascnn import find_record
from kerascnn.card import Card
from kerascnn.data import Data
from kerascnn.spec import Preprocess
from kerascnn.training import Recipe, override
from kerascnn.training.network import maker, row_of
from kerascnn.training.settle import check_network, settle

OPEN = Recipe(model="resnet18", data="blobs", epochs=1, batch=32, lr=0.05)


def grey(data: Data) -> Data:
    """The same images in one channel."""
    splits = [replace(split, images=split.images[..., :1]) for split in (data.train, data.validation)]
    return replace(data, train=splits[0], validation=splits[1], channels=1)


# What is left open


def test_without_weights_the_network_and_imagenet_decide():
    settled = settle(OPEN, blobs())
    assert (settled.size, settled.crop, settled.interpolation) == (224, 0.875, "bilinear")
    assert settled.mean == (0.485, 0.456, 0.406) and settled.std == (0.229, 0.224, 0.225)
    assert settle(replace(OPEN, model="EfficientNet-B3"), blobs()).size == 300
    one = settle(OPEN, grey(blobs()))
    assert one.preprocess(1) == Preprocess(size=224, mean=(0.449,), std=(0.226,))


@pytest.mark.parametrize(
    ("model", "tag"), [("efficientnet_b0", "imagenet"), ("bit_r50x1", "goog_in21k_ft_in1k"), ("ViT-B16", "imagenet")]
)
def test_weights_bring_what_their_images_went_through(model, tag):
    recipe = replace(OPEN, model=model, weights=tag)
    record = find_record(row_of(recipe).name, tag).preprocess
    settled = settle(recipe, blobs())
    assert settled.preprocess(3) == record and settled.size == record.size
    dull = settle(recipe, grey(blobs())).preprocess(1)
    assert dull.mean == pytest.approx((np.mean(record.mean),)) and dull.std == pytest.approx((np.mean(record.std),))
    own = settle(replace(recipe, size=64, crop=1.0, interpolation="nearest", mean=(0.5,) * 3, std=(0.2,) * 3), blobs())
    assert (own.size, own.crop, own.interpolation, own.mean, own.std) == (64, 1.0, "nearest", (0.5,) * 3, (0.2,) * 3)


def test_what_is_settled_stays():
    for data in (blobs(), grey(blobs())):
        for recipe in (OPEN, replace(OPEN, weights="imagenet"), RECIPE):
            settled = settle(recipe, data)
            assert settle(settled, data) == settled
            assert override(settled, []) == settled


def test_the_card_and_the_checkpoint_know_the_settled_recipe(tmp_path):
    trained(tmp_path, replace(RECIPE, crop=0.0, epochs=1))
    card = Card.read(tmp_path / "model.keras")
    assert card.facts["recipe"]["crop"] == 0.875 and card.facts["recipe"]["mean"] == [0.485, 0.456, 0.406]


# Columns


def test_columns_are_changed():
    row = row_of(replace(OPEN, model="densenet121", columns=("dropout:0.3", "layer_dropout:.2", "growth:16")))
    assert (row.dropout, row.layer_dropout, row.growth) == (0.3, 0.2, 16) and row.depths == (6, 12, 24, 16)
    assert row_of(OPEN) is row_of(replace(OPEN, model="ResNet-18"))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("dropot:0.1", "resnet18 has no column 'dropot' that holds a number. Did you mean 'dropout'"),
        ("drop_path:0.1", "no column 'drop_path'"),  # which ResNet-18 would not heed
        ("depths:3", "no column 'depths' that holds a number. Choose one of 'dropout', 'width'"),
        ("size:32", "no column 'size' that"),
        ("width:1.5", "the column 'width:1.5' has '1.5'; expected a whole number, as in 'width:64'"),
        ("dropout", "the column 'dropout' has ''; expected a number, as in 'dropout:0.0'"),
        ("dropout:much", "has 'much'; expected a number"),
    ],
)
def test_columns_that_cannot_be_changed(column, message):
    with pytest.raises(ValueError, match=message):
        check_network(replace(OPEN, columns=(column,)))


def test_mistakes_are_met_before_data_are_opened(tmp_path):
    from kerascnn.workflows.train import run

    nowhere = replace(OPEN, data="no such folder")
    for change, message in (
        ({"columns": ("widht:3",)}, "no column 'widht'"),
        ({"weights": "tv_in1k_v9"}, "resnet18 has no published weights 'tv_in1k_v9'"),
        ({"model": "resnet19"}, "no model 'resnet19'"),
    ):
        with pytest.raises(ValueError, match=message):
            run(replace(nowhere, **change), tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none\.keras"):
        run(replace(nowhere, weights=str(tmp_path / "none.keras")), tmp_path)


def test_the_whole_network_is_saved_with_its_columns(tmp_path):
    """Narrow, with dropout: what is saved needs no row to be read."""
    import keras

    recipe = replace(OPEN, size=32, columns=("width:4", "dropout:0.25"), augment=("flip",))
    trained(tmp_path, recipe, make_model=None)
    saved = keras.models.load_model(tmp_path / "model.keras")
    assert [layer.rate for layer in saved.layers if isinstance(layer, keras.layers.Dropout)] == [0.25]
    assert saved.get_layer("stem-conv").filters == 4
    assert Card.read(tmp_path / "model.keras").facts["recipe"]["columns"] == ["width:4", "dropout:0.25"]


# What the network begins with


def test_blocks_may_begin_as_their_shortcuts():
    recipe = replace(OPEN, columns=("width:4",), zero_gamma=True)
    model = maker(recipe)((32, 32, 3), 3)
    zero = [v.path for v in model.trainable_variables if v.name == "gamma" and not np.any(v)]
    assert len(zero) == 8 and all("bn2" in path for path in zero)
    assert not any(np.all(np.asarray(v) == 0) for v in model.variables if v.name == "kernel")
    assert override(OPEN, ["zero_gamma=true"]).zero_gamma and not override(recipe, ["zero_gamma=False"]).zero_gamma
    with pytest.raises(ValueError, match="zero_gamma is 'maybe'; expected True or False"):
        override(OPEN, ["zero_gamma=maybe"])
    with pytest.raises(ValueError, match="zero_gamma would spoil the weights"):
        replace(recipe, weights="imagenet")


def test_weights_are_those_of_the_file_but_for_the_classifier(tmp_path):
    recipe = replace(OPEN, columns=("width:4",))
    before = maker(recipe)((32, 32, 3), 5)
    before.save(tmp_path / "before.keras")
    recipe = replace(recipe, weights=str(tmp_path / "before.keras"))
    with pytest.warns(UserWarning, match="head-dense is new, for 3 classes"):
        after = maker(recipe)((32, 32, 3), 3)
    old, new = ([v for v in m.variables if not v.path.startswith("head")] for m in (before, after))
    assert len(old) == len(new) > 90 and all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
    assert settle(recipe, blobs()).size == 224  # a file has no record: the network's own


def test_a_network_of_ones_own_heeds_no_row(tmp_path):
    with pytest.raises(ValueError, match="columns and weights are for networks of the catalogue"):
        trained(tmp_path, replace(RECIPE, columns=("width:4",), weights="imagenet"))
