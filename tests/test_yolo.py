"""YOLO's three versions: networks layer by layer as Darknet's files list them, losses as its code has them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from darknet import CFGS, computed, region_deltas, said_box, squared_errors, yolo_deltas
from parity import assert_equal, images, randomise

import kerascnn
from kerascnn import layers as L
from kerascnn.applications import ROWS as ROWS_OF_BACKBONES
from kerascnn.catalogue import find
from kerascnn.detection import ROWS, YOLOv1, YOLOv2, YOLOv3, YOLOv3Tiny, yolov1, yolov2, yolov3
from kerascnn.detection.cell_losses import logistic, region, sum_squared
from kerascnn.detection.losses import giou
from kerascnn.layers.boxes import decoded_in_cells
from kerascnn.networks.codec import decode_row, encode_row
from kerascnn.tasks import Detection
from kerascnn.tasks.detection import Focal, Logistic, MultiBox, Region, SumSquared
from kerascnn.tasks.detection.heads import up_to_logits
from kerascnn.tasks.detection.losses import usual

NAMES = {"yolov1": 64, "yolov1_tiny": 64, "yolov2": 64, "yolov2_tiny": 64, "yolov3": 64, "yolov3_tiny": 64}


# -- networks ---------------------------------------------------------------------------------------------------------


def stages(table):
    """Names of the convolutions of a trunk of stages, with the number of each."""
    return [(f"stage{i}", j) for i, count in enumerate(table, 1) for j in range(1, count + 1)]


def residual_stages(depths):
    found = [("stem", 1)]
    for i, depth in enumerate(depths, 1):
        found.append((f"stage{i}", 1))
        found += [(f"stage{i}-block{j}", c) for j in range(1, depth + 1) for c in (1, 2)]
    return found


TINY = stages([1] * 7)
SAID = -1  # three convolutions, which are one there
HEAD = [("head-map1", SAID)]
ORDER = {  # of each network the layers with kernels, in the order of its cfg file
    "yolov1": [*stages([1, 1, 4, 10, 4]), *(("tail", c) for c in (1, 2, 3, 4)), ("head-hidden", 0), ("head-cells", 0)],
    "yolov1_tiny": [*TINY, ("tail", 1), ("head-cells", 0)],
    "yolov2": [*stages([1, 1, 3, 3, 5, 5]), ("neck", 1), ("neck", 2), ("neck-finer", 1), ("neck", 3), *HEAD],
    "yolov2_tiny": [*TINY, ("neck", 1), *HEAD],
    "yolov3": [
        *residual_stages([1, 2, 8, 8, 4]),
        *(("map3", c) for c in range(1, 6)), ("head-map3", 1), ("head-map3", SAID), ("map2-up", 1),
        *(("map2", c) for c in range(1, 6)), ("head-map2", 1), ("head-map2", SAID), ("map1-up", 1),
        *(("map1", c) for c in range(1, 6)), ("head-map1", 1), ("head-map1", SAID),
    ],
    "yolov3_tiny": [
        *TINY, ("map2", 1), ("head-map2", 1), ("head-map2", SAID), ("map1-up", 1), ("head-map1", 1), ("head-map1", SAID)
    ],
}  # fmt: skip


def kernels(model, order):
    """The values of each layer with a kernel, and of the batch norm behind it, if there is one."""
    for place, number in order:
        if not number:
            yield model.get_layer(f"{place}-dense").get_weights()
            continue
        if number == SAID:
            yield said_at_once(model, place)
            continue
        suffix = str(number) if number > 1 else ""
        values = model.get_layer(f"{place}-conv{suffix}").get_weights()
        yield values if len(values) == 2 else values + model.get_layer(f"{place}-bn{suffix}").get_weights()


def said_at_once(model, place):
    """Kernel and bias of the one convolution that says all of a map's boxes: anchor by anchor."""
    parts = [model.get_layer(f"{place}-{kind}-conv").get_weights() for kind in ("boxes", "objects", "classes")]
    anchors = parts[1][1].size
    both = zip(*([x.reshape(*x.shape[:-1], anchors, -1) for x in part] for part in parts), strict=True)
    return [np.concatenate(each, -1).reshape(*each[0].shape[:-2], -1) for each in both]


