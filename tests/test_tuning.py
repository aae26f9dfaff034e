"""Networks are tuned by the loss of their task: what is no classifier, or no target of one, is refused before that."""

import keras
import numpy as np
import pytest
from keras import layers as L
from tiny_digits import digits

pytest.importorskip("with_toolkit", exc_type=ImportError)
from kerascnn.compression import Clustering, Pruning, Tuning, cluster, prune, quantize_aware, tuned
from kerascnn.compression.tuning import classification_loss, lesson

SHORT = Tuning(epochs=1, batch=256, lr=1e-4, progress=False)
VERBS = {
    "tuned": lambda model, train, loss=None: tuned(model, train, SHORT, loss),
    "prune": lambda model, train, loss=None: prune(model, train, Pruning(sparsity={"*": 0.01}), SHORT, loss),
    "cluster": lambda model, train, loss=None: cluster(model, train, Clustering(clusters=64), SHORT, loss),
    "quantize_aware": lambda model, train, loss=None: quantize_aware(model, train, SHORT, loss).simulation,
}
COUNT = 16
CLASSES = np.arange(COUNT) % 3
SHARES = np.eye(3, dtype="float32")[CLASSES]


def network(units: int, activation: str | None = None, name: str = "net") -> keras.Model:
    image = keras.Input((8, 8, 1), name="image")
    x = L.Conv2D(8, 3, activation="relu", name="conv")(image)
    x = L.Dense(16, activation="relu", name="hidden")(L.Flatten()(x))
    return keras.Model(image, L.Dense(units, activation=activation, name="out")(x), name=name)


def pair(targets, count: int = COUNT):
    return digits()[0][0][:count], targets


WRONG = {
    "numbers": (None, CLASSES + 0.5, "A target is no class of net, which puts out 3 scores: for 0 to 2"),
    "negative": (None, CLASSES - 1, "A target is no class of net"),
    "too many": ("softmax", CLASSES + 1, "A target is no class of net"),
    "places": (None, SHARES * 40, "A target is no share of a class of net"),
    "negative shares": ("softmax", SHARES - 0.5, "A target is no share"),
    "several classes": (None, np.minimum(SHARES + SHARES[::-1], 1), "do not sum to 1, and net chooses one class"),
    "nothing": ("softmax", 0 * SHARES, "do not sum to 1"),
    "beyond": ("sigmoid", 2 * SHARES, "A target is no share"),
    "not finite": ("softmax", np.nan * SHARES, "A target is no share"),
    "words": (None, np.full(COUNT, "cat"), "Targets are string of shape"),
    "masks": (None, np.zeros((COUNT, 8, 8), int), r"Targets are int64 of shape \(16, 8, 8\)"),
    "fewer": (None, SHARES[:, :2], "Targets weigh 2 classes, but net puts out 3 scores"),
}


@pytest.mark.parametrize("way", WRONG)
def test_targets_that_are_neither_classes_nor_shares_are_refused(way):
    activation, targets, says = WRONG[way]
    with pytest.raises(ValueError, match=says):
        lesson(network(3, activation), pair(targets), SHORT, None)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_before_it_trains(verb, monkeypatch):
    module = {"tuned": "tuning", "prune": "pruning", "cluster": "clustering", "quantize_aware": "quantization"}[verb]
    monkeypatch.setattr(f"kerascnn.compression.{module}.tune", lambda *_: pytest.fail("it trains"))
    with pytest.raises(ValueError, match="A target is no class of net"):
        VERBS[verb](network(3), pair(CLASSES + 0.5))
    with pytest.raises(ValueError, match=r"puts out \(None, 1\).*say which loss"):
        VERBS[verb](network(1), pair(CLASSES / 2))


@pytest.mark.parametrize(
    "targets",
    [CLASSES, CLASSES.astype("float32"), SHARES, {"label": CLASSES}],
    ids=["whole", "floats", "shares", "named"],
)
def test_classes_and_shares_are_taken(targets):
    _, loss = lesson(network(3), pair(targets), SHORT, None)
    scores = np.random.default_rng(0).normal(size=(COUNT, 3)).astype("float32")
    expected = keras.losses.sparse_categorical_crossentropy(CLASSES, scores, from_logits=True)
    np.testing.assert_allclose(loss(targets, scores), expected, rtol=1e-4)


