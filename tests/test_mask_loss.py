"""What masks in regions are trained on, against torchvision's RoIAlign and torch's cross-entropy."""

import numpy as np
import pytest
import tensorflow as tf
from references import installed
from torch_detectors import detection, python_of

from kerascnn.detection.masks import cropped, of_masks

torch = pytest.importorskip("torch")
if not installed("torchvision"):
    pytest.skip("torchvision is not installed", allow_module_level=True)
SIDE, CELLS = 120, 28


def ellipse(box):
    """(SIDE, SIDE) bool: the ellipse that fills a box."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    x1, y1, x2, y2 = box
    return ((x - (x1 + x2) / 2) / (x2 - x1)) ** 2 + ((y - (y1 + y2) / 2) / (y2 - y1)) ** 2 < 0.25


def roi_align(maps, rois, cells):
    detection()
    return python_of("roi_align")(maps, rois, 1.0, *cells, 2, True)


def test_masks_in_regions_are_those_of_torchvision():
    """Whose RoIAlign, four points in a cell, is cut at one half."""
    rng = np.random.default_rng(0)
    masks = np.array([[ellipse((5, 9, 90, 70)), ellipse((40.2, 3, 77, 119))]] * 2)
    corner = rng.uniform(-10, 80, (2, 9, 2))
    regions = np.concatenate([corner, corner + rng.uniform(3, 70, (2, 9, 2))], -1).astype("float32")
    place = rng.integers(0, 2, (2, 9)).astype("int32")
    ours = cropped(tf.constant(np.packbits(masks, axis=-1)), tf.constant(place), tf.constant(regions), (CELLS, 14))
    for image in range(2):
        chosen = torch.tensor(masks[image][place[image]][:, None], dtype=torch.float32)
        rois = torch.tensor(np.concatenate([np.arange(9)[:, None], regions[image]], 1), dtype=torch.float32)
        theirs = roi_align(chosen, rois, (CELLS, 14))[:, 0].numpy()
        outside = roi_align(torch.ones_like(chosen), rois, (CELLS, 14))[:, 0]
        clear = (abs(theirs - 0.5) > 1e-5) & (outside.numpy() == 1)  # of points beyond an image torchvision makes zeros
        assert 0.2 < theirs.mean() < 0.8 and clear.mean() > 0.7
        np.testing.assert_array_equal(ours[image].numpy()[clear], theirs[clear] >= 0.5)


def test_the_loss_of_masks_is_that_of_the_true_class_alone():
    rng = np.random.default_rng(0)
    masks = np.array([[ellipse((5, 9, 90, 70)), ellipse((40, 3, 77, 119))]] * 3)
    targets = {"masks": tf.constant(np.packbits(masks, axis=-1)), "classes": tf.constant([[2, 0]] * 3)}
    regions = np.tile(np.array([[5, 9, 90, 70], [30, 3, 80, 100], [1, 1, 60, 50]], "float32"), (3, 1, 1))
    found = np.array([[0, 1, -1], [-1, -1, -1], [1, 1, 0]], "int32")
    logits = rng.normal(0, 3, (3, 3, CELLS, CELLS, 3)).astype("float32")
    ours = of_masks(tf.constant(logits), tf.constant(regions), tf.constant(found), targets).numpy()
    for image in range(3):
        losses = []
        for number in np.flatnonzero(found[image] >= 0):
            place = found[image, number]
            own = torch.tensor(logits[image, number, ..., (2, 0)[place]])
            chosen = torch.tensor(masks[image, place][None, None], dtype=torch.float32)
            roi = torch.tensor(np.concatenate([[0], regions[image, number]])[None], dtype=torch.float32)
            wanted = (roi_align(chosen, roi, (CELLS, CELLS))[0, 0] >= 0.5).float()
            losses.append(torch.nn.functional.binary_cross_entropy_with_logits(own, wanted).item())
        assert ours[image] == pytest.approx(np.mean(losses) if losses else 0, rel=1e-4)
    others = logits.copy()
    others[0, 0, ..., :2] += 5  # an object of class 2
    others[:, 2, ..., 1] -= 5
    np.testing.assert_array_equal(
        of_masks(tf.constant(others), tf.constant(regions), tf.constant(found), targets).numpy(), ours
    )
