"""Boxes of images that are to be looked at: selective search, files of others, and how they follow their images."""

import json

import numpy as np
import pytest
from test_box_sources import OBJECTS, coco
from torch_detectors import ious

from kerascnn.data import Split, open_data, proposals
from kerascnn.data.open import open_source
from kerascnn.data.pipeline import batches, load_with_proposals
from kerascnn.data.selective_search import THIN, segmented, selective_search, smoothed
from kerascnn.data.sources import shape_boxes
from kerascnn.spec import Preprocess

SEEN = Preprocess(size=48, squash=True)


def scene(side=80):
    """Two squares before a ground, one of them in stripes."""
    pixels = np.full((side, side, 3), 40, np.uint8)
    pixels[10:34, 12:40] = [200, 60, 60]
    pixels[44:70, 40:72] = [60, 200, 60]
    pixels[44:70, 40:72:4] = [60, 120, 200]
    noise = np.random.default_rng(0).normal(0, 6, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8), np.array([[12, 10, 40, 34], [40, 44, 72, 70]], "float64")


def test_objects_are_proposed():
    pixels, objects = scene()
    found = selective_search(pixels)
    assert found.dtype == np.float32 and len(found) == len(np.unique(found, axis=0)) < 400
    for box in objects:
        assert ious(box, found.astype(float)).max() > 0.85
    assert found.min() >= 0 and found.max() <= 80 and (found[:, 2:] - found[:, :2]).min() >= THIN
    areas = (found[:, 2:] - found[:, :2]).prod(axis=1)
    assert (np.diff(areas) <= 0).all() and (found[0] == [0, 0, 80, 80]).all()
    np.testing.assert_array_equal(found, selective_search(pixels.copy()))


def test_large_images_are_looked_at_smaller():
    pixels, objects = scene()
    found = selective_search(pixels.repeat(8, axis=0).repeat(8, axis=1))
    for box in 8 * objects:
        assert ious(box, found.astype(float)).max() > 0.8
    assert found.max() <= 640


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 5, 1), (30, 200, 1), (16, 16, 3)])
def test_images_of_any_kind(shape):
    found = selective_search(np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8))
    assert len(found) and (found[0] == [0, 0, shape[1], shape[0]]).all()
    assert len(selective_search(np.zeros(shape, np.uint8))) == 1


def test_segments_are_of_like_colours():
    pixels, _ = scene()
    found = segmented(smoothed(pixels.astype(np.float32)), 300.0)
    plain = found[14:30, 16:36]
    assert (plain == plain[0, 0]).all() and (found != plain[0, 0])[40:].all() and found[0, 0] != plain[0, 0]
    assert {*found.ravel()} == {*range(found.max() + 1)}


def test_most_drawn_objects_are_proposed():
    rng, hits = np.random.default_rng(0), []
    for _ in range(25):
        pixels, objects = shape_boxes.image(rng)
        found = selective_search(pixels).astype(float)
        hits += [ious(box, found).max() >= 0.5 for box in objects[:, :4]]
    assert np.mean(hits) > 0.8, np.mean(hits)


# -- sources ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(shape_boxes, "COUNT", 12)


def test_a_source_without_proposals_is_searched_once(cache, monkeypatch):
    assert "proposals" not in open_source("shape_boxes").parts["all"].annotations
    first = open_source("shape_boxes", proposals=True)
    found = first.parts["all"].annotations["proposals"]
    assert found.dtype == np.float32 and found.shape[::2] == (12, 4) and "selective search proposes" in first.note
    own = selective_search(first.parts["all"].images[3])
    np.testing.assert_array_equal(found[3, : len(own)], own)
    assert not found[3, len(own) :].any()
    monkeypatch.setattr(proposals, "selective_search", None)  # which is not called again
    again = open_data("shape_boxes", proposals=True)
    assert again.train.annotations["proposals"].shape[1:] == again.validation.annotations["proposals"].shape[1:]
    assert len(again.train) + len(again.validation) == 12