def test_several_classes_at_once_are_taken_by_sigmoids():
    targets = np.minimum(SHARES + SHARES[::-1], 1)
    _, loss = lesson(network(3, "sigmoid"), pair(targets), SHORT, None)
    scores = np.random.default_rng(0).uniform(0.1, 0.9, size=(COUNT, 3)).astype("float32")
    np.testing.assert_allclose(loss(targets, scores), keras.losses.binary_crossentropy(targets, scores), rtol=1e-4)


def test_a_later_batch_of_a_dataset_is_refused_when_it_comes():
    import tensorflow as tf

    targets = CLASSES.copy()
    targets[-1] = -1
    with pytest.raises(ValueError, match=r"cannot be trained on this batch.*no class of net"):
        tuned(network(3), tf.data.Dataset.from_tensor_slices(pair(targets)).batch(8), SHORT)


def test_an_average_of_softmaxes_is_not_taken_for_logits():
    image = keras.Input((8, 8, 1))
    heads = [L.Dense(3, activation="softmax")(L.Flatten()(image)) for _ in range(2)]
    with pytest.raises(ValueError, match="sum to 1 on every image: they are shares"):
        lesson(keras.Model(image, L.Average()(heads)), pair(CLASSES), SHORT, None)
    logits = [L.Dense(3)(L.Flatten()(image)) for _ in range(2)]
    assert lesson(keras.Model(image, L.Average()(logits)), pair(CLASSES), SHORT, None)
    with pytest.raises(ValueError, match="ends in a hard_sigmoid"):
        lesson(network(3, "hard_sigmoid"), pair(CLASSES), SHORT, None)


def test_a_loss_that_pairs_images_with_others_is_refused():
    """Targets (N,) less outputs (N, 1) are (N, N): the mean of that teaches the mean of all targets."""
    numbers = (CLASSES[:, None] / 2).astype("float32")
    with pytest.raises(ValueError, match=r"of shape \(16, 16\) for targets of shape \(16,\).*shape of the outputs"):
        lesson(network(1), pair(numbers[:, 0]), SHORT, lambda targets, outputs: (targets - outputs) ** 2)
    assert lesson(network(1), pair(numbers), SHORT, lambda targets, outputs: (targets - outputs) ** 2)


def brightness(factor: float, offset: float, activation: str | None = None) -> keras.Model:
    """A network that knows how bright an image is: ``factor`` times its mean, plus ``offset``."""
    image = keras.Input((8, 8, 1), name="image")
    x = L.Dense(16, activation="relu", name="hidden")(L.Flatten()(image))
    model = keras.Model(image, L.Dense(1, activation=activation, name="out")(x), name="net")
    hidden, out = np.full((64, 16), 1 / 64), np.full((16, 1), factor / 16)
    model.set_weights([hidden, np.zeros(16), out, np.full(1, offset)])
    return model


@pytest.mark.parametrize("verb", ["prune", "quantize_aware"])
def test_a_regressor_stays_one(verb):
    """Cross-entropy took it for a classifier, whose error went from 0.1 to 16."""
    images = digits()[0][0][:256]
    targets = 10 * images.mean(axis=(1, 2)) - 3
    after = VERBS[verb](brightness(10, -3), (images, targets), keras.losses.mean_squared_error)
    assert float(np.mean((np.asarray(after(images)) - targets) ** 2)) < 0.02


@pytest.mark.parametrize(
    ("activation", "loss"),
    [("sigmoid", None), (None, keras.losses.BinaryCrossentropy(from_logits=True))],
    ids=["sigmoid", "logit"],
)
def test_one_score_for_two_classes(activation, loss):
    images = digits()[0][0][:256]
    mean = images.mean(axis=(1, 2, 3))
    targets = (mean > np.median(mean)).astype("int32")
    after = VERBS["prune"](brightness(100, -100 * np.median(mean), activation), (images, targets), loss)
    yes = np.asarray(after(images))[:, 0] > (0.5 if activation else 0)
    assert np.mean(yes == targets) > 0.97


def test_the_loss_of_one_sigmoid_is_binary():
    loss = classification_loss(network(1, "sigmoid"))
    scores, labels = np.array([[0.2], [0.7]], "float32"), np.array([0, 1])
    np.testing.assert_allclose(loss(labels, scores), -np.log([0.8, 0.7]), rtol=1e-4)