@pytest.mark.parametrize("name", NAMES)
def test_a_network_computes_what_its_cfg_file_lists(name):
    torch = pytest.importorskip("torch")
    keras.utils.clear_session()
    row = find(name)
    side = NAMES[name]
    model = row(input_shape=(side, 2 * side, 3))
    randomise(model)
    x = images(model)
    raw = up_to_logits(model)
    got = {name: np.asarray(values) for name, values in raw(x).items()}
    cells = model.get_layer("head-cells-dense").units if isinstance(row, YOLOv1) else 0
    with torch.no_grad():
        outputs = computed(CFGS[name].format(cells=cells), x, kernels(model, ORDER[name]))
    if isinstance(row, YOLOv1):
        parts = [got[part].reshape(len(x), -1) for part in ("shares", "sure", "roots")]  # in this order there too
        assert_equal(np.concatenate(parts, 1), outputs[0], 1e-4)
        return
    kind = "exclusive" if isinstance(row, YOLOv2) else "logits"
    rows = np.concatenate([got["said"], got["objects"], got[kind]], -1)
    theirs = [values.reshape(len(x), -1, 5 + row.classes) for values in outputs[::-1]]  # they begin with the coarsest
    assert_equal(rows, np.concatenate(theirs, 1), 1e-4)


# -- boxes and losses -------------------------------------------------------------------------------------------------

SIZE, GRIDS = np.array((64, 96)), ((4, 6), (2, 3))
SHAPES = (((8, 8), (12, 20)), ((20, 30), (50, 40), (30, 8)))
CLASSES = 4


def layer_and_maps(images=3):
    """A layer that decodes cells of two maps, and what is said in these, by map (B, H, W, boxes, 5 + K)."""
    rng = np.random.default_rng(0)
    maps = [
        rng.normal(0, 1, (images, *grid, len(shapes), 5 + CLASSES)).astype("float32")
        for grid, shapes in zip(GRIDS, SHAPES, strict=True)
    ]
    return L.DecodeCells(tuple(SIZE.tolist()), GRIDS, SHAPES), maps


def in_rows(maps):
    return np.concatenate([each.reshape(len(each), -1, each.shape[-1]) for each in maps], 1)


def fractions(shapes):
    """Anchors as fractions of the image's width and height."""
    return np.array(shapes) / SIZE[::-1]


def objects(images=3):
    """Boxes of which two share a cell and an anchor, one has no area, and the last image has none; as targets."""
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 0.6 * SIZE[::-1], (images, 5, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 30, (images, 5, 2))], -1)
    boxes[:, 1] = boxes[:, 0] + [0.5, 0.5, 0.5, 0.5]
    boxes[0, 2, 2] = boxes[0, 2, 0]
    valid = np.arange(5) < np.array([5, 4, 0])[:, None]
    classes = np.tile([0, 2, 1, 3, 0], (images, 1))
    targets = {"boxes": boxes.astype("float32"), "classes": classes.astype("int32"), "valid": valid}
    return {name: tf.constant(values) for name, values in targets.items()}


def listed(targets, image):
    """Middles and sizes of an image's objects as fractions of it, and their classes."""
    boxes, valid = targets["boxes"][image].numpy().astype("float64"), targets["valid"][image].numpy()
    sides = np.tile(SIZE[::-1], 2)
    rows = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1) / sides
    there = valid & (rows[:, 2:] > 0).all(1)
    return rows[there], targets["classes"][image].numpy()[there]


def test_boxes_are_decoded_as_the_papers_have_them():
    layer, maps = layer_and_maps()
    got = np.asarray(layer([in_rows([each])[..., :4] for each in maps]))
    wanted = [
        said_box(each[1, row, column, n], row, column, each.shape[1:3], shape)
        for each, shapes in zip(maps, SHAPES, strict=True)
        for row, column, n in np.ndindex(each.shape[1:4])
        for shape in [fractions(shapes)[n]]
    ]
    middle, size = np.split(np.array(wanted) * np.tile(SIZE[::-1], 2), 2, axis=1)
    corners = np.concatenate([middle - size / 2, middle + size / 2], 1)
    assert (corners < 0).any() and (corners > 64).any(), "some lie beyond the edge, where they are cut off"
    np.testing.assert_allclose(got[1], np.clip(corners, 0, [96, 64, 96, 64]), rtol=1e-4, atol=1e-3)


