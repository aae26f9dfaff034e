"""What a recipe leaves open, and the network that it then begins with."""

from dataclasses import replace

import numpy as np
import pytest
from test_train import RECIPE, blobs, trained

from kerascnn import find_record
from kerascnn.card import Card
from kerascnn.data import Data
from kerascnn.spec import Preprocess
from kerascnn.tasks import Classification
from kerascnn.training import SGD, Epochs, Input, Model, Recipe, override
from kerascnn.training.resolve import maker, resolve

OPEN = Recipe(model=Model("resnet18"), length=Epochs(1), data="blobs", batch=32, optimizer=SGD(lr=0.05, nesterov=True))


def grey(data: Data) -> Data:
    """The same images in one channel."""
    splits = [replace(split, images=split.images[..., :1]) for split in (data.train, data.validation)]
    return replace(data, train=splits[0], validation=splits[1], channels=1)


# What is left open


def seen(recipe: Recipe, data: Data) -> Preprocess:
    """What images go through."""
    return resolve(recipe, data).preprocess


def test_without_weights_the_network_and_imagenet_decide():
    assert seen(OPEN, blobs()) == Preprocess(size=224)
    assert seen(OPEN.replace({"model.name": "EfficientNet-B3"}), blobs()).size == 300
    assert seen(OPEN, grey(blobs())) == Preprocess(size=224, mean=(0.449,), std=(0.226,))


@pytest.mark.parametrize(
    ("model", "tag"), [("efficientnet_b0", "imagenet"), ("bit_r50x1", "goog_in21k_ft_in1k"), ("ViT-B16", "imagenet")]
)
def test_weights_bring_what_their_images_went_through(model, tag):
    recipe = OPEN.replace(model=Model(model, weights=tag))
    record = find_record(recipe.model.row().name, tag).preprocess
    assert seen(recipe, blobs()) == record
    dull = seen(recipe, grey(blobs()))
    assert dull.mean == pytest.approx((np.mean(record.mean),)) and dull.std == pytest.approx((np.mean(record.std),))
    own = Input(size=64, crop=1.0, interpolation="nearest", mean=(0.5,) * 3, std=(0.2,) * 3)
    assert seen(recipe.replace(input=own), blobs()) == Preprocess(
        size=64, crop=1.0, interpolation="nearest", mean=(0.5,) * 3, std=(0.2,) * 3
    )


def test_what_is_resolved_stays():
    for data in (blobs(), grey(blobs())):
        for recipe in (OPEN, OPEN.replace({"model.weights": "imagenet"})):
            resolved = resolve(recipe, data).recipe
            assert resolve(resolved, data).recipe == resolved


def test_the_row_says_the_task_unless_the_recipe_does():
    assert resolve(OPEN, blobs()).task == Classification(labels=("a", "b", "c"))
    with pytest.raises(ValueError, match=r"no task 'clasification'.*'classification'"):
        resolve(OPEN.replace(task="clasification"), blobs())
    with pytest.raises(ValueError, match=r"loss must be CrossEntropy or BinaryCrossEntropy; got 0.1"):
        resolve(OPEN.replace(loss=0.1), blobs())


def test_the_card_and_the_checkpoint_know_the_settled_recipe(tmp_path):
    trained(tmp_path, RECIPE.replace({"input.crop": None}, length=Epochs(1)))
    card = Card.read(tmp_path / "model.keras")
    assert card.facts["recipe"]["input"]["crop"] == 0.875
    assert card.facts["recipe"]["input"]["mean"] == [0.485, 0.456, 0.406]


# Fields


