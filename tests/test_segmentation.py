"""Networks that name the class of every pixel, and what their masks are worth."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from parity import randomise
from sklearn.metrics import confusion_matrix, jaccard_score

import kerascnn
from kerascnn.applications import ROWS
from kerascnn.catalogue import find
from kerascnn.data import Split
from kerascnn.graph.features import features
from kerascnn.networks.codec import decode_row, encode_row
from kerascnn.segmentation import FCN8s, FCN16s, FCN32s, derive
from kerascnn.spec import Preprocess
from kerascnn.tasks import Segmentation, drawing
from kerascnn.tasks.segmentation.prediction import MaskPrediction

HOUSE = Path(__file__).parents[1] / "kerascnn"
BACKBONES = [
    "VGG11",
    "ResNet18",
    "MobileNetV2_035",
    "EfficientNetLite0",
    "ShuffleNetV2_050",
    "DenseNet121",
    "AlexNet",
    "ResNet20CIFAR",
]
LABELS = ("ground", "disc", "box")


# -- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BACKBONES)
def test_a_head_adds_a_score_layer_for_each_map(name):
    backbone = ROWS[name](include_top=False, input_shape=(96, 96, 3))
    widths = [x.shape[-1] for x in features(backbone).output.values()]
    for head, levels in ((FCN32s, 1), (FCN16s, 2), (FCN8s, 3)):
        model = head(name, classes=5, input_shape=(96, 96, 3))
        assert model.output_shape == (None, 96, 96, 5)
        scores = sum(5 * width + 5 for width in widths[-levels:])
        assert model.count_params() == backbone.count_params() + scores


@pytest.mark.parametrize("name", ["ResNet18", "AlexNet", "MobileNetV2_035"])
@pytest.mark.parametrize("size", [(97, 131), (64, 65)])
def test_odd_sizes(name, size):
    model = FCN8s(name, classes=3, input_shape=(*size, 3))
    randomise(model)
    probabilities = model(np.random.default_rng(0).normal(size=(2, *size, 3)).astype("float32")).numpy()
    assert probabilities.shape == (2, *size, 3)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-5)


def test_sizes_that_are_known_at_run_time_only():
    free = FCN8s("mobilenet_v2_035", classes=3, input_shape=(None, None, 3))
    randomise(free)
    images = np.random.default_rng(0).normal(size=(1, 70, 97, 3)).astype("float32")
    fixed = FCN8s("mobilenet_v2_035", classes=3, input_shape=(70, 97, 3))
    fixed.set_weights(free.get_weights())
    np.testing.assert_allclose(free(images), fixed(images), rtol=1e-4, atol=1e-6)


def test_logits_stay_in_reach_and_scores_begin_at_0():
    model = FCN16s("resnet18", classes=4, input_shape=(64, 64, 3))
    assert isinstance(model.layers[-1], keras.layers.Activation) and model.layers[-1].compute_dtype == "float32"
    np.testing.assert_allclose(model(np.ones((1, 64, 64, 3))), 0.25)
    logits = FCN16s("resnet18", classes=4, input_shape=(64, 64, 3), classifier_activation=None)
    assert not isinstance(logits.layers[-1], keras.layers.Activation)


def test_enlarging_is_bilinear():
    """The transposed convolution that the authors write, with fixed weights, gives the same inside the map."""
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 1)).astype("float32")
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.UpSampling2D(2, interpolation="bilinear")])
    ramp = np.array([0.25, 0.75, 0.75, 0.25], "float32")
    written = tf.nn.conv2d_transpose(x, np.outer(ramp, ramp)[..., None, None], (1, 12, 12, 1), 2, "SAME")
    np.testing.assert_allclose(model(x)[:, 1:-1, 1:-1], written[:, 1:-1, 1:-1], rtol=1e-4, atol=1e-5)


def test_weights_of_the_whole_network_and_of_the_backbone(tmp_path):
    backbone = ROWS["ResNet18"](classes=7, input_shape=(64, 64, 3))
    backbone.save(tmp_path / "classifier.keras")
    row = FCN8s.on("resnet18").replace(pretrained=str(tmp_path / "classifier.keras"))
    model = row(classes=3, input_shape=(64, 64, 3))
    values = {w.path: w.numpy() for w in backbone.weights}
    for w in model.weights:
        if not w.path.startswith("head-"):
            np.testing.assert_array_equal(w, values[w.path])
    randomise(model)
    model.save_weights(tmp_path / "whole.weights.h5")
    again = FCN8s("resnet18", classes=3, input_shape=(64, 64, 3), weights=str(tmp_path / "whole.weights.h5"))
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_names():
    assert find("FCN8s-MobileNetV2") == FCN8s.on("mobilenet_v2")
    assert find("fcn32s_resnet50").levels == 1
    assert kerascnn.build("fcn8s_mobilenet_v2_035", classes=4, input_shape=(64, 64, 3)).output_shape[-1] == 4
    assert derive("resnet18", find) is None
    assert "fcn8s_vgg16" in kerascnn.list_models("fcn*")
    with pytest.raises(ValueError, match="There is no model 'fcn8s_resnet19'"):
        find("fcn8s_resnet19")
    with pytest.raises(ValueError, match="no network 'resnet19' to put a head on"):
        FCN8s("resnet19")


def test_a_row_is_remembered_and_shrinks_for_a_test():
    row = FCN8s.on("mobilenet_v2")
    assert decode_row(encode_row(row)) == row
    small = row.replace(**row.tiny)
    assert small(classes=3).output_shape == (None, small.size, small.size, 3)


def test_a_backbone_of_one_map_takes_no_skips():
    with pytest.raises(ValueError, match=r"scores 3 feature maps, and vit.* Choose a head with fewer skips"):
        FCN8s("vit_ti16", input_shape=(224, 224, 3))


# -- the task ---------------------------------------------------------------------------------------------------------

TASK = Segmentation(labels=LABELS)


def example(count=5, side=8, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(count, side, side, 3)).astype("float32")
    masks = rng.integers(0, 3, (count, side, side)).astype("int32")
    masks[rng.random(masks.shape) < 0.2] = 255
    masks[0, :, :] = 255  # an image that says nothing
    return scores, masks


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_mean_over_the_pixels_that_have_a_class(smoothing):
    scores, masks = example()
    task = Segmentation(labels=LABELS, loss=type(TASK.loss)(label_smoothing=smoothing))
    losses = task.losses({"scores": tf.constant(scores)}, {"mask": tf.constant(masks)}).numpy()
    logs = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    for image, mask, loss in zip(logs, masks, losses, strict=True):
        weights = np.eye(3)[mask[mask != 255]] * (1 - smoothing) + smoothing / 3
        wanted = -(weights * image[mask != 255]).sum(-1)
        np.testing.assert_allclose(loss, wanted.mean() if len(wanted) else 0, rtol=1e-4)
    for activation, outputs in (("linear", scores), ("softmax", np.exp(logs))):
        got = TASK.output_loss({"scores": activation}, {"mask": masks}, {"scores": tf.constant(outputs)})
        if not smoothing:
            np.testing.assert_allclose(got, losses, rtol=1e-4)


def test_pixels_without_a_class_have_no_gradient():
    scores, masks = example()
    x = tf.Variable(scores)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(TASK.losses({"scores": x}, {"mask": masks}))
    gradient = tape.gradient(loss, x).numpy()
    assert (gradient[masks == 255] == 0).all() and np.isfinite(gradient).all()
    assert (np.abs(gradient[masks != 255]).max(axis=-1) > 0).all()


def test_numbers_are_those_of_scikit_learn_and_of_keras():
    scores, masks = example()
    evaluator, meters = TASK.evaluator(), TASK.meters()
    for part in (slice(0, 2), slice(2, 5)):
        evaluator.add({"scores": scores[part]}, {"mask": masks[part]})
        for meter in meters:
            meter.update_state({"mask": tf.constant(masks[part])}, {"scores": tf.constant(scores[part])})
    found, counted = evaluator.result(), masks != 255
    truth, predicted = masks[counted], scores.argmax(-1)[counted]
    np.testing.assert_array_equal(found.confusion, confusion_matrix(truth, predicted))
    np.testing.assert_allclose(found.iou, jaccard_score(truth, predicted, average=None))
    assert found.miou == pytest.approx(jaccard_score(truth, predicted, average="macro"))
    assert found.pixel_accuracy == pytest.approx((truth == predicted).mean())
    assert float(meters[0].result()) == pytest.approx(found.miou)
    assert float(meters[1].result()) == pytest.approx(found.pixel_accuracy)
    of_keras = keras.metrics.MeanIoU(3)
    of_keras.update_state(truth, predicted)
    assert float(of_keras.result()) == pytest.approx(found.miou, rel=1e-6)
    assert found.headline == found.miou and found.samples == 5 and np.isnan(found.of_images[0])
    assert found.as_dict()["classes"][1]["iou"] == pytest.approx(found.iou[1])
    assert "mean IoU" in found.text() and "disc" in found.text()


def test_a_class_that_occurs_nowhere_is_left_out_of_the_mean():
    masks = np.zeros((1, 4, 4), "int32")
    masks[0, 0] = 1
    evaluator = TASK.evaluator()
    evaluator.add({"scores": np.eye(3, dtype="float32")[masks]}, {"mask": masks})
    assert evaluator.result().miou == 1.0 and np.isnan(evaluator.result().iou[2])


def test_meters_add_up_over_replicas():
    scores, masks = example(6)
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    devices = tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        strategy = tf.distribute.MirroredStrategy([d.name for d in devices[:2]])
    with strategy.scope():
        meter = TASK.meters()[0]
    parts = tf.data.Dataset.from_tensor_slices((scores, masks)).batch(6)

    @tf.function
    def update(batch):
        strategy.run(lambda s, m: meter.update_state({"mask": m}, {"scores": s}), args=batch)

    for batch in strategy.experimental_distribute_dataset(parts):
        update(batch)
    evaluator = TASK.evaluator()
    evaluator.add({"scores": scores}, {"mask": masks})
    assert float(np.asarray(meter.result())) == pytest.approx(evaluator.result().miou, abs=1e-12)


def test_agreement_is_of_pixels():
    scores, masks = example()
    first, second = TASK.evaluator(), TASK.evaluator()
    other = scores.copy()
    other[0, 0, 0] = np.roll(other[0, 0, 0], 1)
    first.add({"scores": scores}, {"mask": masks})
    second.add({"scores": other}, {"mask": masks})
    assert first.result().agreement(second.result()) == pytest.approx(1 - 1 / masks.size)
    second.add({"scores": other}, {"mask": masks})
    with pytest.raises(ValueError, match="saw different images"):
        first.result().agreement(second.result())


def test_what_cannot_be_evaluated_says_why():
    scores, masks = example()
    with pytest.raises(ValueError, match="a score for each of 3 classes at every pixel"):
        TASK.evaluator().add({"scores": scores[..., :2]}, {"mask": masks})
    with pytest.raises(ValueError, match="holds the class 7; expected 0 to 2, or 255"):
        TASK.evaluator().add({"scores": scores}, {"mask": np.where(masks == 1, 7, masks)})
    with pytest.raises(ValueError, match="answers NaN"):
        TASK.evaluator().add({"scores": scores * np.nan}, {"mask": masks})
    with pytest.raises(ValueError, match="nothing to evaluate"):
        TASK.evaluator().result()


def test_models_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="a score for each of 3 classes at every pixel"):
        TASK.check_model(ROWS["ResNet18"](classes=3, input_shape=(64, 64, 3)))
    with pytest.raises(ValueError, match="a score for each of 3 classes"):
        TASK.check_model(FCN32s("resnet18", classes=4, input_shape=(64, 64, 3)))
    coarse = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Conv2D(3, 2, 2)])
    with pytest.raises(ValueError, match="one score for every pixel"):
        TASK.check_model(coarse)
    model = FCN32s("resnet18", classes=3, input_shape=(64, 64, 3))
    TASK.check_model(model)
    assert {*TASK.training_model(model).output} == {"scores"}


# -- drawings ---------------------------------------------------------------------------------------------------------


def test_colours_are_those_of_pascal_voc():
    colours = drawing.palette()
    assert colours[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert colours[20].tolist() == [0, 64, 128] and colours[255].tolist() == [255, 255, 255]
    assert len(np.unique(colours, axis=0)) == 256


def test_a_prediction_says_and_draws_its_classes():
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 1
    (prediction,) = TASK.decode({"scores": np.eye(3, dtype="float32")[mask][None]})
    assert prediction.text() == "ground 75.0%, disc 25.0%"
    assert prediction.as_dict()["classes"][1] == {"label": "disc", "fraction": 0.25}
    image = np.full((16, 16, 3), 100, np.uint8)
    picture = prediction.picture(image)
    assert picture.shape == (16, 16, 3) and picture.dtype == np.uint8
    assert picture[0, 0].tolist() == [100, 100, 100], "the background is left as it is"
    assert picture[4, 4].tolist() == [128, 0, 0], "the border is in the full colour"
    assert picture[8, 8].tolist() == [117, 40, 40]
    assert MaskPrediction(mask, LABELS).picture(image[..., :1]).shape == (16, 16, 3)


def test_a_report_shows_classes_and_the_best_and_worst_masks():
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 3, (30, 16, 16)).astype("uint8")
    images = rng.integers(0, 256, (30, 16, 16, 3)).astype("uint8")
    scores = np.eye(3, dtype="float32")[masks]
    for number in range(15):
        scores[number, : number + 1] = 0
    evaluator = TASK.evaluator()
    evaluator.add({"scores": scores}, {"mask": masks})
    found = evaluator.result()
    sections = found.sections(Split(images, {"mask": masks}), Preprocess(size=16, crop=1.0))
    assert [s.title for s in sections] == ["Classes, weakest first", "Confusion matrix", "Worst masks", "Best masks"]
    worst, best = sections[2].pictures, sections[3].pictures
    assert len(worst) == len(best) == 12 and best[0].caption == "mean IoU 100.0%"
    assert worst[0].details == ["image 14"] and worst[0].image.shape == (16, 3 * 16 + 2 * drawing.GAP, 3)
    assert all(label in drawing.legend(("a<b", *LABELS), drawing.palette()) for label in ("a&lt;b", *LABELS))
    assert [h.name for h in found.headlines()] == ["Mean IoU", "Pixel accuracy"]


# -- the house --------------------------------------------------------------------------------------------------------


def test_nothing_else_names_the_task():
    """Its own folders, what opens its data, and the tables may; nobody else asks which task it is."""
    tables = ("tasks/__init__.py", "catalogue.py", "networks/codec.py", "data/open.py")
    for path in sorted(HOUSE.rglob("*.py")):
        name = path.relative_to(HOUSE).as_posix()
        rooms = ("segmentation/", "tasks/segmentation/", "data/sources/")
        coco = ("tasks/instance/", "tasks/panoptic/", "data/segments.py")  # in whose words it is a part of an object
        if name.startswith((*rooms, *coco)) or name in tables:
            continue
        lines = path.read_text(encoding="utf-8").lower().splitlines()
        named = [line for line in lines if "segmentation" in line and not line.strip().startswith("title=")]
        assert not named, f"{name} names segmentation"  # but for titles of papers


def test_the_backbone_of_a_head_normalises_pixels_as_its_weights_ask():
    build = partial(kerascnn.build, "fcn32s_efficientnet_lite0", weights="imagenet", input_shape=(64, 64, 3))
    keras.utils.set_random_seed(0)
    outside = build(classes=3)
    keras.utils.set_random_seed(0)
    inside = build(classes=3, include_preprocessing=True)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    want = outside(kerascnn.preprocess_input(pixels, "efficientnet_lite0.imagenet"))
    np.testing.assert_allclose(inside(pixels), want, rtol=1e-4, atol=1e-6)