def rows(scores=(0.1, 0.9, 0.5)):
    return [
        {"image_id": number, "bbox": [number, 1, 10 + place, 12], "score": score}
        for number in range(len(OBJECTS))
        for place, score in enumerate(scores)
    ]


def test_proposals_are_read_from_a_file(cache, tmp_path):
    coco(tmp_path)
    (tmp_path / "proposals.json").write_text(json.dumps(rows()))
    source = open_source(tmp_path, progress=False, proposals=True)
    found = source.parts["all"].annotations["proposals"]
    assert found.shape == (4, 3, 4) and "3 proposals of an image" in source.note
    assert found[2].tolist() == [[2, 1, 13, 13], [2, 1, 14, 13], [2, 1, 12, 13]], "the surest first"
    assert "proposals" not in open_source(tmp_path, progress=False).parts["all"].annotations


BROKEN = {
    "cannot be read as JSON": "[",
    "lacks 'bbox'": json.dumps([{"image_id": 0}]),
    "lacks string indices": json.dumps({"images": 3}),
    r"has the box \[1, 2, 3\]": json.dumps([{"image_id": 0, "bbox": [1, 2, 3]}]),
    "has the box .* with the score 'high'": json.dumps([{"image_id": 0, "bbox": [1, 2, 3, 4], "score": "high"}]),
    "proposes nothing for 3 of 4 images, such as 1": json.dumps(rows()[:3]),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_file_is_refused(message, tmp_path):
    coco(tmp_path)
    (tmp_path / "proposals.json").write_text(BROKEN[message])
    with pytest.raises(ValueError, match=message) as error:
        open_source(tmp_path, progress=False, proposals=True)
    assert "proposals.json" in str(error.value) and "Expected a list" in str(error.value)


def test_parts_have_files_together(tmp_path):
    for part in ("train", "val"):
        coco(tmp_path / part)
    (tmp_path / "train" / "proposals.json").write_text(json.dumps(rows()))
    with pytest.raises(ValueError, match=r"train/proposals.json has proposals, and .*val/proposals.json is missing"):
        open_source(tmp_path, progress=False, proposals=True)


# -- the pipeline -----------------------------------------------------------------------------------------------------


def annotated(count=8):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (count, 64, 64, 3)).astype(np.uint8)
    corner = rng.uniform(0, 40, (count, 5, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(6, 24, (count, 5, 2))], -1).astype(np.float32)
    valid = np.ones((count, 5), bool)
    boxes[:, 4], valid[:, 4] = 0, False
    found = {"boxes": boxes, "valid": valid, "classes": np.zeros((count, 5), np.int32), "area": boxes[..., 0]}
    return Split(images, {**found, "crowd": ~valid & valid, "proposals": boxes.copy()})


@pytest.mark.parametrize("augment", [(), ("flip",), ("crop:0.4", "flip"), ("affine",), ("iou_crop",)])
def test_proposals_go_where_boxes_go(augment):
    split, moved = annotated(), 0
    for _, targets in batches(split, SEEN, 4, augment=augment):
        np.testing.assert_array_equal(targets["proposals"], targets["boxes"])
        assert not targets["proposals"][:, 4].numpy().any()
        moved += int((targets["proposals"].numpy() > 0).any(axis=-1).sum())
    assert moved > 8
    alone = Split(split.images, {"label": np.zeros(8, np.int32), "proposals": split.annotations["proposals"]})
    _, targets = next(iter(batches(alone, SEEN, 8)))
    np.testing.assert_allclose(targets["proposals"], 0.75 * split.annotations["proposals"], atol=1e-4)


def test_mosaic_puts_no_proposals_together():
    with pytest.raises(ValueError, match="mosaic puts boxes together, and no proposals"):
        next(iter(batches(annotated(), SEEN, 4, augment=("mosaic",))))


def test_one_image_is_searched_as_it_is_and_its_boxes_follow(tmp_path):
    pixels, objects = scene()
    image, found = load_with_proposals(pixels, SEEN)
    assert image.shape == (48, 48, 3) and found.shape[1] == 4
    for box in objects * 48 / 80:
        assert ious(box, found.astype(float)).max() > 0.8
