"""keras-cv's detectors and segmenters train on our networks."""

import sys

import keras
import numpy as np
import pytest

import kerascnn

keras_cv = pytest.importorskip("keras_cv")
SIDE = 64
BOXES = {"boxes": np.array([[[10, 20, 30, 30]], [[30, 10, 20, 40]]], "float32"), "classes": np.array([[1], [2]])}
HEADS = {
    "RetinaNet": ({"bounding_box_format": "xywh"}, {"classification_loss": "focal", "box_loss": "smoothl1"}, BOXES),
    "YOLOV8Detector": (
        {"bounding_box_format": "xywh", "fpn_depth": 1},
        {"classification_loss": "binary_crossentropy", "box_loss": "ciou"},
        BOXES,
    ),
    "DeepLabV3Plus": ({}, {"loss": "sparse_categorical_crossentropy"}, np.ones((2, SIDE, SIDE, 1), "int32")),
}


@pytest.mark.filterwarnings("ignore:The structure of `inputs`")
@pytest.mark.parametrize("head", HEADS)
def test_its_heads_train_our_networks(head):
    how, losses, targets = HEADS[head]
    model = kerascnn.build("mobilenet_v2_035", include_top=False, input_shape=(SIDE, SIDE, 3))
    whole = getattr(keras_cv.models, head)(num_classes=3, backbone=kerascnn.as_keras_cv(model), **how)
    whole.compile(optimizer=keras.optimizers.SGD(1e-3), **losses)
    images = np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype("float32")
    before = [np.array(weight) for weight in model.trainable_weights]
    history = whole.fit(images, targets, batch_size=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    moved = [not np.array_equal(was, now) for was, now in zip(before, model.trainable_weights, strict=True)]
    assert sum(moved) > 0.8 * len(moved), "weights are shared, and gradients reach them"


def test_levels_are_strides():
    model = kerascnn.build("resnet18", include_top=False, input_shape=(SIDE, SIDE, 3))
    levels = kerascnn.as_keras_cv(model).pyramid_level_inputs
    maps = kerascnn.features(model).output
    assert [int(level[1:]) for level in levels] == [1, 2, 3, 4, 5]
    for level, name in levels.items():
        assert model.get_layer(name).output is maps[2 ** int(level[1:])]


def test_boxes_overlap_as_it_says():
    from kerascnn.detection.boxes import iou

    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 50, (2, 8, 2)).astype("float32")
    one, other = (np.concatenate([c, c + rng.uniform(1, 30, (8, 2))], -1).astype("float32") for c in corners)
    np.testing.assert_allclose(iou(one, other), keras_cv.bounding_box.compute_iou(one, other, "xyxy"), atol=1e-6)


def test_what_cannot_be_one(monkeypatch):
    flat = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="flat")
    with pytest.raises(ValueError, match=r"strides 2, 4, 8, \.\.\.; flat has none"):
        kerascnn.as_keras_cv(flat)
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    for name in [name for name in sys.modules if name.startswith("keras_cv.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"needs the package 'keras_cv'.*kerascnn\[keras-cv\]"):
        kerascnn.as_keras_cv(flat)