def gradients(loss, maps, layer, targets, **how):
    """The loss of every image, and its gradient by all that is said, in rows."""
    rows = tf.Variable(in_rows(maps))
    with tf.GradientTape() as tape:
        parts = rows[..., 4:5], rows[..., 5:], rows[..., :4]
        losses = loss(*parts, tf.constant(layer.defaults), tf.constant(layer.steps), targets, **how)
        total = tf.reduce_sum(losses)
    return losses.numpy(), tape.gradient(total, rows).numpy()


@pytest.mark.parametrize("ignore", [0.7, 0.2])
def test_yolo_v3_learns_what_darknets_yolo_layer_learns(ignore):
    layer, maps = layer_and_maps()
    targets = objects()
    losses, got = gradients(logistic, maps, layer, targets, ignore=ignore)
    ignored = 0
    for image in range(3):
        given = [each[image].astype("float64") for each in maps]
        deltas = yolo_deltas(given, [*map(fractions, SHAPES)], *listed(targets, image), ignore)
        wanted = in_rows([each[None] for each in deltas])[0]
        np.testing.assert_allclose(got[image], -wanted, rtol=1e-4, atol=1e-5)
        ignored += (wanted[:, 4] == 0).sum()
    assert np.isfinite(losses).all() and (ignored > 5) == (ignore == 0.2)
    assert losses[2] == pytest.approx(np.log1p(np.exp(in_rows(maps)[2, :, 4])).sum(), rel=1e-5), "an empty image"


def test_all_anchors_of_a_cell_that_are_like_an_object_learn_it():
    layer, maps = layer_and_maps()
    targets, found = objects(), np.zeros(2, int)
    _, got = gradients(logistic, maps, layer, targets, ignore=0.7, overlap=0.213)
    for image in range(3):
        given = (
            [each[image].astype("float64") for each in maps],
            [*map(fractions, SHAPES)],
            *listed(targets, image),
            0.7,
        )
        best, wanted = (
            in_rows([each[None] for each in deltas])[0] for deltas in (yolo_deltas(*given), yolo_deltas(*given, 0.213))
        )
        np.testing.assert_allclose(got[image], -wanted, rtol=1e-4, atol=1e-5)
        found += [(each[:, 4] > 0).sum() for each in (best, wanted)]
    assert found[1] > found[0] > 4


def test_places_may_be_learned_by_the_overlap_of_boxes():
    layer, maps = layer_and_maps()
    targets, how = objects(), {"ignore": 0.7, "overlap": 0.1}
    targets["valid"] &= tf.range(5) == 0  # one object, so that it is known which one a box is to find
    once, twice, other = (
        gradients(logistic, maps, layer, targets, **how, of_boxes=kind, of_place=weight)
        for kind, weight in (("giou", 1.0), ("giou", 2.0), ("squares", 1.0))
    )
    np.testing.assert_array_equal(once[1][..., 4:], other[1][..., 4:])  # of all but places nothing changes
    np.testing.assert_allclose(twice[1][..., :4], 2 * once[1][..., :4], rtol=1e-5)
    learns = (once[1][..., :4] != 0).any(-1)
    assert learns.sum() > 2 and (learns == (other[1][..., :4] != 0).any(-1)).all()
    boxes = decoded_in_cells(in_rows(maps)[..., :4], layer.defaults, layer.steps)
    off = np.where(learns, giou(boxes, targets["boxes"][:, :1]), 0).sum(1)
    np.testing.assert_allclose(twice[0] - once[0], off, rtol=1e-4)


@pytest.mark.parametrize("ignore", [0.6, 0.2])
def test_yolo_v2_learns_what_darknets_region_layer_learns(ignore):
    _, maps = layer_and_maps()
    layer, targets = L.DecodeCells(tuple(SIZE.tolist()), GRIDS[:1], SHAPES[:1]), objects()
    how = {"ignore": ignore, "of_object": 5.0, "of_none": 1.0}
    losses, got = gradients(region, maps[:1], layer, targets, **how)
    for image in range(3):
        given = maps[0][image].astype("float64")
        delta = region_deltas(given, fractions(SHAPES[0]), *listed(targets, image), ignore)
        np.testing.assert_allclose(got[image], -in_rows([delta[None]])[0], rtol=1e-4, atol=1e-5)
    assert np.isfinite(losses).all()