def test_fields_are_changed():
    row = Model("densenet121", fields={"dropout": 0.3, "layer_dropout": 0.2, "growth": 16}).row()
    assert (row.dropout, row.layer_dropout, row.growth) == (0.3, 0.2, 16) and row.depths == (6, 12, 24, 16)
    assert OPEN.model.row() is Model("ResNet-18").row() is Model(OPEN.model.row()).row()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dropot": 0.1}, "resnet18 has no field 'dropot'. Did you mean 'dropout'"),
        ({"drop_path": 0.1}, "no field 'drop_path'"),  # which ResNet-18 would not heed
        ({"size": 32}, "no field 'size'"),
        ({"width": 1.5}, "width of resnet18 must be a whole number, as in 64; got 1.5"),
        ({"dropout": "much"}, "dropout of resnet18 must be a number, as in 0.0; got 'much'"),
    ],
)
def test_fields_that_cannot_be_changed(fields, message):
    with pytest.raises(ValueError, match=message):
        Model("resnet18", fields=fields).row()


def test_mistakes_are_met_before_data_are_opened(tmp_path):
    from kerascnn.workflows.train import train as run

    nowhere = OPEN.replace(data="no such folder")
    for change, message in (
        ({"model.fields.widht": 3}, "no field 'widht'"),
        ({"model.weights": "tv_in1k_v9"}, "resnet18 has no published weights 'tv_in1k_v9'"),
        ({"model.name": "resnet19"}, "no model 'resnet19'"),
    ):
        with pytest.raises(ValueError, match=message):
            run(nowhere.replace(change), tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none\.keras"):
        run(nowhere.replace({"model.weights": str(tmp_path / "none.keras")}), tmp_path)


def test_the_whole_network_is_saved_with_its_fields(tmp_path):
    """Narrow, with dropout: what is saved needs no row to be read."""
    import keras

    recipe = OPEN.replace({"input.size": 32, "model.fields": {"width": 4, "dropout": 0.25}}, augment=("flip",))
    trained(tmp_path, recipe, make_model=None)
    saved = keras.models.load_model(tmp_path / "model.keras")
    assert [layer.rate for layer in saved.layers if isinstance(layer, keras.layers.Dropout)] == [0.25]
    assert saved.get_layer("stem-conv").filters == 4
    assert Card.read(tmp_path / "model.keras").facts["recipe"]["model"]["fields"] == {"width": 4, "dropout": 0.25}


# What the network begins with


def test_blocks_may_begin_as_their_shortcuts():
    recipe = OPEN.replace({"model.zero_gamma": True, "model.fields": {"width": 4}})
    model = maker(recipe.model)((32, 32, 3), 3)
    zero = [v.path for v in model.trainable_variables if v.name == "gamma" and not np.any(v)]
    assert len(zero) == 8 and all("bn2" in path for path in zero)
    assert not any(np.all(np.asarray(v) == 0) for v in model.variables if v.name == "kernel")
    assert override(OPEN, ["model.zero_gamma=true"]).model.zero_gamma
    with pytest.raises(ValueError, match="zero_gamma of Model must be one of bool; got 'maybe'"):
        override(OPEN, ["model.zero_gamma=maybe"])
    with pytest.raises(ValueError, match="zero_gamma would spoil the weights"):
        recipe.replace({"model.weights": "imagenet"})


def test_weights_are_those_of_the_file_but_for_the_classifier(tmp_path):
    recipe = OPEN.replace({"model.fields": {"width": 4}})
    before = maker(recipe.model)((32, 32, 3), 5)
    before.save(tmp_path / "before.keras")
    recipe = recipe.replace({"model.weights": str(tmp_path / "before.keras")})
    with pytest.warns(UserWarning, match="head-dense is new, for 3 classes"):
        after = maker(recipe.model)((32, 32, 3), 3)
    old, new = ([v for v in m.variables if not v.path.startswith("head")] for m in (before, after))
    assert len(old) == len(new) > 90 and all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
    assert seen(recipe, blobs()).size == 224  # a file has no record: the network's own


def test_a_network_of_ones_own_heeds_no_row(tmp_path):
    with pytest.raises(ValueError, match=r"model.fields and model.weights are for networks of the catalogue"):
        trained(tmp_path, RECIPE.replace({"model.weights": "imagenet", "model.fields": {"width": 4}}))
