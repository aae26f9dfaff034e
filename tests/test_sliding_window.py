"""What detectors are held against: windows that can hit the objects, and methods that find what they are made for."""

import sys
from pathlib import Path

import numpy as np
import pytest

from kerascnn.data import Split, open_data
from kerascnn.data.sources import shape_boxes
from kerascnn.detection.boxes import iou

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import sliding_window as tool


@pytest.fixture(scope="module")
def data():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shape_boxes, "COUNT", 60)
        yield open_data("shape_boxes")


def test_windows_lie_in_the_image_and_hit_its_objects(data):
    windows = tool.windows(96, 96)
    assert windows.min() == 0 and windows.max() == 96 and len(np.unique(windows, axis=0)) == len(windows)
    best = [iou(windows, boxes).numpy().max(0) for _, boxes, _ in tool.objects_of(data.train) if len(boxes)]
    assert (np.concatenate(best) >= 0.5).mean() > 0.97


def test_crops_show_what_their_label_says(data):
    crops, classes = tool.labelled(data.train, data.labels, np.random.default_rng(0))
    assert crops.shape == (len(classes), tool.CROP, tool.CROP, 3) and crops.dtype == np.uint8
    counts = np.bincount(classes, minlength=5)
    assert counts.min() > 10 and counts[-1] >= 12 * len(data.train), "of each class, and of the ground"


def drawn(*objects):
    """An image of grey with a bright rectangle for each x, y, width and height, and its annotations."""
    pixels = np.full((96, 96, 3), 90, np.uint8)
    boxes = np.zeros((1, 2, 4), np.float32)
    for place, (x, y, width, height) in enumerate(objects):
        pixels[y : y + height, x : x + width] = 250
        boxes[0, place] = x, y, x + width, y + height
    valid = np.arange(2)[None] < len(objects)
    other = {"classes": np.zeros((1, 2), np.int32), "crowd": np.zeros((1, 2), bool), "valid": valid}
    return Split(pixels[None], {"boxes": boxes, "area": np.ones((1, 2), np.float32), **other})


def test_blobs_are_the_boxes_round_what_touches():
    split = drawn((10, 20, 30, 12), (60, 50, 20, 20))
    found = tool.measure(lambda pixels: tool.blobs(pixels, 0.3, np.array([1.0, 0.2])), split, ("full", "thin"))
    assert found.ap == pytest.approx(1) and tool.as_one(found).ap == pytest.approx(1)
    nothing = tool.measure(lambda pixels: tool.blobs(pixels, 0.9, np.array([1.0, 0.2])), split, ("full", "thin"))
    assert nothing.ap == 0


def test_a_crop_correlates_with_itself_and_with_its_negative():
    crops = np.random.default_rng(0).integers(0, 255, (5, tool.CROP, tool.CROP, 3)).astype(np.uint8)
    seen = tool.standardised(crops)
    same = seen @ tool.standardised(255 - crops.astype(float)).T
    np.testing.assert_allclose(np.diag(same), -1, atol=1e-6)
    assert abs(same - np.diag(np.diag(same))).max() < 0.2