def test_yolo_learns_by_equation_3():
    rng, grid, count = np.random.default_rng(2), (4, 6), 2
    layer, targets = L.DecodeRoots(tuple(SIZE.tolist()), grid, count), objects()
    sure = rng.normal(0.3, 0.3, (3, *grid, count)).astype("float32")
    shares = rng.normal(0.3, 0.3, (3, *grid, CLASSES)).astype("float32")
    roots = rng.uniform(0.1, 0.9, (3, *grid, count, 4)).astype("float32")
    roots[1, ..., 2:] *= 0.1  # so small that many overlap nothing
    given = sure.reshape(3, 24, count, 1), shares.reshape(3, 24, 1, CLASSES), roots.reshape(3, -1, 4)
    constants = tf.constant(layer.defaults), tf.constant(layer.steps)
    got = sum_squared(*map(tf.constant, given), *constants, targets, of_place=5.0, of_none=0.5).numpy()
    for image in range(3):
        wanted = squared_errors(sure[image], shares[image], roots[image], *listed(targets, image))
        assert got[image] == pytest.approx(wanted, rel=1e-5)


def test_padding_has_no_part_in_a_loss():
    layer, maps = layer_and_maps()
    targets = objects()
    there = targets["valid"].numpy()
    padded = targets | {
        "boxes": tf.constant(np.where(there[..., None], targets["boxes"], [7, 7, 30, 30]).astype("float32")),
        "classes": tf.constant(np.where(there, targets["classes"], 1)),
    }
    for loss, how in ((logistic, {"ignore": 0.3}), (region, {"ignore": 0.3, "of_object": 5.0, "of_none": 1.0})):
        for one, other in zip(*(gradients(loss, maps, layer, each, **how) for each in (targets, padded)), strict=True):
            np.testing.assert_array_equal(one, other)


def test_each_network_has_its_loss():
    for name, kind in (("yolov1", SumSquared), ("yolov2", Region), ("yolov3", Logistic)):
        row = find(f"{name}_mobilenet_v2_035")
        model = row.replace(**{**row.tiny, "backbone": row.backbone})(classes=3, input_shape=(64, 64, 3))
        task = Detection(labels=("a", "b", "c"))
        trained = task.training_model(model)
        assert type(usual(trained.output)) is kind
        outputs = trained(np.random.default_rng(0).normal(size=(3, 64, 64, 3)).astype("float32"))
        targets = objects() | {"crowd": tf.zeros((3, 5), bool)}
        losses = task.losses(outputs, targets | {"classes": targets["classes"] % 3})
        assert losses.shape == (3,) and np.isfinite(losses).all()
        other = MultiBox() if kind is not MultiBox else Focal()
        with pytest.raises(ValueError, match=f"MultiBox is for other networks.*set it to {kind.__name__}"):
            Detection(labels=("a", "b", "c"), loss=other).training_model(model)


@pytest.mark.parametrize("name", ["ssdlite", "retinanet", "yolov1", "yolov2", "yolov3"])
def test_the_part_that_compression_tunes_has_the_loss_of_the_whole(name):
    row = find(f"{name}_resnet20_cifar")
    model = row.replace(**row.tiny)(classes=3, input_shape=(64, 64, 3))
    randomise(model)
    task, x = Detection(labels=("a", "b", "c")), images(model, 3)
    part = task.part_to_tune(model)
    targets = objects() | {"crowd": tf.zeros((3, 5), bool)}
    targets["classes"] %= 3
    wanted = task.losses(task.training_model(model)(x), targets)
    np.testing.assert_allclose(part.loss(targets, part.model(x)), wanted, rtol=1e-5)
    again, outputs = part.whole(part.model)(x), model(x)
    for output, values in outputs.items():
        np.testing.assert_allclose(again[output], values, rtol=1e-5, atol=1e-5)
    task.training_model(part.whole(part.model))  # is drawn as any other, and can be trained on


@pytest.mark.parametrize(
    ("kind", "name", "value", "says"),
    [
        (SumSquared, "place", 0, "above 0"),
        (SumSquared, "none", -1, "above 0"),
        (Region, "ignore", 1.5, "above 0, up to 1"),
        (Region, "object", 0, "above 0"),
        (Region, "none", 0, "above 0"),
        (Logistic, "ignore", 0, "above 0, up to 1"),
        (Logistic, "overlap", 1.5, "above 0, up to 1"),
        (Logistic, "place", 0, "above 0"),
        (Logistic, "boxes", "l1", "one of squares, giou"),
    ],
)
def test_losses_refuse_what_they_cannot_be(kind, name, value, says):
    with pytest.raises(ValueError, match=f"{name} must be {says}"):
        kind(**{name: value})


