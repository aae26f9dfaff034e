"""Cut-outs of maps against torchvision's own, and their gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from references import installed
from torch_detectors import detection, python_of

from kerascnn import layers as L
from kerascnn.layers import roi_align

torch = pytest.importorskip("torch")
if not installed("torchvision"):
    pytest.skip("torchvision is not installed", allow_module_level=True)


@pytest.fixture(params=["matrices", "gathering"])
def way(request, monkeypatch):
    """Maps of few places and of many are looked at in two ways."""
    monkeypatch.setattr(roi_align, "FEW", 10**6 if request.param == "matrices" else 0)


def regions(count, height, width, seed=0):
    """Boxes of all sizes in an image, some at its edges, one of a single pixel and one of nothing."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 0.8, (2, count, 2)) * [width, height]
    size = rng.uniform(0.02, 1, (2, count, 2)) * [width, height]
    boxes = np.concatenate([corner, np.minimum(corner + size, [width, height])], -1).astype("float32")
    boxes[:, 0], boxes[:, 1], boxes[:, 2] = [0, 0, width, height], [5, 7, 6, 8], [9, 9, 9, 9]
    return boxes


def with_images(boxes):
    numbers = np.arange(len(boxes)).repeat(boxes.shape[1])[:, None]
    return torch.tensor(np.concatenate([numbers, boxes.reshape(-1, 4)], -1).astype("float32"))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("side", "samples", "aligned"), [(7, 2, False), (14, 2, False), (5, 1, True), (7, 3, True)])
def test_one_map_is_cut_as_in_torchvision(side, samples, aligned):
    detection()
    maps = np.random.default_rng(1).normal(size=(2, 12, 17, 5)).astype("float32")
    boxes = regions(20, 96, 136)
    theirs = torch.tensor(maps.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    wanted = python_of("roi_align")(theirs, with_images(boxes), 1 / 8, side, side, samples, aligned)
    wanted.square().sum().backward()
    layer, ours = L.RoIAlign([8], side, samples, aligned), tf.Variable(maps)
    with tf.GradientTape() as tape:
        got = layer([boxes, ours])
        loss = tf.reduce_sum(got**2)
    expected = wanted.detach().numpy().reshape(2, 20, 5, side, side).transpose(0, 1, 3, 4, 2)
    assert expected.std() > 0.1
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    gradient = tf.convert_to_tensor(tape.gradient(loss, ours))
    np.testing.assert_allclose(gradient, theirs.grad.numpy().transpose(0, 2, 3, 1), rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("way")
def test_boxes_are_looked_at_in_the_map_that_suits_their_size():
    from torchvision.ops.poolers import LevelMapper

    rng = np.random.default_rng(1)
    sizes = [(160, 224), (80, 112), (40, 56), (20, 28)]
    maps = [rng.normal(size=(2, *size, 3)).astype("float32") for size in sizes]
    boxes = regions(60, 640, 896)
    boxes[:, 3], boxes[:, 4] = [10, 10, 122, 122], [10, 10, 234, 234]  # of just 112 and 224 pixels
    layer = L.RoIAlign([4, 8, 16, 32])
    got = layer([boxes, *maps]).numpy()
    levels = LevelMapper(2, 5)([torch.tensor(each) for each in boxes]).numpy().reshape(2, 60)
    assert {*levels[:, 5:].ravel()} == {0, 1, 2, 3} and levels[0, 3:5].tolist() == [1, 2]
    for level, (stride, each) in enumerate(zip([4, 8, 16, 32], maps, strict=True)):
        alone = L.RoIAlign([stride])([boxes, each]).numpy()
        np.testing.assert_allclose(got[levels == level], alone[levels == level], rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("way")
def test_it_is_saved_in_a_model_and_takes_any_number_of_images(tmp_path):
    boxes, maps = keras.Input((4, 4)), [keras.Input((8, 8, 2)), keras.Input((4, 4, 2))]
    model = keras.Model([boxes, *maps], L.RoIAlign([8, 16], side=3)([boxes, *maps]))
    assert model.output_shape == (None, 4, 3, 3, 2)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    rng = np.random.default_rng(0)
    for images in (1, 3):
        x = [rng.uniform(0, 64, (images, 4, 4)), *(rng.normal(size=(images, side, side, 2)) for side in (8, 4))]
        x = [each.astype("float32") for each in x]
        np.testing.assert_array_equal(again(x), model(x))