# -- on any backbone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", ["yolov1", "yolov2", "yolov3"])
@pytest.mark.parametrize("name", ["ResNet18", "MobileNetV2_035"])
def test_a_head_stands_on_any_backbone(system, name):
    model = kerascnn.build(f"{system}_{ROWS_OF_BACKBONES[name].name}", classes=3, input_shape=(96, 128, 3))
    boxes, scores = (model.output[name].shape for name in ("boxes", "scores"))
    assert boxes[1] == scores[1] == {"yolov1": 2 * 2 * 2, "yolov2": 5 * 12, "yolov3": 3 * (12 + 48 + 192)}[system]
    answers = model(np.random.default_rng(0).normal(size=(2, 96, 128, 3)).astype("float32"))
    assert (answers["boxes"] >= 0).numpy().all() and (answers["boxes"] <= [128, 96, 128, 96]).numpy().all()
    assert (answers["scores"] >= 0).numpy().all() and (answers["scores"] <= 1).numpy().all()


def test_a_row_is_remembered_and_shrinks_for_a_test():
    rows = [row for row in ROWS.values() if isinstance(row, YOLOv1 | YOLOv2 | YOLOv3)]
    assert len(rows) == 8
    for row in (*rows, yolov1("mobilenet_v2"), yolov2("mobilenet_v2"), yolov3("mobilenet_v2")):
        assert decode_row(encode_row(row)) == row
        small = row.replace(**row.tiny)(classes=2)
        assert small.output["scores"].shape[-1] == 2 and small.input_shape[1] <= 64


def test_names():
    assert find("YOLOv3-MobileNetV2") == yolov3("mobilenet_v2") == yolov3(ROWS_OF_BACKBONES["MobileNetV2"])
    assert find("yolov3") is ROWS["YOLOv3DarkNet53"] and find("YOLOv3-tiny") is ROWS["YOLOv3Tiny"]
    assert {"yolov1", "yolov2_voc", "yolov3_tiny"} <= {*kerascnn.list_models("yolo*", task="detection")}
    for build, name in ((yolov1, "yolov1"), (yolov2, "yolov2"), (yolov3, "yolov3")):
        with pytest.raises(ValueError, match=f"There is no model '{name}_resnet19'"):
            find(f"{name}_resnet19")
        with pytest.raises(ValueError, match="no network 'resnet19' to put a head on"):
            build("resnet19")


def test_what_a_box_is_held_to_be_before_the_first_step():
    row = yolov3("resnet20_cifar")
    small = row.replace(**row.tiny)
    for prior, drawn in ((0.01, small), (0.3, small.replace(prior=0.3)), (0.5, YOLOv3Tiny.replace(**row.tiny))):
        model = drawn(classes=2, input_shape=(64, 64, 3))
        for kind, logit in (("objects", np.log(prior / (1 - prior))), ("boxes", 0), ("classes", 0)):
            np.testing.assert_allclose(model.get_layer(f"head-map2-{kind}-conv").bias, logit, rtol=1e-6)
    with pytest.raises(ValueError, match="prior must be between 0 and 1; got 1"):
        small.replace(prior=1)(classes=2)


def test_networks_that_cannot_be_drawn_say_why():
    with pytest.raises(ValueError, match=r"numbers of its own for every place.*must have a fixed size"):
        kerascnn.build("yolov3_mobilenet_v2_035", input_shape=(None, None, 3))
    with pytest.raises(ValueError, match="has heads for 3 maps and anchors for 3, and vit_ti16 makes 1"):
        kerascnn.build("yolov3_vit_ti16", input_shape=(224, 224, 3))
    with pytest.raises(ValueError, match="has heads for 3 maps and anchors for 1"):
        yolov3("mobilenet_v2_035").replace(anchors=(((8, 8),),))(input_shape=(64, 64, 3))
    with pytest.raises(ValueError, match=r"makes one of 7 x 7 pixels.*multiple of 32, or set passthrough to 0"):
        kerascnn.build("yolov2_mobilenet_v2_035", input_shape=(100, 100, 3))
    with pytest.raises(ValueError, match="makes none"):
        kerascnn.build("yolov2_vit_ti16", input_shape=(224, 224, 3))
    with pytest.raises(ValueError, match="has no whole squares"):
        L.SpaceToDepth()(np.zeros((1, 3, 4, 1), "float32"))
